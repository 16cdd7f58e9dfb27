"""A real client asks about a video that the server has never seen: the benchmark, with a shorter video."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


HOW = {"stdio, listening": ("--minutes", "12"), "HTTP, subtitles": ("--minutes", "30", "--http", "--subtitles")}


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("how", HOW.values(), ids=HOW.keys())
def test_a_client_gets_an_answer_from_what_is_covered_and_then_the_whole_one(how: tuple[str, ...]):
    if importlib.util.find_spec("mcp") is None or shutil.which("espeak-ng") is None:
        pytest.skip("needs the extra mcp, and espeak-ng to speak")
    command = [sys.executable, "-P", ROOT / "benchmarks" / "mcp_cold.py", *how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
