"""The exit code of commands whose model fails: 1, with one line that says why."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch.cli import run
from rewatch.cli.app import EXIT_CODES

from ..agent.models.served.servers import Server, Step, raw, says, sends, status
from .conftest import QUESTION

FAULTS = {
    "500": status(500),
    "404": status(404),
    "429": status(429, Retry_After="3600"),
    "a page": raw(b"<html>no</html>", "text/html"),
    "nothing": sends(b""),
}


def _run(monkeypatch: pytest.MonkeyPatch, home: Path, *words: str, typed: str = "") -> int:
    monkeypatch.setenv("REWATCH_MEMORY", str(home / "memory"))
    monkeypatch.setattr(sys, "argv", ["rewatch", *words])
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return run()


@pytest.mark.parametrize("name", FAULTS)
def test_a_served_model_that_fails_is_exit_code_1(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
):
    with Server(FAULTS[name]) as server:
        policy = f"{server.address}#m?retries=0"
        assert _run(monkeypatch, home, "ask", "talk.mp4", QUESTION, "--json", "--policy", policy) == 1
        out, errors = capsys.readouterr()
        row = json.loads(out)
        assert row["stopped_by"] == "policy_error" and row["abstained"] and "Traceback" not in errors
        assert errors.strip().splitlines()[-1].startswith("error: The policy failed (ServedError: m")
        if name != "500":
            return
        assert _run(monkeypatch, home, "ask", "talk.mp4", QUESTION, "-q", "--policy", policy) == 1
        out, errors = capsys.readouterr()
        assert not out.strip() and errors.count("error: ") == 1
        assert _run(monkeypatch, home, "ask", "talk.mp4", QUESTION, "--policy", policy) == 1
        assert "rewatch report" in capsys.readouterr()[0]


@pytest.mark.parametrize(("step", "code"), [(status(500), 1), (says("Ten million [1]."), 0)])
def test_chat_ends_with_1_where_a_question_had_no_model(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: Step, code: int
):
    with Server(step) as server:
        words = ("chat", "talk.mp4", "--policy", f"{server.address}#m?retries=0")
        assert _run(monkeypatch, home, *words, typed=f"{QUESTION}\n/quit\n") == code
    assert ("a model failed" in capsys.readouterr()[0]) == bool(code)


def test_tools_try_with_a_viewer_that_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with Server(status(500)) as server:
        words = ("tools", "try", "ask_clip", "start=0", "end=4", "question=What is it?", "--video", "talk.mp4")
        code = _run(monkeypatch, home, *words, "--viewer", f"{server.address}#m?retries=0", "--json")
    out, _ = capsys.readouterr()
    assert code == 1 and "the model that sees failed (m: 500: no" in json.loads(out)["text"]


def test_a_viewer_that_is_needed_and_fails_is_exit_code_1(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with Server(status(500)) as server:
        viewer = f"{server.address}#m?retries=0"
        words = ("ask", "talk.mp4", "What colour is the car?", "--json", "--viewer", viewer, "--route", "tree")
        assert _run(monkeypatch, home, *words) == 1
    out, errors = capsys.readouterr()
    assert json.loads(out)["stopped_by"] == "viewer_error" and "error: The model that sees failed." in errors


def test_the_codes_are_documented():
    table = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert f"| {code} |" in table and f"{code} " in EXIT_CODES
