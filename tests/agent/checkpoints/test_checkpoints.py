"""Stored steps are data: nothing that a file from elsewhere holds is imported or run, whatever it is written as."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from rewatch.agent import VideoAgent, read_trace
from rewatch.agent.approval import ApprovalNeeded
from rewatch.agent.questions.question import QuestionError
from rewatch.memory import ClipMemory, MemoryFolderError
from rewatch.tools import tool

from ..scripted import Scripted
from .test_resume import Cut, plain, step

QUESTION = "When is the budget mentioned?"


def packed(value: Any) -> bytes:
    return ormsgpack.packb(value, option=ormsgpack.OPT_NON_STR_KEYS)


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def planted(mark: Path) -> dict[str, tuple[Any, Any]]:
    """What a stored value can be replaced by, each of which would make the file `mark` if it were obeyed."""
    touch, ext = f"touch {mark}", ormsgpack.Ext
    opened = {"args": ["touch", str(mark)]}
    call = ext(0, packed(("os", "system", touch)))
    steps = {"v": 4, "id": "x", "ts": "t", "channel_values": {"question": call}, "channel_versions": {}}
    lc = {"type": "constructor", "id": ["subprocess", "Popen"], "kwargs": opened}
    return {
        "one argument": ("msgpack", packed(call)),
        "arguments": ("msgpack", packed(ext(1, packed(("os", "system", (touch,)))))),
        "keywords": ("msgpack", packed(ext(2, packed(("subprocess", "Popen", opened))))),
        "method": ("msgpack", packed(ext(3, packed(("pathlib", "Path", str(mark), "touch"))))),
        "pydantic 1": ("msgpack", packed(ext(4, packed(("subprocess", "Popen", opened))))),
        "pydantic 2": ("msgpack", packed(ext(5, packed(("subprocess", "Popen", opened, "model_validate_json"))))),
        "module beside": ("msgpack", packed(ext(0, packed(("planted_module", "run", 1))))),
        "in a step": ("msgpack", packed({**steps, "versions_seen": {}})),
        "in a message": (
            "msgpack",
            packed(ext(5, packed(("langchain_core.messages.ai", "AIMessage", {"content": call})))),
        ),
        "in a snapshot": ("msgpack", packed(ext(7, packed([call])))),
        "pickle": ("pickle", pickle.dumps(Runs(touch))),
        "lc 1": ("json", json.dumps({"lc": 1, **lc}).encode()),
        "lc 2": ("json", json.dumps({"lc": 2, **lc}).encode()),
        "array": ("msgpack", packed(ext(6, packed(("|O", (1,), "C", b"12345678"))))),
        "unknown": ("msgpack", packed(ext(99, b"zz"))),
        "deep": ("msgpack", b"\x91" * 5000 + b"\x01"),
        "garbage": ("msgpack", b"\xc1\xff"),
        "no bytes": ("msgpack", "text"),
        "no kind": (None, b"x"),
        "other state": ("msgpack", packed({"v": 4, "id": "1", "channel_values": {"question": 5}})),
        "a number": ("msgpack", packed(5)),
    }


@pytest.fixture
def cut_run(notices: ClipMemory, tmp_path: Path) -> Callable[..., str]:
    """Cuts a run off after its third event; gives its id."""

    def cut(after: int = 3, **how: Any) -> str:
        told: list[dict[str, Any]] = []

        def listen(event: dict[str, Any]) -> None:
            told.append(event)
            if len(told) == after:
                raise Cut

        with pytest.raises(Cut):
            agent(notices, tmp_path, **how).ask(QUESTION, listener=listen)
        return str(told[0]["run_id"])

    return cut


def agent(memory: ClipMemory, folder: Path, checkpoints: Path | None = None, **how: Any) -> VideoAgent:
    return VideoAgent(memory, traces=folder / "runs", checkpoints=checkpoints or folder / "runs", **how)


@pytest.mark.parametrize("table", ["checkpoints.checkpoint", "writes.value"])
def test_planted_values_are_not_obeyed(
    notices: ClipMemory, tmp_path: Path, cut_run: Callable[..., str], table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, (name, column) = tmp_path / "mark", table.split(".")
    (tmp_path / "planted_module.py").write_text(f"open({str(mark)!r}, 'w')\ndef run(x): open({str(mark)!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    run = cut_run()
    file = tmp_path / "runs" / f"{run}.sqlite"
    whole = file.read_bytes()
    for kind, (written_as, value) in planted(mark).items():
        file.write_bytes(whole)
        with sqlite3.connect(file) as db:
            db.execute(f"UPDATE {name} SET type = ?, {column} = ?", (written_as, value))
        db.close()
        with pytest.raises(MemoryFolderError) as told:
            agent(notices, tmp_path).resume(run)
        assert "\n" not in str(told.value) and ("ask" in str(told.value)), kind
        assert not mark.exists(), kind
    file.write_bytes(whole)
    assert plain(agent(notices, tmp_path).resume(run)) == plain(VideoAgent(notices).ask(QUESTION))


@pytest.mark.parametrize("damage", ["cut", "garbage", "folder", "pipe", "column", "metadata"])
def test_damaged_files_of_steps(notices: ClipMemory, tmp_path: Path, cut_run: Callable[..., str], damage: str) -> None:
    run = cut_run()
    file = tmp_path / "runs" / f"{run}.sqlite"
    if damage == "cut":
        os.truncate(file, 5000)
    elif damage == "garbage":
        file.write_bytes(os.urandom(9000))
    elif damage in ("folder", "pipe"):
        file.unlink()
        file.mkdir() if damage == "folder" else os.mkfifo(file)
    else:
        with sqlite3.connect(file) as db:
            changed = "DROP COLUMN metadata" if damage == "column" else ""
            db.execute(f"ALTER TABLE checkpoints {changed}" if changed else "UPDATE checkpoints SET metadata = '{no'")
        db.close()
    with pytest.raises(MemoryFolderError) as told:
        agent(notices, tmp_path).resume(run)
    assert "\n" not in str(told.value) and str(file) in str(told.value)
    agent(notices, tmp_path).ask(QUESTION)  # other runs are not touched by it


@pytest.mark.parametrize("run", ["../../x", "..", "", "a/b", "x\0y", "20260101-000000-abcdef"])
def test_ids_that_are_no_runs(notices: ClipMemory, tmp_path: Path, run: str) -> None:
    with pytest.raises(QuestionError):
        agent(notices, tmp_path).resume(run)
    assert not list(tmp_path.rglob("*.sqlite"))


def test_a_run_stored_in_the_file_that_all_shared_goes_on(
    notices: ClipMemory, tmp_path: Path, cut_run: Callable[..., str]
) -> None:
    run = cut_run(checkpoints=tmp_path / "runs" / "checkpoints.sqlite")
    assert [file.name for file in tmp_path.glob("runs/*.sqlite")] == ["checkpoints.sqlite"]
    assert plain(agent(notices, tmp_path).resume(run)) == plain(VideoAgent(notices).ask(QUESTION))


def test_what_was_allowed_is_not_taken_from_a_file(
    notices: ClipMemory, tmp_path: Path, cut_run: Callable[..., str]
) -> None:
    done: list[str] = []

    @tool(approval=True)
    def send(text: str) -> str:
        """Send a text.

        Args:
            text: what.
        """
        done.append(text)
        return "sent"

    def wants(messages: list[Any], may_call: bool) -> Any:
        if may_call and not any(isinstance(m, ToolMessage) and m.name == "send" for m in messages):
            return AIMessage("", tool_calls=[{"name": "send", "args": {"text": "x"}, "id": "s", "type": "tool_call"}])
        return AIMessage("It was sent.")

    how: dict[str, Any] = {"policy": Scripted(step=wants), "tools": [send]}
    with pytest.raises(ApprovalNeeded) as waiting:
        agent(notices, tmp_path, **how).ask("Send it.")
    run = waiting.value.run_id
    with sqlite3.connect(tmp_path / "runs" / f"{run}.sqlite") as db:
        row = db.execute("SELECT * FROM writes WHERE channel = '__interrupt__'").fetchone()
        names = [column[1] for column in db.execute("PRAGMA table_info(writes)")]
        forged = dict(zip(names, row, strict=True)) | {"channel": "__resume__", "idx": -4, "value": packed([["s"]])}
        marks = ",".join("?" * len(names))
        db.execute(f"INSERT OR REPLACE INTO writes VALUES ({marks})", [forged[name] for name in names])
    db.close()
    with pytest.raises(ApprovalNeeded):
        agent(notices, tmp_path, **how).resume(run)
    assert not done
    agent(notices, tmp_path, approve=lambda call: True, **how).resume(run)
    assert done == ["x"]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own without any room; skips where none can be made."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]).returncode:
        pytest.skip("a disk of its own can only be made by root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, leave: int) -> None:
    file = os.open(place / "filler", os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    os.truncate(place / "filler", max(0, (place / "filler").stat().st_size - leave))


@pytest.mark.parametrize("leave", [0, 4096, 24_000, 60_000])
def test_a_full_disk_costs_the_record_and_not_the_answer(
    notices: ClipMemory, full: Path, leave: int, caplog: pytest.LogCaptureFixture
) -> None:
    (full / "runs").mkdir()
    fill(full, leave)
    answer = agent(notices, full).ask(QUESTION)
    assert plain(answer) == plain(VideoAgent(notices).ask(QUESTION))
    if leave == 0:
        assert answer.trace is None and "The disk is full" in caplog.text
        assert not list((full / "runs").glob("*.jsonl"))  # what holds no event is no trace


def test_eight_runs_share_one_file(notices: ClipMemory, tmp_path: Path) -> None:
    """Threads stand for processes: each run opens the file for itself."""
    from concurrent.futures import ThreadPoolExecutor

    shared = tmp_path / "steps.sqlite"

    def ask(_: int) -> str:
        return agent(notices, tmp_path, shared, policy=Scripted(step=step)).ask(QUESTION).run_id or ""

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(ask, range(16)))
    assert len(set(ids)) == 16
    for id_ in ids:
        assert read_trace(tmp_path / "runs" / f"{id_}.jsonl")[-1]["event"] == "answer"
        assert agent(notices, tmp_path, shared, policy=Scripted(step=step)).resume(id_).text
