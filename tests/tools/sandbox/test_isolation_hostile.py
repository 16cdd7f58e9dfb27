"""Isolated tools that fork, daemonise, write where they should not, take all memory: each hurts its own call only."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import hostile_tools as hostile
import pytest
from rewatch.tools import Observation, Toolbox
from rewatch.tools.errors import says_what_next
from rewatch.tools.sandbox.isolation import GARBLED, isolation


def slow(*values: str) -> list[Any]:
    """More of the same, which CI runs."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def call(item: Any, **arguments: Any) -> Observation:
    box = Toolbox([item])
    return asyncio.run(box.call(item.name, arguments, memory=None, videos=[], left={}))[0]  # type: ignore[arg-type]


def the_rest_goes_on() -> None:
    """Calls after it get their own answers."""
    for number in range(3):
        assert call(hostile.echo, word=f"w{number}").text == f"echo w{number}"


def running(mark: str) -> list[int]:
    """Processes whose command line has the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("how", ["fork", "spawn", *slow("C", "pool")])
def test_a_tool_that_forks_shifts_nothing(how: str):
    seen = call(hostile.forks, how=how)
    assert seen.text == f"parent {how}" and not seen.error
    the_rest_goes_on()


@pytest.mark.parametrize("what", ["prints", "garbage", "late", *slow("closes", "forges")])
def test_what_a_tool_writes_is_nobody_elses_answer(what: str):
    seen = call(hostile.writes, what=what)
    assert seen.error == (what in ("closes", "garbage")) and "FORGED" not in seen.text
    assert not seen.error or says_what_next(seen.text)
    if what == "late":
        time.sleep(0.3)
    the_rest_goes_on()


def test_frames_that_a_process_sends_have_a_bound_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rewatch.tools.sandbox.isolation.LONGEST_MESSAGE", 3_000_000)
    seen = call(hostile.writes, what="frames")
    assert seen.error and GARBLED in seen.text, "four times a million bytes"
    the_rest_goes_on()


@pytest.mark.parametrize("how", ["waits", "stops", *slow("leaves", "crashes")])
def test_nothing_that_a_tool_started_outlives_its_end(how: str, tmp_path: Path):
    mark = f"{tmp_path.name}-{how}-{os.getpid()}"
    seen = call(hostile.starts_others, mark=mark, how=how)
    assert seen.error and says_what_next(seen.text)
    while running(mark):
        time.sleep(0.02)


def test_nothing_that_a_tool_started_outlives_the_processes(tmp_path: Path):
    mark = f"{tmp_path.name}-ends-{os.getpid()}"
    assert not call(hostile.starts_others, mark=mark, how="ends").error
    assert len(running(mark)) >= 2
    isolation.close()
    while running(mark):
        time.sleep(0.02)


@pytest.mark.parametrize(
    "what", ["SystemExit", "unspeakable", *slow("KeyboardInterrupt", "BaseException", "GeneratorExit")]
)
def test_whatever_is_raised_is_an_observation(what: str):
    seen = call(hostile.raises, what=what)
    assert seen.error and seen.text.startswith("raises failed") and says_what_next(seen.text)
    the_rest_goes_on()


@pytest.mark.parametrize("how", ["numpy", *slow("Python", "C++")])
def test_memory_has_a_limit_that_the_message_names(how: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REWATCH_TOOL_MEMORY", "1.5")
    seen = call(hostile.takes_memory, how=how)
    assert seen.error and "1.5 GB" in seen.text and "REWATCH_TOOL_MEMORY" in seen.text and says_what_next(seen.text)
    monkeypatch.setenv("REWATCH_TOOL_MEMORY", "0")
    assert json.loads(call(hostile.limit).text) == -1


def test_a_stopped_process_is_ended(monkeypatch: pytest.MonkeyPatch):
    seen = call(hostile.stops)
    assert seen.error and "given up" in seen.text
    the_rest_goes_on()


def _in_a_fork(sending: Any) -> None:
    sending.send([call(hostile.echo, word=f"fork{n}").text for n in range(5)])


def test_a_fork_of_the_program_has_processes_of_its_own():
    the_rest_goes_on()
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    fork = context.Process(target=_in_a_fork, args=(sending,))
    fork.start()
    ours = [call(hostile.echo, word=f"main{n}").text for n in range(5)]
    assert receiving.poll(240) and receiving.recv() == [f"echo fork{n}" for n in range(5)]
    assert ours == [f"echo main{n}" for n in range(5)]
    fork.join()
    the_rest_goes_on()
