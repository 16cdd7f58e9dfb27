"""File names of any bytes: kept so that the file is found again, and shown as one line of printable text."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from media_files import write_video
from rewatch import VideoAgent
from rewatch.agent import read_trace
from rewatch.agent.report import write_report
from rewatch.memory import ClipMemory, VideoError
from rewatch.memory.files.names import from_sql, from_text, printable, to_sql, to_text

NAMES = (
    b"caf\xe9.mp4",
    b"\xed\xa0\x80half.mp4",
    b"two\nlines.mp4",
    b"red\x1b[31m\x07.mp4",
    b"turned\xe2\x80\xaegp4.mp4",
    b"-dash.mp4",
    b"--json",
    b"\xff" * 251 + b".mp4",
    b"x" * 251 + b".mp4",
    b"q'\"#%?&[bold]<b>.mp4",
)
if sys.platform != "linux":
    pytest.skip("other systems take only names in Unicode", allow_module_level=True)


@pytest.mark.parametrize(
    ("name", "as_shown"),
    [
        ("talk.mp4", "talk.mp4"),
        ("Vorträge 東京.mp4", "Vorträge 東京.mp4"),
        (os.fsdecode(b"caf\xe9.mp4"), r"caf\xe9.mp4"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m\x07\x9b", r"\x1b[31m\x07\x9b"),
        ("\u202egp4", r"\u202egp4"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud83d half", r"\ud83d half"),
        ("👩\u200d🔬.mp4", "👩\u200d🔬.mp4"),
    ],
)  # fmt: skip
def test_names_are_shown_as_one_printable_line(name: str, as_shown: str) -> None:
    assert printable(name) == as_shown == printable(printable(name))
    printable(name).encode("utf-8")


def test_a_path_comes_back_as_it_was() -> None:
    for name in (*map(os.fsdecode, NAMES), "talk.mp4", "Vorträge"):
        kept = to_sql(name)
        assert from_sql(kept) == name and (isinstance(kept, bytes) or kept.encode("utf-8"))
        assert from_text(to_text("/v/" + name)) == "/v/" + name and json.dumps(to_text(name)).encode("utf-8")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClipMemory]:
    folder = tmp_path_factory.mktemp("odd")
    made = write_video(folder / "made.mp4", frames=24)
    memory = ClipMemory(folder / os.fsdecode(b"mem\xe9ry"))
    for number, name in enumerate(NAMES):
        path = folder / os.fsdecode(name)
        shutil.copy(made, path)
        with path.open("ab") as file:
            file.write(b"\0" * number)
        memory.add(path, channels=("visual",), workers=0)
    return folder, memory


def test_videos_of_any_name_are_kept_and_found(odd: tuple[Path, ClipMemory]) -> None:
    folder, memory = odd
    assert len(memory.videos()) == len(NAMES)
    for name in NAMES:
        path = folder / os.fsdecode(name)
        record = memory.video(path)
        assert record.path == str(path) and record.name == printable(path.name)
        assert memory.video(path.name).id == memory.video(record.name).id == record.id
        memory.open(record.id).frame(0.5)  # type: ignore[attr-defined]
        assert memory.add(path, channels=("visual",), workers=0).id == record.id
        json.dumps({"name": record.name}, ensure_ascii=False).encode("utf-8")
    again = ClipMemory(memory.folder, read_only=True)
    assert [record.path for record in again.videos()] == [record.path for record in memory.videos()]
    assert again.search("red", k=2)


def test_a_run_about_them_is_told_replayed_and_shown(odd: tuple[Path, ClipMemory], tmp_path: Path) -> None:
    folder, memory = odd
    agent = VideoAgent(memory, traces=tmp_path)
    for name in NAMES[:2]:
        answer = agent.ask("What is shown?", videos=[str(folder / os.fsdecode(name))])
        events = read_trace(answer.trace or "")
        (path,) = events[0]["paths"].values()
        assert from_text(path) == str(folder / os.fsdecode(name))
        page = write_report(answer.trace or "", tmp_path / "page.html").read_text(encoding="utf-8")
        assert printable(os.fsdecode(name)) in page and "No pictures of video" not in page
        assert printable(os.fsdecode(name)) in json.dumps(events, ensure_ascii=False).replace("\\\\", "\\")


def test_errors_name_files_in_printable_text(odd: tuple[Path, ClipMemory]) -> None:
    _, memory = odd
    for name in NAMES:
        with pytest.raises(VideoError) as caught:
            memory.add(Path("nowhere") / os.fsdecode(name))
        said = " ".join(str(caught.value).split())  # as the command prints it
        assert said.isprintable()
        said.encode("utf-8")


def test_a_batch_goes_on_past_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    made = write_video(tmp_path / "made.mp4", frames=24)
    names = [b"good.mp4", b"caf\xe9.mp4", b"esc\x1b[31m.mp4", b"-other.mp4"]
    for number, name in enumerate(names, 1):
        (tmp_path / os.fsdecode(name)).write_bytes(made.read_bytes() + b"\0" * number)
    files = [b"./" + name for name in names]
    rewatch = [os.fsencode(sys.executable), b"-m", b"rewatch"]
    options = [b"--memory", b"m", b"--channels", b"visual", b"--workers", b"0", b"--json"]
    told = {**os.environ, "REWATCH_WARM": "0", "LANG": "C", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run([*rewatch, b"index", *files, *options], cwd=tmp_path, capture_output=True, env=told)
    text = (ran.stdout + ran.stderr).decode("utf-8")
    assert ran.returncode == 0 and "Traceback" not in text and "\x1b" not in text
    rows = json.loads(ran.stdout)["videos"]
    assert [os.path.basename(os.fsencode(row["path"])) for row in rows] == names
    assert [row["name"] for row in rows] == ["good.mp4", r"caf\xe9.mp4", r"esc\x1b[31m.mp4", "-other.mp4"]
