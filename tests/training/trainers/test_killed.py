"""A run that is killed and started again takes the very same next ten steps as one that is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rewatch.memory import ClipMemory

TEN = 10


def rows(folder: Path) -> dict[int, dict[str, Any]]:
    """The figures of each step; of a step that was done twice (it was not saved before the kill) the later ones."""
    path = folder / "rows.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {row["step"]: row for row in map(json.loads, lines)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mini", "trl"])
def test_kill_and_resume_gives_the_same_next_ten_steps(
    kind: str, folder: Path, colors: ClipMemory, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("killed.py")

    def start(out: str, steps: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), kind, str(folder), str(colors.folder), str(tmp_path / out)]
        log = (tmp_path / f"{out}.log").open("ab")
        return subprocess.Popen([*command, str(steps)], stdout=log, stderr=log, cwd=tmp_path)

    whole, killed = start("whole", 3 + TEN), start("killed", 3 + TEN)
    try:
        for _ in range(1200):
            if len(rows(tmp_path / "killed")) >= 3 or killed.poll() is not None:
                break
            time.sleep(0.05)
        os.kill(killed.pid, signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL, (tmp_path / "killed.log").read_text()[-2000:]
        before = max(rows(tmp_path / "killed"))
        assert before < TEN
        killed = start("killed", before + TEN)
        assert killed.wait(timeout=120) == 0, (tmp_path / "killed.log").read_text()[-2000:]
        assert whole.wait(timeout=120) == 0, (tmp_path / "whole.log").read_text()[-2000:]
        if before > 3:  # the kill came late: let the other run go as far
            whole = start("whole", before + TEN)
            assert whole.wait(timeout=120) == 0
    finally:
        for process in (whole, killed):
            if process.poll() is None:
                process.kill()
                process.wait()
    taken = (tmp_path / "killed" / "rows.jsonl").read_text(encoding="utf-8").count("\n")
    assert before + TEN <= taken <= before + TEN + 2  # it went on, and did not begin anew
    one, two = rows(tmp_path / "whole"), rows(tmp_path / "killed")
    steps = range(before + 1, before + TEN + 1)
    assert len(steps) == TEN and set(steps) <= set(one) & set(two)
    for step in steps:
        assert two[step] == pytest.approx(one[step], rel=1e-4, abs=1e-6), step
    assert len({one[step]["reward"] for step in steps}) > TEN // 2  # steps that could differ
