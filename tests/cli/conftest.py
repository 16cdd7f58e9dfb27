"""A home with an indexed video, and the command line in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
    done = rewatch(home, "ask", "talk.mp4", QUESTION)
    assert done.returncode == 0 and "indexed" in done.stdout, done.stderr
    return home


def environment(home: Path) -> dict[str, str]:
    """Of a process at home."""
    return {
        **os.environ, "HOME": str(home), "REWATCH_MEMORY": str(home / "memory"), "COLUMNS": "100",
        "OMP_NUM_THREADS": "1", "XDG_RUNTIME_DIR": str(home),
        "PYTHONSAFEPATH": "1",  # at home lies a folder `rewatch`
    }  # fmt: skip


def rewatch(home: Path, *words: str, typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `rewatch WORDS` at home, with `typed` on its standard input."""
    command = [sys.executable, "-m", "rewatch", *words]
    env = {**environment(home), **settings}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=240, cwd=home, input=typed)
