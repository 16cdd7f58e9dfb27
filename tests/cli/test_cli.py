"""The command line as people run it: its output, its exit code, and its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run_here


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def variables(home: Path, memory: Path | None = None) -> dict[str, str]:
    """An empty home, and a memory of its own."""
    return {
        "HOME": str(home), "REWATCH_MEMORY": str(memory or home / "memory"), "COLUMNS": "100", "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(home / "cache"),
    }  # fmt: skip


def start(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run `rewatch …` in a process of its own."""
    command = [sys.executable, "-m", "rewatch", *map(str, words)]
    env = {**os.environ, **variables(home)}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=240, cwd=home)


@pytest.fixture(scope="module")
def run(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `rewatch …` in this process."""

    def rewatch(*words: object, memory: Path | None = None) -> subprocess.CompletedProcess[str]:
        return run_here(home, *words, variables=variables(home, memory))

    return rewatch


@pytest.fixture(scope="module")
def talk(home: Path, make_talk: Callable[..., Path]) -> Path:
    """A short video with one caption and subtitles beside it."""
    video = make_talk(home / "talk.mp4", 12, captions=lambda _: "ROOM 417", size=(640, 360), fps=4)
    (home / "talk.srt").write_text("1\n00:00:02,000 --> 00:00:06,000\nThe budget is ten million.\n")
    return video


def test_ask_indexes_answers_and_leaves_a_trace(home: Path, run: Callable, talk: Path):
    first = start(home, "ask", talk, "What is said about the budget?")
    assert first.returncode == 0, first.stderr
    assert "indexed" in first.stdout and "ten million" in first.stdout and "00:02-00:06" in first.stdout
    again = run("ask", "--json", talk, "What is said about the budget?")
    row = json.loads(again.stdout)
    assert again.returncode == 0 and "ten million" in row["text"]
    assert row["evidence"][0]["span"] == [2.0, 6.0] and row["stopped_by"] == "answer" and row["spend"]["calls"] >= 1
    assert Path(row["trace"]).is_file()
    assert "indexed" not in again.stderr  # known by its content
    replayed = run("replay", row["run_id"])
    assert replayed.returncode == 0 and "ten million" in replayed.stdout and "differs" not in replayed.stdout
    page = talk.parent / "page.html"
    assert run("report", row["run_id"], "--out", page, "--no-open").returncode == 0
    assert "ten million" in page.read_text()


def test_search_videos_tools_and_doctor(run: Callable, talk: Path):
    run("index", talk)
    found = json.loads(run("search", "budget", "--json").stdout)
    assert any("budget" in t["text"] for t in found["hits"][0]["texts"])
    listed = json.loads(run("videos", "--json").stdout)["videos"]
    assert [v["name"] for v in listed] == ["talk.mp4"] and listed[0]["complete"]
    assert "transcribe(start, end, find?, who?)" in run("tools").stdout
    doctor = run("doctor")
    assert doctor.returncode == 0 and "RapidOCR" in doctor.stdout


def test_options_and_json_errors(run: Callable, talk: Path):
    row = json.loads(
        run(
            "ask",
            "--json",
            talk,
            "What is the budget, according to the speaker?",
            "-o",
            "A. two million",
            "-o",
            "B. ten million",
        ).stdout
    )
    assert row["option"] == "B"
    wrong = run("ask", "--json", talk.parent / "nope.mp4", "What?")
    row = json.loads(wrong.stdout)
    assert wrong.returncode == row["exit_code"] == 3 and "nope.mp4" in row["error"]


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda p: None, ""),
        (lambda p: p.mkdir(), "folder|directory"),
        (lambda p: p.write_text("just some words\n" * 50), ""),
        (lambda p: p.write_bytes(b""), "empty|0 bytes|zero"),
    ],
    ids=["missing", "directory", "text", "empty"],
)
def test_files_that_cannot_be_used(run: Callable, talk: Path, tmp_path: Path, make: Callable, says: str):
    import re

    bad = tmp_path / "bad.mp4"
    make(bad)
    before = run("videos", "--json").stdout
    ended = run("index", bad)
    assert ended.returncode == 3 and "Traceback" not in ended.stderr
    message = ended.stderr.strip()
    assert "bad.mp4" in message and len(message.splitlines()) == 1 and re.search(says, message)
    assert run("videos", "--json").stdout == before


def test_one_bad_file_does_not_stop_the_others(run: Callable, talk: Path, tmp_path: Path):
    ended = run("index", tmp_path / "nope.mp4", talk, "--channels", "visual", memory=tmp_path / "memory")
    assert ended.returncode == 3
    assert [v["name"] for v in json.loads(run("videos", "--json", memory=tmp_path / "memory").stdout)["videos"]] == [
        "talk.mp4"
    ]


def test_usage_errors_exit_with_2(run: Callable):
    assert run("ask").returncode == 2
    assert run("frobnicate").returncode == 2
    assert run("index", "x.mp4", "--channels", "smell").returncode == 2
    assert run("ask", "What is it?", memory=Path("nowhere")).returncode == 2  # a memory without videos


def test_a_wrong_trace_is_named(home: Path, tmp_path: Path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text("not a trace\n")
    ended = start(home, "replay", bad)
    assert ended.returncode == 6 and "bad.jsonl" in ended.stderr


def test_the_help_names_every_route_and_scaling():
    from rewatch.agent import ROUTES, SCALINGS
    from rewatch.cli.settings import groups

    assert groups.ROUTES.split(", ") == list(ROUTES) and groups.SCALINGS.split(", ") == list(SCALINGS)


def test_what_a_route_lacks_is_one_line(run: Callable, talk: Path):
    ended = run("ask", talk, "What is said?", "--route", "adaptive")
    assert ended.returncode == 5 and len(ended.stderr.strip().splitlines()) == 1 and "a model that sees" in ended.stderr
    ended = run("ask", talk, "What is said?", "--scale", "north")
    assert ended.returncode == 2 and "vote" in ended.stderr
    ended = run("ask", talk, "What is said?", "--policy", "Qwen/Qwen3-VL-4B-Instruct")
    assert ended.returncode == 5 and len(ended.stderr.strip().splitlines()) == 1 and "hf download" in ended.stderr
