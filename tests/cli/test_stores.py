"""Folders of videos, removing them, runs and their cleaning, and files that moved: as people do it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewatch.cli.app import app
from rewatch.memory import ClipMemory, RewatchError
from typer.testing import CliRunner

from .conftest import environment

Done = subprocess.CompletedProcess


@pytest.fixture(scope="module")
def once_asked(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the indexed video and one run."""
    place = tmp_path_factory.mktemp("asked") / "home"
    shutil.copytree(home, place, ignore=shutil.ignore_patterns("*.sock", "rewatch", "runs"))
    assert ok(rewatch(place, "ask", "talk.mp4", "What is said about the budget?")).returncode == 0
    return place


@pytest.fixture
def place(once_asked: Path, tmp_path: Path) -> Path:
    """A home of its own with the indexed video and one run."""
    return Path(shutil.copytree(once_asked, tmp_path / "home"))


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("films")
    (folder / "day").mkdir()
    make_talk(folder / "RED.MP4", 3, captions=lambda _: "RED", size=(320, 180), fps=2)
    make_talk(folder / "day" / "blue.mp4", 3, captions=lambda _: "BLUE", size=(320, 180), fps=2)
    shutil.copy(folder / "RED.MP4", folder / "day" / "copy.mp4")
    (folder / "day" / "up").symlink_to("..")
    (folder / "notes.txt").write_text("x")
    (folder / "broken.mp4").write_text("no video")
    return folder


def ok(done: Done[str]) -> Done[str]:
    assert "Traceback" not in done.stdout + done.stderr
    return done


