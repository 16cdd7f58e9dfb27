"""The example of an array of Slurm tasks, with the variables that Slurm sets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory

SCRIPT = Path(__file__).parents[2] / "examples" / "slurm.sh"


@pytest.mark.slow
def test_an_array_of_tasks_makes_one_memory(tmp_path: Path, make_talk: Callable[..., Path]):
    (tmp_path / "videos").mkdir()
    for number in range(3):
        make_talk(tmp_path / "videos" / f"{number}.mp4", 3 + number, size=(160, 96), fps=4)
    command = tmp_path / "rewatch"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m rewatch "$@"\n')
    command.chmod(0o755)
    tasks = [{"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "2"} for task in (1, 2)]
    for task in [*tasks, {}]:
        options = ["--channels", "visual"] if task else []
        subprocess.run(
            ["sh", SCRIPT, tmp_path / "videos", tmp_path / "work", *options],
            env={**os.environ, **task, "REWATCH": str(command), "REWATCH_WARM": "0"}, check=True, timeout=240,
        )  # fmt: skip
    with ClipMemory(tmp_path / "work" / "memory", read_only=True) as memory:
        assert sorted(record.name for record in memory.videos()) == ["0.mp4", "1.mp4", "2.mp4"]
