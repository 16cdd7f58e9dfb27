"""Modules that lie beside somebody's videos, under every name that anything imports, are never run."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = "import re\nimport sys\nfrom rewatch.cli import main\nsys.exit(main())\n"
PLANT = "import os\nwith open({marks!r}, 'a') as file:\n    file.write(__name__ + ' ' + str(os.getpid()) + '\\n')\n"
ABSENT = ("decord", "pocketsphinx", "ultralytics", "torchvision", "usercustomize", "sitecustomize", "worker", "boot")
TOOLS = '''
import json, multiprocessing, os, subprocess, sys
import beside
from rewatch.tools import tool

@tool
def looks(word: str) -> str:
    """Tell where modules come from, here and in processes that are started from here."""
    code = "import json, colorsys; print(json.__file__, colorsys.__file__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        told += str(pool.map(abs, [-3]))
    return f"{beside.WORD} {word} {json.__file__} {told} isolated {os.environ.get('REWATCH_ISOLATED')}"
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """A folder with a video and modules that leave a mark when they are run."""
    place = tmp_path_factory.mktemp("planted")
    make_talk(place / "talk.mp4", 4, captions=lambda second: "EXIT")
    installed = set(importlib.metadata.packages_distributions())
    for name in {*sys.stdlib_module_names, *installed, *ABSENT}:
        if name.isidentifier() and name != "rewatch":
            (place / f"{name}.py").write_text(PLANT.format(marks=str(place / "marks")))
    info = place / "evil-1.0.dist-info"  # registers a tool, where the folder is on the path
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rewatch.tools]\nevil = evil_tool:run\n")
    (place / "evil_tool.py").write_text(PLANT.format(marks=str(place / "marks")))
    home = place / "home"
    home.mkdir()
    (home / "rewatch_script.py").write_text(SCRIPT)
    own = home / "own"
    own.mkdir()
    (own / "own_tools.py").write_text(TOOLS)
    (own / "beside.py").write_text("WORD = 'neighbour'\n")
    return place


def run(place: Path, *words: str, script: bool = False, code: int = 0) -> str:
    """What the command prints; nothing that was planted has run."""
    home = place / "home"
    env = {
        **os.environ, "HOME": str(home), "REWATCH_MEMORY": str(home / "memory"), "XDG_RUNTIME_DIR": str(home),
        "COLUMNS": "300", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    env.pop("PYTHONSAFEPATH", None)
    start = [str(home / "rewatch_script.py")] if script else ["-m", "rewatch"]
    done = subprocess.run([sys.executable, *start, *words], capture_output=True, text=True, env=env, cwd=place)
    marks = place / "marks"
    assert not marks.exists(), marks.read_text()
    assert done.returncode == code, done.stdout + done.stderr
    assert "evil" not in done.stdout + done.stderr
    return done.stdout


def test_no_command_runs_what_lies_beside_a_video(place: Path):
    assert "indexed" in run(place, "index", "talk.mp4", "--workers", "2")
    (place / "rewatch.py").write_text(PLANT.format(marks=str(place / "marks")))  # `python -m` itself would take it
    try:
        assert "EXIT" in run(
            place, "ask", "talk.mp4", "What is written on the screen?", "--isolate", "video", script=True
        )
        assert "talk.mp4" in run(place, "videos", script=True)
    finally:
        (place / "rewatch.py").unlink()
    assert "process" in run(place, "warm", "--idle", "1")
    try:
        run(place, "search", "exit")
    finally:
        assert "ended" in run(place, "warm", "--stop")


@pytest.mark.slow
def test_tools_of_ones_own_import_what_lies_beside_them_and_nothing_else(place: Path):
    own = str(place / "home" / "own" / "own_tools.py")
    for isolated in (True, False):
        words = [] if isolated else ["--isolate", "none"]
        told = run(place, "tools", "try", "looks", "word=here", "--tools", own, *words)
        assert "neighbour here" in told and str(place) + "/json" not in told and "[3]" in told
        assert ("isolated 1" in told) == isolated
    # A module in the current folder that is asked for by name is what is meant.
    (place / "mine.py").write_text(
        TOOLS.replace("import beside", "import types; beside = types.SimpleNamespace(WORD=1)")
    )
    assert "1 there" in run(place, "tools", "try", "looks", "word=there", "--tools", "mine:looks")
