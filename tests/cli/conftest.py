"""A home with an indexed video, and the command line in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run_here

QUESTION = "What is said about the budget?"
SUBTITLES = """1
00:00:02,000 --> 00:00:06,000
The budget is ten million.

2
00:00:14,000 --> 00:00:17,500
Peter starts in R&D in September.
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """24 s: a caption for each half, subtitles, indexed as `talk.mp4`."""
    home = tmp_path_factory.mktemp("again")
    cards = ("ROOM 417", "MONDAY 9:30")
    make_talk(home / "talk.mp4", 24, captions=lambda second: cards[int(second // 12)], size=(640, 360), fps=4)
    (home / "talk.srt").write_text(SUBTITLES)
    done = rewatch(home, "index", "talk.mp4", "--workers", "0")
    assert done.returncode == 0 and "indexed" in done.stdout, done.stderr
    return home


def variables(home: Path) -> dict[str, str]:
    """Environment variables of a command at home."""
    return {
        "HOME": str(home), "REWATCH_MEMORY": str(home / "memory"), "COLUMNS": "100", "OMP_NUM_THREADS": "1",
        "XDG_RUNTIME_DIR": str(home), "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONSAFEPATH": "1",  # at home lies a folder `rewatch`
    }  # fmt: skip


def environment(home: Path) -> dict[str, str]:
    """The whole environment of a process at home."""
    return {**os.environ, **variables(home)}


def rewatch(home: Path, *words: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run `rewatch WORDS` at home in this process, with `typed` on its standard input."""
    return run_here(home, *words, variables=variables(home), typed=typed)


def start_rewatch(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `rewatch WORDS` at home in a process of its own."""
    command = [sys.executable, "-m", "rewatch", *words]
    env = {**environment(home), **settings}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=240, cwd=home)
