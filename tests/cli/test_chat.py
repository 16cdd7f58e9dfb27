"""`rewatch chat`, `transcript` and `chapters`, as people run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rewatch.agent.questions.conversation import Conversation
from rewatch.memory.speech.subtitles import read_subtitles

from .conftest import QUESTION, rewatch


def test_a_chat_over_a_pipe(home: Path):
    typed = f"""{QUESTION}
and after that?
/budget frames=3 tokens=none
/budget wings=3
/video nobody.mp4
/video talk.mp4
/videos
/now 0:10
/now -5
/now nan
/budget frames=nan
/budget calls=1e999
/VIDEOS
/video "unfinished
/video https://example.org/x
/budgte
/policy nobody
/frobnicate
/report
/help
/quit
never asked
"""
    done = rewatch(home, "chat", "talk.mp4", typed=typed)
    out = done.stdout
    assert done.returncode == 0, done.stderr
    assert "ten million" in out and "as       What is said first after 00:06?" in out
    assert "frames 3 · calls 12 · tokens none" in out and "* talk.mp4" in out and "nothing after 00:10" in out
    assert out.count("error: ") == 11  # the chat goes on after each
    assert out.count("is no time of a video") == 2 and "Did you mean /budget?" in out and "yt-dlp" in out
    assert "never asked" not in out and "Traceback" not in done.stderr
    (page,) = (Path(line.split(maxsplit=1)[1]) for line in out.splitlines() if line.startswith("report "))
    assert page.suffix == ".html" and page.is_file()


def test_a_fault_ends_a_question_and_not_the_chat(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Conversation, "ask", lambda *_, **__: {}["gone\nand\x1b[31m"])
    done = rewatch(home, "chat", "talk.mp4", typed="What?\n/videos\n")
    assert "error: KeyError" in done.stdout and "the traceback is in" in done.stdout
    assert "* talk.mp4" in done.stdout and "\x1b" not in done.stdout


def test_a_chat_without_videos_says_what_to_do(home: Path, tmp_path: Path):
    done = rewatch(home, "chat", "--memory", str(tmp_path / "none"))
    assert done.returncode == 2 and "rewatch chat FILE" in done.stderr


def test_a_transcript_is_read_back_as_it_was(home: Path, tmp_path: Path):
    assert "00:14  Peter starts in R&D in September." in rewatch(home, "transcript", "talk.mp4").stdout
    for form in ("srt", "vtt"):
        written = tmp_path / f"out.{form}"
        written.write_text(rewatch(home, "transcript", "talk.mp4", "--to", form).stdout)
        cues = [(cue.start, cue.end, cue.text) for cue in read_subtitles(written)]
        assert cues[0] == (2.0, 6.0, "The budget is ten million.") and len(cues) == 2, form
    assert rewatch(home, "transcript", "talk.mp4", "--to", "txt").stdout.splitlines()[0] == "The budget is ten million."
    rows = json.loads(rewatch(home, "transcript", "talk.mp4", "--to", "json").stdout)
    assert rows["video"]["name"] == "talk.mp4" and rows["utterances"][1]["start"] == 14.0


def test_chapters_follow_the_screen(home: Path):
    row = json.loads(rewatch(home, "chapters", "talk.mp4", "--json").stdout)
    first, second = row["chapters"]
    assert first["span"][1] == second["span"][0] and abs(second["span"][0] - 12) < 1
    assert [line["text"] for line in first["shown"]] == ["ROOM 417"]
    assert [line["text"] for line in second["said"]] == ["Peter starts in R&D in September."]
    shown = rewatch(home, "chapters", "talk.mp4").stdout
    assert shown.index("ROOM 417") < shown.index("ten million") < shown.index("MONDAY")
