"""Replay: the recorded answer follows from the recorded messages, or the difference is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent import TraceError, VideoAgent, read_trace
from rewatch.agent.answer import Answer, Draft, Evidence
from rewatch.agent.replay import replay
from rewatch.agent.trace import TraceWriter, events_of
from rewatch.memory import ClipMemory
from rewatch.tools import Budget

from .recorded import Recorder
from .scripted import calling, in_turn

URI = "video:0a1b2c3d#t=2,6"
QUOTE = "the budget is ten million"


def _record(path: Path, **about: Any) -> Recorder:
    run = Recorder(path, "What is said about the budget?", **about)
    run.say("I look for it.", ("search_clips", {"query": "budget"}), tokens=120)
    run.observe(f"00:02-00:06 speech «{QUOTE}»", URI, data={"hits": [{"span": [2, 6]}]})
    return run


def _draft(**changes: Any) -> Draft:
    evidence = (Evidence(claim="it is named", uri=URI, tool="search_clips", quote=QUOTE),)
    return Draft(**{"text": "Ten million.", "confidence": 0.9, "evidence": evidence, **changes})


def _supported(path: Path) -> Answer:
    return _record(path).end(_draft())


def _unsupported(path: Path) -> Answer:
    wrong = Evidence(claim="guess", uri="video:0a1b2c3d#t=9,10", quote="never said")
    return _record(path).end(_draft(evidence=(wrong, *_draft().evidence)))


def _abstained(path: Path) -> Answer:
    return _record(path).end(Draft(text="Nothing tells.", abstained=True, confidence=0.0))


def _option_by_text(path: Path) -> Answer:
    return _record(path, options=("five", "ten")).end(_draft(option="Ten"))


def _sent_back(path: Path) -> Answer:
    run = _record(path)
    run.say(Draft(text="Ten million.").as_message())
    run.send_back()
    return run.end(_draft())


def _calls_spent(path: Path) -> Answer:
    run = _record(path, budget=Budget(calls=1))
    run.tell_spent("calls")
    return run.end(_draft(), stopped_by="calls")


def _policy_failed(path: Path) -> Answer:
    failed = Draft(text="The policy failed (ValueError: no).", abstained=True, confidence=0.0)
    return _record(path).end(failed, stopped_by="policy_error")


def _nothing_before_now(path: Path) -> Answer:
    return _record(path, now=3.0).end(_draft())


@pytest.mark.parametrize(
    "make",
    [
        _supported,
        _unsupported,
        _abstained,
        _option_by_text,
        _sent_back,
        _calls_spent,
        _policy_failed,
        _nothing_before_now,
    ],
)
def test_a_sound_trace_gives_the_recorded_answer(make: Callable[[Path], Answer], tmp_path: Path) -> None:
    answer = make(tmp_path / "run.jsonl")
    result = replay(tmp_path / "run.jsonl")
    assert result.differences == []
    assert result.answer is not None and result.answer.as_dict() == answer.as_dict()
    assert [e["event"] for e in result.events][0] == "run"


@pytest.mark.parametrize("make", [_supported, _calls_spent, _policy_failed])
def test_a_trace_that_does_not_record_what_ended_the_run_is_replayed_by_its_words(
    make: Callable[[Path], Answer], tmp_path: Path
) -> None:
    answer = make(tmp_path / "run.jsonl")
    _edit(tmp_path / "run.jsonl", lambda event: event.pop("stopped_by", None))
    result = replay(tmp_path / "run.jsonl")
    assert result.differences == []
    assert result.answer is not None and result.answer.as_dict() == answer.as_dict()


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    events = read_trace(path)
    for event in events:
        change(event)
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")


def _in_answer(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        if event["event"] == "answer":
            event["answer"][key] = value

    return change


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("text", "Twenty million.", "answer.text: recorded 'Twenty million.'"),
        ("confidence", 0.99, "answer.confidence: recorded 0.99"),
        ("option", "A", "answer.option: recorded 'A'"),
        ("abstained", True, "answer.abstained: recorded True"),
        ("stopped_by", "seconds", "answer.stopped_by: recorded 'seconds'"),
        ("spans", [[0.0, 12.0]], "answer.spans[0][0]: recorded 0.0"),
        ("spend", {"frames": 9, "calls": 1, "tokens": 120, "seconds": 0.1}, "answer.spend.frames: recorded 9"),
        ("new_field", 1, "answer.new_field: recorded 1"),
    ],
)
def test_an_edited_answer_is_noticed(key: str, value: Any, named: str, tmp_path: Path) -> None:
    _supported(tmp_path / "run.jsonl")
    _edit(tmp_path / "run.jsonl", _in_answer(key, value))
    differences = replay(tmp_path / "run.jsonl").differences
    assert [line for line in differences if line.startswith(named)], differences


def test_an_edited_observation_no_longer_holds_the_quote(tmp_path: Path) -> None:
    _supported(tmp_path / "run.jsonl")

    def change(event: dict[str, Any]) -> None:
        if event["event"] == "observation":
            event["text"] = "«nothing of that kind»"

    _edit(tmp_path / "run.jsonl", change)
    result = replay(tmp_path / "run.jsonl")
    assert result.answer is not None and not result.answer.evidence[0].supported
    assert "answer.evidence[0].supported: recorded True, the messages give False" in result.differences


def test_a_changed_check_is_noticed(tmp_path: Path) -> None:
    _sent_back(tmp_path / "run.jsonl")

    def change(event: dict[str, Any]) -> None:
        if event["event"] == "check":
            event["missing"] = ["Say it louder."]

    _edit(tmp_path / "run.jsonl", change)
    assert replay(tmp_path / "run.jsonl").differences[0].startswith("check: recorded ['Say it louder.']")


def test_an_observation_that_nobody_asked_for_is_noticed(tmp_path: Path) -> None:
    _supported(tmp_path / "run.jsonl")

    def change(event: dict[str, Any]) -> None:
        if event["event"] == "observation":
            event["call_id"] = "other"

    _edit(tmp_path / "run.jsonl", change)
    assert replay(tmp_path / "run.jsonl").differences == [
        "observation other (search_clips) answers no call of the policy"
    ]


def test_calls_that_could_not_be_parsed_are_recorded_too(tmp_path: Path) -> None:
    bad = {"name": "crop", "args": "{oops", "id": "x1", "error": "not JSON", "type": "invalid_tool_call"}
    [event] = events_of("policy", {"messages": [AIMessage("", invalid_tool_calls=[bad])]})
    assert event["invalid_tool_calls"] == [{"name": "crop", "args": "{oops", "id": "x1"}]


def test_a_trace_cut_anywhere_is_replayed_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    _sent_back(whole)
    data, events = whole.read_bytes(), read_trace(whole)
    assert "«".encode() in data  # so that some cuts part a character
    first = data.index(b"\n")
    cut = tmp_path / "cut.jsonl"
    for end in [*range(first + 1, len(data), 37), *(data.index("«".encode()) + k for k in (0, 1))]:
        cut.write_bytes(data[:end])
        result = replay(cut)
        assert result.events == events[: len(result.events)] and len(result.events) < len(events)
        assert result.answer is None and result.differences == []
    cut.write_bytes(data[: first - 5])
    with pytest.raises(TraceError, match="not JSON"):
        replay(cut)


def test_writing_goes_on_after_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    _record(path)
    path.write_bytes(path.read_bytes()[:-20])
    kept = len(read_trace(path))
    writer = TraceWriter(path)
    writer.write({"event": "resume", "run_id": "r"})
    writer.close()
    assert [e["event"] for e in read_trace(path)[kept:]] == ["resume"]


@pytest.mark.parametrize("text", ["one\u2028two\u2029three\x85four", "half a pair \ud800 of surrogates"])
def test_any_text_can_be_written_and_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = _record(path)
    run.say(text, ("search_clips", {"query": text}))
    run.observe(text, URI)
    run.end(_draft())
    result = replay(path)
    assert result.differences == [] and result.answer is not None
    said = [e["content"] for e in result.events if e["event"] == "policy"][1]
    assert said == text


def test_steps_told_twice_by_a_resumed_run_count_once(tmp_path: Path) -> None:
    """A kill between telling a step and storing it makes the resumed run tell it again."""
    path = tmp_path / "run.jsonl"
    _supported(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    again = {"event": "resume", "t": 0.0, "run_id": "20260131-120000-abcdef"}
    path.write_text("\n".join([*lines[:4], json.dumps(again), *lines[2:]]) + "\n", encoding="utf-8")
    result = replay(path)
    assert [e["event"] for e in result.events].count("observation") == 2
    assert result.differences == [] and result.answer is not None


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(TraceError, match="cannot be read as a trace"):
        replay(path)
    path.write_text('{"event": "run", "schema": 99}\n', encoding="utf-8")
    with pytest.raises(TraceError, match="newer than"):
        replay(path)
    path.write_text('{"event": "run", "schema": "x"}\n', encoding="utf-8")
    with pytest.raises(TraceError, match="no schema version"):
        replay(path)
    path.write_text('{"event": "run", "schema": 1}\n', encoding="utf-8")
    with pytest.raises(TraceError, match="was the file edited"):
        replay(path)
    path.write_text('{"event": "run", "schema": 1}\n' + "[" * 100_000 + "\n{}\n", encoding="utf-8")
    with pytest.raises(TraceError, match="line 2: not JSON"):
        replay(path)


def test_runs_of_the_loop_replay(notices: ClipMemory, tmp_path: Path) -> None:
    """Real runs: the weightless policy over several kinds of question, and a policy that must be sent back."""
    agent = VideoAgent(notices, traces=tmp_path)
    for question in ("What is said about the budget?", "When does the text ROOM 417 appear?", "What colour is it?"):
        answer = agent.ask(question)
        assert answer.trace is not None
        result = replay(answer.trace)
        assert result.differences == []
        assert result.answer is not None and result.answer.text == answer.text
    policy = in_turn(calling("transcribe", start=8, end=14), AIMessage("It is ten million, video:00000000#t=1,2."))
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What is the budget?")
    assert answer.trace is not None
    result = replay(answer.trace)
    assert [e["event"] for e in result.events].count("check") == 1
    assert result.differences == [] and result.answer is not None
    answer = VideoAgent(notices, policy=policy, traces=tmp_path, budget=Budget(calls=0)).ask("What is the budget?")
    assert answer.trace is not None and replay(answer.trace).differences == [] and answer.stopped_by == "calls"


KILLED = """
import os, signal, sys
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory

def last_call(query: str) -> str:
    \"\"\"Ends the process.\"\"\"
    os.kill(os.getpid(), signal.SIGKILL)

sys.path.insert(0, sys.argv[3])
from scripted import calling, in_turn
policy = in_turn(calling("search_clips", query="budget"), calling("last_call", query="budget"))
VideoAgent(ClipMemory(sys.argv[1], read_only=True), policy=policy, tools=[last_call], traces=sys.argv[2]).ask("Budget?")
"""


def test_a_killed_run_is_replayed_as_far_as_it_went(notices: ClipMemory, tmp_path: Path) -> None:
    arguments = [str(notices.folder), str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    [trace] = tmp_path.glob("*.jsonl")
    result = replay(trace)
    assert [e["event"] for e in result.events] == [
        "run", "plan", "policy", "observation", "policy", "observation", "policy",
    ]  # fmt: skip
    assert result.answer is None and result.differences == []