def rewatch(place: Path, *words: object) -> Done[str]:
    """The command line in this process, which is quicker: its code and what it says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("REWATCH_MEMORY", str(place / "memory"))
        patch.setenv("COLUMNS", "100")
        result = CliRunner().invoke(app, [*map(str, words)])
    told = result.stderr
    code = result.exit_code
    if isinstance(result.exception, RewatchError):
        code, told = result.exception.exit_code, f"{told}error: {result.exception}\n"
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done([*map(str, words)], code, result.stdout, told)


def test_a_folder_is_indexed_and_each_video_removed(place: Path, films: Path) -> None:
    done = ok(rewatch(place, "index", films, "--channels", "visual", "--json"))
    row = json.loads(done.stdout)
    assert done.returncode == 3 and "broken.mp4" in done.stderr  # a file with a video's name that is none
    assert sorted(r["name"] for r in row["videos"] if "id" in r) == ["RED.MP4", "blue.mp4"]
    why = {Path(one["path"]).name: one["why"] for one in row["passed_over"]}
    assert why["notes.txt"] == "text or a document" and why["up"].startswith("a link to a folder")
    assert why["copy.mp4"].startswith("the same video as")
    nothing = ok(rewatch(place, "index", films, "--glob", "*.txt"))
    assert nothing.returncode == 3 and "There is no video that matches *.txt" in nothing.stderr
    assert ok(rewatch(place, "ask", "blue.mp4", "What is shown?")).returncode == 0
    assert ok(rewatch(place, "ask", "What is shown?")).returncode == 0  # about all of them

    asks = ok(rewatch(place, "remove", "blue.mp4"))
    assert asks.returncode == 2 and "--yes" in asks.stderr
    gone = ok(rewatch(place, "remove", "blue.mp4", films / "RED.MP4", "--yes", "--json"))
    removed = {one["name"]: one for one in json.loads(gone.stdout)["removed"]}
    assert gone.returncode == 0 and removed["blue.mp4"]["runs"] == 1 and removed["blue.mp4"]["freed"] > 0
    assert (films / "day" / "blue.mp4").is_file()
    left = json.loads(ok(rewatch(place, "videos", "--json")).stdout)["videos"]
    assert [video["name"] for video in left] == ["talk.mp4"]
    runs = json.loads(ok(rewatch(place, "runs", "--json")).stdout)["runs"]
    assert len(runs) == 2  # the one about all videos, and that of the fixture
    assert ok(rewatch(place, "remove", "blue.mp4", "--yes")).returncode == 3


def test_runs_are_listed_and_cleaned(place: Path) -> None:
    folder = place / "memory" / "runs"
    (folder / "mine.txt").write_text("not a run's")
    old = time.time() - 40 * 86400
    for _ in range(2):
        assert ok(rewatch(place, "ask", "talk.mp4", "What is said about the budget?")).returncode == 0
    runs = json.loads(ok(rewatch(place, "runs", "--json")).stdout)["runs"]
    assert len(runs) == 3 and {run["state"] for run in runs} == {"answered"} and all(run["bytes"] for run in runs)
    assert runs[0]["id"] in ok(rewatch(place, "runs")).stdout
    for file in runs[0]["files"]:
        os.utime(folder / file, (old, old))
    assert ok(rewatch(place, "clean")).returncode == 2  # nobody can be asked
    dry = json.loads(ok(rewatch(place, "clean", "--dry-run", "--json")).stdout)
    assert dry["runs"] == [runs[0]["id"]] and (folder / runs[0]["files"][0]).is_file()
    assert json.loads(ok(rewatch(place, "clean", "--yes", "--json")).stdout)["freed"] == runs[0]["bytes"]
    assert ok(rewatch(place, "clean", "--older-than", "0", "--keep", "1", "--yes")).returncode == 0
    (kept,) = json.loads(ok(rewatch(place, "runs", "--json")).stdout)["runs"]
    assert kept["id"] == runs[2]["id"] and ok(rewatch(place, "replay", kept["id"])).returncode == 0
    assert ok(rewatch(place, "clean", kept["id"], "--yes")).returncode == 0
    assert [file.name for file in folder.iterdir()] == ["mine.txt"]
    for odd in (["--older-than", "soon"], ["20260101-000000-abcdef"], ["x", "--keep", "1"]):
        assert ok(rewatch(place, "clean", *odd)).returncode == 2


def test_a_run_that_is_just_being_started_is_not_the_last_one(place: Path) -> None:
    assert ok(rewatch(place, "ask", "talk.mp4", "What is said about the budget?")).returncode == 0
    for name, held in (("29990101-000000-aaaaaa", ""), ("29990101-000000-bbbbbb", '{"event": "run", "sch')):
        (place / "memory" / "runs" / f"{name}.jsonl").write_text(held)
    for verb in (["replay"], ["report", "--no-open"]):
        done = ok(rewatch(place, *verb))
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("late", [False, True])
def test_a_video_that_is_removed_meanwhile_is_left_out(
    place: Path, films: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    from rewatch.agent import agent

    assert ok(rewatch(place, "index", films / "RED.MP4", "--channels", "visual")).returncode == 0
    understood = agent.question_about

    def and_then_it_goes(*given: Any, **more: Any) -> Any:
        asked = understood(*given, **more) if late else None
        with ClipMemory(place / "memory") as other:
            other.remove("RED.MP4")
        return asked or understood(*given, **more)

    monkeypatch.setattr(agent, "question_about", and_then_it_goes)
    done = ok(rewatch(place, "ask", "What is said about the budget?"))
    assert done.returncode == 0 and "ten million" in done.stdout, done.stderr
    assert ok(rewatch(place, "replay")).returncode == 0


def test_a_file_that_moved_is_asked_by_what_was_found(place: Path) -> None:
    rewatch(place, "index", place / "talk.mp4")
    with sqlite3.connect(place / "memory" / "memory.sqlite") as db:  # it still lies where it was copied from
        db.execute("DELETE FROM paths WHERE path NOT LIKE ?", (f"{place}/%",))
    db.close()
    (place / "talk.mp4").rename(place / "elsewhere.bin")
    for word in ("talk.mp4", place / "talk.mp4"):
        done = ok(rewatch(place, "ask", word, "What is said about the budget?", "-q"))
        assert done.returncode == 0 and "ten million" in done.stdout
    read = ok(rewatch(place, "ask", "talk.mp4", "What text is shown at 0:05?", "-q"))
    assert "ROOM 417" in read.stdout
    missing = ok(rewatch(place, "ask", "talk.mp4", "What is written on the poster?", "--json"))
    answer = json.loads(missing.stdout)
    assert not answer["abstained"] or "is gone" in answer["text"]
    assert ok(rewatch(place, "ask", "nothing.mp4", "What is said?")).returncode == 3


def test_a_known_file_is_asked_while_something_else_is_indexed(place: Path) -> None:
    shutil.copy(place / "talk.mp4", place / "copy.mp4")
    with ClipMemory(place / "memory") as memory, memory.store.writing():
        for word in ("talk.mp4", place / "talk.mp4", "copy.mp4"):
            done = ok(rewatch(place, "ask", word, "What is said about the budget?"))
            assert done.returncode == 0 and "ten million" in done.stdout, done.stderr
        busy = ok(rewatch(place, "remove", "talk.mp4", "--yes"))
        assert busy.returncode == 4 and "in use by another writer" in busy.stderr


@pytest.mark.parametrize("what", ["runs is a file", "steps are garbage", "runs cannot be written"])
def test_odd_folders_of_runs(place: Path, what: str) -> None:
    runs = place / "memory" / "runs"
    if what == "runs is a file":
        shutil.rmtree(runs)
        runs.write_text("x")
    elif what == "steps are garbage":
        (runs / "checkpoints.sqlite").write_bytes(os.urandom(5000))
    else:
        (runs / "checkpoints.sqlite").mkdir()
    done = ok(rewatch(place, "ask", "talk.mp4", "What is said about the budget?"))
    assert done.returncode == 0 and "ten million" in done.stdout
    resumed = ok(rewatch(place, "ask", "--resume", "20260101-000000-abcdef", "x"))
    assert resumed.returncode in (4, 6) and resumed.stderr.count("\n") == 1


@pytest.mark.slow
def test_eight_at_once(place: Path, films: Path) -> None:
    """Ten rounds of eight commands of all kinds at the same time."""
    kinds: list[list[Any]] = [
        ["ask", "talk.mp4", "What is said about the budget?"], ["ask", "When is ROOM 417 shown?"], ["search", "budget"],
        ["index", films / "RED.MP4", "--channels", "visual"], ["remove", "RED.MP4", "--yes"], ["replay"], ["videos"],
        ["tools", "try", "search_clips", "--video", "talk.mp4", "query=budget"],
    ]  # fmt: skip
    for _ in range(10):
        at_once = [
            subprocess.Popen(
                [sys.executable, "-m", "rewatch", *map(str, kind)], cwd=place, env=environment(place),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for kind in kinds
        ]  # fmt: skip
        for process, kind in zip(at_once, kinds, strict=True):
            told = process.communicate(timeout=280)[0]
            assert "Traceback" not in told and process.returncode in (0, 2, 3, 4), (kind, told)
            if kind[0] in ("ask", "search", "replay", "videos", "tools"):
                assert process.returncode == 0, (kind, told)
