"""Ctrl-C and SIGTERM at any moment: one line, the exit code, and no process left; exits with threads in native code."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import QUESTION, environment

VERBS = {
    "index": (["index", "talk.mp4", "--memory", "other", "--workers", "2"], 8.0),
    "ask": (["ask", "talk.mp4", QUESTION], 3.0),
    "warm": (["warm", "--foreground", "--idle", "0.05"], 3.0),
    "tools": (["tools"], 2.5),
}
STUCK = '''
import re
from rewatch.tools import tool

@tool(timeout=0.5)
def stuck() -> str:
    """Wait for ever in native code that lets other threads run."""
    import ctypes
    return str(ctypes.CDLL(None).pause())

@tool(timeout=1.0)
def holds() -> str:
    """Stay for ever in native code that lets nobody run."""
    return str(re.match(r"(a+)+$", "a" * 64 + "b"))
'''


def started(home: Path, mark: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rewatch", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home,
        env={**environment(home), "REWATCH_WARM": "0", "REWATCH_TEST": mark},
    )  # fmt: skip


def left(mark: str) -> list[str]:
    """What still runs of a command and of what it started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"REWATCH_TEST={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if ours and (folder / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def end(process: subprocess.Popen[str], number: signal.Signals, mark: str) -> None:
    over = process.poll() is not None
    process.send_signal(number)
    told, problems = process.communicate(timeout=240)
    assert "Traceback" not in told + problems, problems
    if not over and process.returncode != 0:  # it may have been quicker
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], problems
        assert "interrupted" in problems.splitlines()[-1] and problems.count("interrupted") == 1, problems
    while left(mark):
        time.sleep(0.05)  # the guardians are at it


def interrupt(home: Path, verb: str, number: signal.Signals, share: float) -> None:
    words, long = VERBS[verb]
    mark = f"{verb}{share}"
    process = started(home, mark, *words)
    time.sleep(0.2 + share * long)
    end(process, number, mark)


@pytest.mark.parametrize(
    ("verb", "number", "share"),
    [("ask", signal.SIGINT, 0.1), ("index", signal.SIGTERM, 0.6)],
)
def test_a_signal_ends_a_command_with_one_line(home: Path, verb: str, number: signal.Signals, share: float):
    interrupt(home, verb, number, share)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_signal_at_any_moment(home: Path, seed: int):
    chance = random.Random(seed)
    interrupt(home, chance.choice([*VERBS]), chance.choice([signal.SIGINT, signal.SIGTERM]), chance.random())


@pytest.mark.slow
def test_nothing_outlives_an_indexing_that_was_killed(home: Path, tmp_path: Path):
    process = started(home, "killed", "index", "talk.mp4", "--memory", str(tmp_path / "memory"), "--workers", "2")
    while not any("guardian.py" in line for line in left("killed")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    process.wait()
    while left("killed"):
        time.sleep(0.05)


@pytest.mark.parametrize(("tool", "isolate"), [("stuck", "none"), ("holds", "foreign")])
def test_a_tool_that_never_ends_leaves_a_clean_exit(home: Path, tmp_path: Path, tool: str, isolate: str):
    (tmp_path / "own.py").write_text(STUCK)
    words = ["tools", "try", tool, "--tools", str(tmp_path / "own.py"), "--isolate", isolate]
    process = started(home, tool, *words)
    told, problems = process.communicate(timeout=240)
    assert process.returncode == 1 and "given up" in told and "terminate" not in problems, told + problems
    while left(tool):
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_code_in_the_json_is_that_of_the_process(number: signal.Signals, code: int):
    script = f"""
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores it
from rewatch.cli import app, main
app.app = lambda **_: (os.kill(os.getpid(), {int(number)}), time.sleep(30))
sys.argv = ["rewatch", "train", "--json"]
main()
"""
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (code, code)
