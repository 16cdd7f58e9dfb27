"""What is printed: harmless, in what the terminal can show, and never the end of a run."""

from __future__ import annotations

import codecs
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.agent.answer import Answer
from rewatch.cli.settings import indexing
from rewatch.cli.terminal import resume_hint as going_on
from rewatch.cli.terminal.console import show_answer, show_bare, show_event
from rewatch.cli.terminal.output import Console, fault, finish, prepare, write, write_json
from rewatch.cli.terminal.rows import show_rows
from rewatch.memory import VideoError, VideoRecord
from rewatch.memory.sanitize import as_json, one_line, sanitize
from rewatch.memory.video_names import match
from rich.table import Table
from rich.text import Text

from .conftest import QUESTION, environment, rewatch, start_rewatch

HOSTILE = "a\x1b[2J\x1b]0;title\x07b\x9b31mc\u202egnp.exe\u2066d\x00e\rf\u200bg\U000e0041h\ud800i"
CLEAN = "a[2J]0;titleb31mcgnp.exedefghi"


def test_one_sanitize_for_every_way_out() -> None:
    assert sanitize(HOSTILE) == CLEAN
    assert sanitize("a\u2028b\x85c\r\nd\te") == "a\nb\nc\nd\te"
    assert sanitize("می\u200cخواهم 👩\u200d👧 naïve 日本") == "می\u200cخواهم 👩\u200d👧 naïve 日本"
    assert one_line("name\nindexed  other.mp4\x1b[1A") == "name indexed other.mp4[1A"
    text = as_json({"a": HOSTILE, "n": float("nan"), "i": [float("inf")], "p": Path("x"), "\x9b": 1})
    assert json.loads(text) == {"a": HOSTILE, "n": None, "i": [None], "p": "x", "\x9b": 1}
    assert not set(text) & set("\x1b\x9b\u202e\u2066\u200b\ud800\U000e0041\r\n") and "NaN" not in text


def _printed(*things: object, width: int = 80, **how: object) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, color_system=None).print(*things, **how)  # type: ignore[arg-type]
    return file.getvalue()


def test_nothing_that_is_printed_is_obeyed() -> None:
    table = Table.grid()
    table.add_row("[red]name[/red]", Text(HOSTILE))
    for thing in (HOSTILE, Text(HOSTILE), table, "[link=http://x]y[/link] :smile:"):
        told = _printed(thing, soft_wrap=True)
        assert not set(told) & set("\x1b\x9b\u202e\u2066\x07\x00\r")
    assert _printed("[link=http://x]y[/link] :smile:") == "[link=http://x]y[/link] :smile:\n"
    assert "[red]name[/red]" + CLEAN in _printed(table)
    styled = io.StringIO()
    Console(file=styled, force_terminal=True, color_system="standard").print(Text("x\x1b[0m", style="red"))
    assert styled.getvalue() == "\x1b[31mx[0m\x1b[0m\n"  # ours pass, theirs do not


ARGUMENTS = [
    None, "text", [], {"start": None, "end": None}, {"start": "0:15", "end": "0:30"}, {"start": [1], "end": {}},
    {"start": float("nan")}, {"start": 1e308, "end": -1e308}, {"start": "1e999"}, {"time": "soon"}, {"time": "0:15"},
    {"start": True}, {"start": 5, "end": "2"}, {"query": {"a": [None]}, "find": 3}, {"start": "9" * 5000},
    {"start": -5, "end": -1}, {"end": 3}, {"time": None, "query": HOSTILE},
]  # fmt: skip


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("width", [20, 100])
def test_whatever_a_model_writes_is_shown(arguments: object, width: int) -> None:
    for data in (
        {},
        {"hits": 3},
        {"hits": [{"span": None}]},
        {"tracks": None},
        {"utterances": [{}]},
        {"cuts": 1},
        None,
    ):
        for error in (False, True):
            event = {"event": "observation", "tool": "view_clip", "arguments": arguments, "text": "", "error": error}
            file = io.StringIO()
            show_event(Console(file=file, width=width), {**event, "data": data})
            told = file.getvalue()
            assert told.startswith("view") and told.count("\n") == 1 and "cannot be shown" not in told
    if arguments == {"start": "0:15", "end": "0:30"} and width == 100:
        assert "00:15-00:30" in told


