"""The example that makes training data, on tasks of the gym and on the file that it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from datasets import Dataset
from rewatch.training.data.task_files import from_dataset
from rewatch.training.synthesis import read_conversations

EXAMPLE = Path(__file__).parents[2] / "examples" / "make_traces.py"


def make(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, env=environment)


def test_an_expert_makes_traces_that_can_be_read(tmp_path: Path):
    ran = make("--out", tmp_path, "--count", "2")
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "2 tasks, 2 traces" in ran.stdout and "expert: 2 kept" in ran.stdout
    traces = read_conversations(tmp_path / "traces.jsonl")
    tasks = from_dataset(Dataset.from_parquet(str(tmp_path / "tasks.parquet"), cache_dir=str(tmp_path / "cache")))
    assert [trace.task for trace in traces] == tasks
