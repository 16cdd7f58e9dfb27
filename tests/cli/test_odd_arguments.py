"""Wrong and odd arguments, over every command: one line that says what is wrong, and the documented exit code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from rewatch.cli import run
from rewatch.cli.app import EXIT_CODES

ROOT = Path(__file__).resolve().parent.parent.parent
NUMBERS = ("nan", "inf", "-1", "1e999", '""', "abc", "١٢٣x", "0x10", "1,5")


class Ended(NamedTuple):
    """A command at its end."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def folder(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of odd files."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "empty").mkdir()
    (folder / "file.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    (folder / "odd.jsonl").write_text("{}\n")
    (folder / "array.yaml").write_text("- 1\n")
    (folder / "broken.py").write_text("x = (\n")
    (folder / "bare.py").write_text('def f(x):\n    """Doc."""\n')
    (folder / "calibration.json").write_text("[]")
    (folder / "servers.json").write_text("[1]")
    (folder / "afile").write_text("x")
    (folder / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    return folder


@pytest.fixture
def typed(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Ended]:
    """Run a command line in this process, in the folder of odd files."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("REWATCH_MEMORY", str(home / "memory"))
    monkeypatch.setenv("REWATCH_WARM", "0")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("COLUMNS", "100")

    def typed(line: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["rewatch", *shlex.split(line)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run()
        told = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
        return Ended(code, *told)

    return typed


ODD = [
    # videos and runs to remove
    "remove",
    "merge",
    "merge out",
    "merge out nowhere",
    "merge out out",
    "merge out afile",
    "index afile --shard 3/2",
    "index afile --shard x",
    "index afile --ray afile",
    "index afile --vector-index lanse",
    "remove nothing.mp4 --yes",
    "clean --older-than nan",
    "clean --older-than -1 --yes",
    "clean --keep -3 --yes",
    "runs --nothing",
    # serving and measuring
    *(f"serve --port {value}" for value in ("-1", "99999999", "nan")),
    *(f"serve --timeout {value}" for value in ("nan", "0", "-1")),
    "serve --host 8.8.8.8",
    "serve --videos nowhere",
    "serve --urls a/b",
    "serve --keep nan",
    "eval",
    "eval gmy",
    "eval gym --limit 0",
    "eval gym --control question",
    "eval gym --route sideways",
    "eval gym --samples 0",
    "eval gym --temperature nan",
    "eval missing.jsonl",
    "eval odd.jsonl",
    "eval lvbench:missing.jsonl",
    "eval rescore empty",
    "eval compare empty missing",
    "eval report missing",
    "eval export empty --to xml",
    "eval curve gym --frames x",
    # numbers
    *(f"ask --frames {value} talk hello?" for value in NUMBERS),
    *(f"ask --seconds {value} talk hello?" for value in ("nan", "inf", "-1", "1e999", '""', "soon")),
    *(f"ask --now {value} talk hello?" for value in ("nan", "inf", "-5", "1e999", '""', "x", "1:2:3:4:5")),
    *(f"search budget -k {value}" for value in ("0", "-1", "nan", '""', "99999999999999999999")),
    *(f"search budget --start {value}" for value in ("nan", "later", "1e999")),
    "search budget --start 9 --end 3",
    *(f"index --clip-seconds {value} file.mp4" for value in ("nan", "inf", "0", "-3", '""')),
    *(f"index --workers {value} file.mp4" for value in ("-1", "nan", "9999999")),
    *(f"warm --idle {value}" for value in ("nan", "inf", "-1", "0", "1e999", '""')),
    *(f"mcp --{name}" for name in ("frames -1", "seconds nan", "size 1", "http x", "http 99999999", "http 8.8.8.8:1")),
    *(f"gym show retrieval --level {value}" for value in ("nan", "2", "-1", "x")),
    "gym make --out . --count 0",
    "gym make --out . --count 99999999999",
    "ask --width 0 talk hello?",
    "tools try browse --frames -1",
    # paths
    *(f'ask {path} "What is said?"' for path in ("missing.mp4", "empty", "file.mp4", "text.mp4", "/dev/null", "no/x")),
    *(f"index {path}" for path in ("missing.mp4", "file.mp4", "text.mp4", "/dev/null", '""', "/proc/self/mem")),
    "index file.mp4 --subtitles missing.srt",
    "index file.mp4 missing.mp4 --subtitles missing.srt",
    "index",
    "index --again speech missing",
    *(f"transcript {path}" for path in ("missing.mp4", "nothing", "text.mp4", "--to docx talk")),
    *(f"chapters {path}" for path in ("missing.mp4", "nothing", "--level week talk")),
    *(
        f"{verb} {path}"
        for verb in ("replay", "report --no-open")
        for path in ("missing", "odd.jsonl", "empty", "no.jsonl")
    ),
    "report --no-open --out /dev/null/x.html",
    "export talk --out x --format coco",
    "export missing --out x --format coco",
    "export talk --out x --format avi",
    *(f"videos --memory {path}" for path in ("afile", "/dev/null", "missing")),
    *(f"search budget --memory {path}" for path in ("afile", "/dev/null", "missing")),
    'ask talk "hello?" --memory missing/other',
    "search --image missing.png",
    "search --image text.mp4",
    "search --image /dev/null",
    "search --image video:x#t=nan",
    "search budget --image missing.png",
    "search",
    'search ""',
    "ask --calibration calibration.json talk hello?",
    "ask --calibration missing.json talk hello?",
    "ask --prompt missing.txt talk hello?",
    "ask --memory afile hello?",
    "ask --memory /dev/null hello?",
    # names
    "ask missing hello?",
    "ask talk.mp4",
    "ask talk.mp4 what is shown",
    "ask what is shown",
    'ask ""',
    "ask",
    "ask https://example.org/watch?v=1 hello?",
    "index https://example.org/a.mp4",
    "transcript rtsp://camera/1",
    'ask talk "hello?" --policy heuristc',
    'ask talk "hello?" --policy ""',
    'ask talk "hello?" --policy "heuristic?x=1"',
    'ask talk "hello?" --policy missing.gguf',
    'ask talk "hello?" --route serch',
    'ask talk "hello?" --scale vot',
    'ask talk "hello?" --planner modle',
    'ask talk "hello?" --channels speach',
    'ask talk "hello?" --channels ","',
    'ask talk "hello?" --isolate nothing',
    'ask talk "hello?" --viewer nobody',
    'ask talk "hello?" --resume nothing',
    'ask talk "hello?" --tools missing.py',
    'ask talk "hello?" --tools broken.py',
    'ask talk "hello?" --tools bare.py',
    'ask talk "hello?" --tools os:nothing',
    'ask talk "hello?" --mcp servers.json',
    'ask talk "hello?" --mcp ""',
    "videos --remove missing",
    "remove",
    "remove missing --yes",
    "remove talk",  # nobody there to be asked
    "runs --last 0",
    "runs --memory nowhere",
    "clean missing",
    "clean --older-than soon",
    "clean --older-than -1d",
    "clean --keep -1",
    "clean --older-than 1e999",
    "search budget --video missing",
    "search budget --level month",
    "search budget --channels sound",
    "tools try",
    "tools try brows",
    "tools try browse novalue",
    "tools try browse --video missing",
    "tools --tools missing:x",
    "gym nothing",
    "gym show retreival",
    "gym watch retrieval --out x.gif",
    "gym make --out . --families a,b",
    "gym make --out . --families ,",
    "ask --calls 999999999999999999999 talk hello?",
    'report --no-open --out ""',
    "tools try browse --html /dev/null/x",
    "videos --remove \udcff",
    "index \udcff",
    "train",
    "train sft",
    "train sft missing.yaml",
    "train sft array.yaml",
    "train sft --resume",
    "train sft --resume --out empty",
    "train rl array.yaml x.y=1",
    "chat missing",
    "chat --now -5 talk",
    "demo --out /dev/null/x",
    # people, in a memory that knows nobody
    "people name nobody Anna",
    "people merge nobody",
    "people merge nobody voice",
    "people split nobody talk",
    "people show 1",
    "people undo",
    "people delete nobody --yes",
    "people export nobody",
    "people export --format rttm",
    "people learn nothing.mp4",
    "people learn talk --channels voice",
    "people learn talk --speaker-model none.onnx",
    "people learn talk --same nan",
    "people learn talk --channels faces",
    "people learn talk --channels faces --face-models one.onnx",
    "people learn talk --channels faces --face-models one.onnx,two.onnx",
    "people --memory afile",
    "index talk --people nobody",
    # the form of a command line
    "aks talk hello?",
    "ask --frame",
    "ask --frames",
    "ask --nothing talk hello?",
    "ask -o",
    "ask --memory",
    "ask -- --frames 3",
    "videos unasked",
    "doctor --memory afile unasked",
    f"ask {'x' * 5000}.mp4 hello?",
    f"videos --memory {'y' * 5000}",
    f"replay {'z' * 5000}",
]
"""Each is wrong, in one way or another."""
RIGHT = {
    "videos": 0,
    "videos --json": 0,
    "ask --frames 3 --frames 12 talk hello?": 0,
    'ask TALK "What is said about the budget?" --json': 0,
    "search budget ten": 0,
    "tools --json": 0,
    "gym list": 0,
    "--version": 0,
    "--help": 0,
    "ask --help": 0,
    "transcript talk --to vtt": 0,
    "chapters talk": 0,
    "watch nothing.mkv": 3,
    "summarize": 3,  # nobody knows when it was recorded
    "watch text.mp4 --idle 1": 3,
    "index talk": 3,
    f'ask talk "{"What is said? " * 400}"': 0,
    'ask talk "hello there?" --memory missing/new': 3,
}

EXACT = {
    "ask talk": 2,  # a video, and no question
    "ask talk.mp4 TALK": 2,
    'ask --memory "" talk "hello?"': 2,  # not the current folder
    'videos -m " "': 2,
    'ask talk "hello?" --tools leaves.py': 2,
    'ask talk "hello?" --prompt missing.txt': 2,
    'ask talk "hello?" --mcp servers.json': 2,
    'ask talk "hello?" --isolate nothing': 2,
    "ask --resume nothing": 6,
    "train sft ROOT/examples/configs/tiny-sft.yaml --out afile": 1,
    'ask talk "hello?" --policy nobody/nothing': 5,
    "ask talk.mp4 what is shown": 2,
    "ask missing.mp4 hello?": 3,
    "videos --memory afile": 4,
}
"""Wrong, with the code that is documented for it."""


@pytest.mark.parametrize(("line", "code"), EXACT.items(), ids=lambda value: str(value)[:60])
def test_the_code_says_what_kind_of_fault_it_is(line: str, code: int, typed: Callable[[str], Ended]) -> None:
    ended = typed(line.replace("ROOT", str(ROOT)))
    told = [row for row in ended.err.splitlines() if row.startswith("error: ")]
    assert ended.code == code and len(told) == 1 and "where that happened" not in ended.err, ended
    assert not Path("memory.sqlite").exists()


@pytest.mark.parametrize("line", ODD, ids=lambda line: line[:60])
def test_what_is_wrong_is_said_in_one_line(line: str, typed: Callable[[str], Ended], home: Path) -> None:
    ended = typed(line)
    assert ended.code in (1, 2, 3, 4, 5, 6), ended
    assert "Traceback" not in ended.out + ended.err and "this is a fault" not in ended.err, ended.err
    if not ended.err.startswith("Usage:"):  # nothing was typed: the help
        told = [row for row in ended.err.splitlines() if row.startswith("error: ")]
        assert len(told) == 1 and len(told[0]) > 15, ended.err
        assert len(told[0]) < 1500 + len(line)
    if " --json" not in line:
        assert not ended.out.startswith("{")


@pytest.mark.parametrize(("line", "code"), RIGHT.items(), ids=lambda value: str(value)[:60])
def test_what_is_odd_and_right_is_done(line: str, code: int, typed: Callable[[str], Ended]) -> None:
    ended = typed(line)
    assert ended.code == code and "Traceback" not in ended.err, ended
    if line.endswith("--json"):
        json.loads(ended.out)


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ('ask talk "hello?" --policy heuristc', "heuristic"),
        ('ask talk "hello?" --channels speach', "speech"),
        ('ask talk "hello?" --route serch', "search"),
        ('ask talk "hello?" --scale vot', "vote"),
        ('ask tlak.mp4 "hello?"', "talk.mp4"),
        ("tools try brows", "browse"),
        ("aks", "ask"),
        ("ask --frame 3", "--frames"),
    ],
)
def test_what_is_mistyped_is_guessed(line: str, near: str, typed: Callable[[str], Ended]) -> None:
    told = typed(line).err
    assert re.search(rf"[Dd]id you mean '?{near}|Possible options: .*{near}", told), told


@pytest.mark.parametrize("line", ["ask --frames x talk hello?", "ask --json --nothing", "videos --memory afile"])
def test_with_json_an_error_is_an_object(line: str, typed: Callable[[str], Ended]) -> None:
    ended = typed(line if "--json" in line else f"{line} --json")
    row = json.loads(ended.out)
    assert row["exit_code"] == ended.code and row["error"] in ended.err.replace("error: ", "")


def test_the_exit_codes_are_those_of_the_documentation() -> None:
    codes = dict(re.findall(r"(\d+) ([^·]+?)(?: ·|$)", EXIT_CODES.removeprefix("Exit codes: ")))
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {code: meaning for code, meaning in rows} == codes and len(codes) == 9


def test_every_command_has_been_tried() -> None:
    from rewatch.cli.app import app

    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    names |= {str(group.name) for group in app.registered_groups}
    assert names <= {line.split()[0] for line in (*ODD, *RIGHT)} | {"doctor"}
    assert len(ODD) >= 100


def test_a_folder_without_permission(typed: Callable[[str], Ended], tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    assert typed(f"videos --memory {closed}").code == 4
    assert typed(f"index {closed}/a.mp4").code == 3


def test_a_video_that_is_indexed_in_part_is_told(home: Path) -> None:
    from dataclasses import replace

    from rewatch import ClipMemory
    from rewatch.cli.settings.indexing import unfinished

    with ClipMemory(home / "memory", read_only=True) as memory:
        (whole,) = memory.videos()
        part = replace(whole, complete=False)
        assert unfinished([whole], memory) == []
        (line,) = unfinished([whole, part], memory)
        assert line.startswith("talk.mp4 is indexed in part (screen text to ")
        assert line.endswith(f"; rewatch index {home / 'talk.mp4'} goes on")
        assert unfinished([part, part], memory)[0].startswith("2 videos are")