@pytest.mark.parametrize(
    "event", [{"event": "plan"}, {"event": "answer", "answer": {"evidence": 3}}, {"event": "attempt", "answer": {}}, {}]
)
def test_an_event_that_is_none_is_no_end(event: dict) -> None:
    file = io.StringIO()
    show_event(Console(file=file, width=80), event)
    assert "cannot be shown" in file.getvalue()


def test_an_answer_with_odd_evidence_is_shown(home: Path) -> None:
    row = json.loads(rewatch(home, "ask", "talk.mp4", QUESTION, "--json").stdout)
    row["evidence"][0]["uri"] = "nowhere"
    row |= {"text": f"one\n{HOSTILE}", "spend": {}}
    file = io.StringIO()
    show_answer(Console(file=file, width=60), Answer.from_dict(row), {})
    assert "nowhere" in file.getvalue() and CLEAN in file.getvalue()
    file = io.StringIO()
    show_bare(Console(file=file, width=20), Answer.from_dict(row))
    assert file.getvalue() == f"one {CLEAN}\n"


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_name_and_no_time_of_evidence_is_cut_off(home: Path, width: int) -> None:
    row = json.loads(rewatch(home, "ask", "talk.mp4", QUESTION, "--json").stdout)
    dated = {"quote": "ten " * 12 + "million", "wall_clock": ["2026-05-06 16:00:04", "2026-05-06 16:00:07"]}
    row["evidence"] = [{**row["evidence"][0], **dated, "uri": f"video:{n}#t=4.5,7.6"} for n in ("a", "b")]
    names = {"a": "VID_20260506_160000.mp4", "b": "VID_20260505_180000.mp4"}
    file = io.StringIO()
    show_answer(Console(file=file, width=width), Answer.from_dict(row), names)
    places = [line for line in file.getvalue().splitlines() if "00:04.5-00:07.6" in line]
    assert [line.split()[0] for line in places] == list(names.values())
    assert all("2026-05-06 16:00:04" in line and "…" not in line for line in places)


@pytest.mark.parametrize("width", [40, 200])
def test_names_in_a_list_can_be_copied_at_any_width(width: int) -> None:
    file, name = io.StringIO(), "VID_20260506_160000.mp4"
    rows = [("93fb1b2f", name, "00:08.5", "screen_text, speech, summary"), ("cc525991", name, "00:09", "")]
    show_rows(Console(file=file, width=width), ("id", "name", "length", "channels"), rows, whole=3)
    lines = file.getvalue().splitlines()
    assert sum(name in line for line in lines) == 2
    assert "screen_text, speech, summary" in " ".join(file.getvalue().split())
    assert width == 40 or lines[0].split() == ["id", "name", "length", "channels"]


def test_output_that_cannot_be_written_is_told_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    Console().print("lost")
    write("lost")
    assert finish(0) == 1 and "No space left on device" in capsys.readouterr().err
    assert finish(0) == 0


