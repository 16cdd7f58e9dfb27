"""The example that trains a policy on a CPU, shortened: steps are fixed, so that a slow machine changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rewatch.agent.models.registry import load_policy

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_tool_policy.py"


@pytest.mark.slow
@pytest.mark.timeout(1200)  # of CPU minutes on a loaded machine
def test_reinforcement_learning_makes_it_use_its_tools(tmp_path: Path) -> None:
    out = tmp_path / "out"
    sizes = {"traces": 600, "sft-steps": 180, "rl-steps": 12, "held-out": 72, "seed": 3}
    arguments = [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE), "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    before, after = [row for row in rows if row["stage"] == "held-out"]
    assert after["tool_rate"] >= before["tool_rate"] + 0.2
    assert after["accuracy"] > before["accuracy"] and after["right_clip"] > before["right_clip"]
    assert "gate passed" in ran.stdout and (out / "curve.png").stat().st_size > 0
    assert load_policy(str(out / "trained")).dialect.name == "short"