def test_warnings_and_log_lines_are_one_clean_line_each(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    prepare()
    warnings.showwarning(f"bad {HOSTILE}\nname", UserWarning, "file.py", 3)
    handler = logging.lastResort
    assert handler is not None
    handler.emit(logging.makeLogRecord({"msg": "%s was\ngiven up", "args": (HOSTILE,), "levelname": "WARNING"}))
    told = capsys.readouterr().err
    assert told == f"warning  bad {CLEAN} name\nwarning  {CLEAN} was given up\n"


def test_a_terminal_without_unicode_gets_other_characters() -> None:
    prepare()
    assert codecs.encode("“a” · é – 日…", "ascii", "rewatch") == b'"a" - e - ?...'


def test_a_fault_is_one_line_and_its_traceback_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        raise KeyError("x\ny\x1b")
    except KeyError as error:
        told = fault(error)
    path = Path(told.rpartition(" ")[2])
    assert "\n" not in told and "\x1b" not in told and "Traceback" in path.read_text() and tmp_path in path.parents


def test_after_ctrl_c_it_is_said_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rewatch", "ask", "a b.mp4", "What is it?"])
    assert going_on.how().endswith("To go on: rewatch ask 'a b.mp4' 'What is it?'")
    going_on.note_run("20260101-x")
    assert going_on.how().endswith("rewatch ask 'a b.mp4' 'What is it?' --resume 20260101-x")
    monkeypatch.setattr(sys, "argv", ["rewatch", "search", "x"])
    assert going_on.how() == "interrupted"


def _record(name: str, id_: str) -> VideoRecord:
    return VideoRecord(
        id=id_, content_id=id_, name=name, path=f"/videos/{name}", start=0.0, end=1.0, width=1, height=1, fps=1.0,
        codec="x", has_audio=False, channels={},
    )  # fmt: skip


def test_names_are_found_without_their_extension() -> None:
    records = [
        _record("Budget talk 2024.mp4", "aaaa1111"),
        _record("budget-notes.mkv", "bbbb2222"),
        _record("x.mp4", "c"),
    ]
    for word in ("Budget talk 2024", "budget_talk_2024", "BUDGET-TALK 2024.mp4", "budget t", "aaaa1111", "aaaa"):
        found = match(records, word)
        assert found is records[0], word
    assert match(records, "x") is records[2] and match(records, "nothing") is None and match(records, "") is None
    with pytest.raises(VideoError, match=r"may be Budget talk 2024.mp4 \(aaaa1111\), budget-notes.mkv"):
        match(records, "budget")


def test_quiet_is_the_answer_and_nothing_else(home: Path) -> None:
    done = rewatch(home, "ask", "-q", "talk", QUESTION)
    assert (done.returncode, done.stdout, done.stderr) == (0, "The budget is ten million.\n", "")


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONIOENCODING": "ascii", "COLUMNS": "20"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": "dumb"},
    ],
)
def test_any_terminal_will_do(home: Path, settings: dict[str, str]) -> None:
    done = start_rewatch(home, "ask", "talk", QUESTION, **settings)
    assert done.returncode == 0 and done.stderr == ""
    assert "budget" in done.stdout and "spent 0 of" in done.stdout.replace("\n", " ")


def test_a_closed_pipe_and_a_full_disk_do_not_end_a_run(home: Path) -> None:
    runs = home / "memory" / "runs"
    before = set(runs.glob("*.jsonl"))
    command = f'{sys.executable} -m rewatch ask talk "{QUESTION}"'
    env = environment(home)
    shell = subprocess.run(["bash", "-c", f"{command} | head -c 1"], env=env, cwd=home, capture_output=True, text=True)
    assert shell.stderr == ""
    full = subprocess.run(["bash", "-c", f"{command} > /dev/full"], env=env, cwd=home, capture_output=True, text=True)
    assert full.returncode == 1 and full.stderr.startswith("error: the output could not be written")
    closed = subprocess.run(["bash", "-c", f"{command} >&- 2>&-"], env=env, cwd=home, capture_output=True, text=True)
    assert closed.returncode == 0
    new = set(runs.glob("*.jsonl")) - before
    assert len(new) == 3
    assert all('"event": "answer"' in path.read_text(encoding="utf-8") for path in new)


def test_indexing_says_how_far_it_is_where_no_bar_can_be_drawn(
    tmp_path: Path, make_talk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewatch.memory import ClipMemory

    video = make_talk(tmp_path / "a\x1b[31m.mp4", 6, captions=lambda _: "HELLO", size=(320, 180), fps=2)
    monkeypatch.setattr(indexing, "EVERY", 0.0)
    file = io.StringIO()
    indexing.add_video(ClipMemory(tmp_path / "m"), video, Console(file=file, width=100), channels=["visual"], workers=0)
    told = file.getvalue()
    assert "indexing a" in told and "% " in told and "indexed  a" in told and "\x1b" not in told


def test_json_is_ascii_where_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, shown in (("ascii", "\\u00e9"), ("utf-8", "é")):
        buffer = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding))
        write_json({"a": "é\x9b"})
        told = buffer.getvalue().decode(encoding)
        assert shown in told and "\\u009b" in told and json.loads(told) == {"a": "é\x9b"}
