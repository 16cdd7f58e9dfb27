"""Teachers through the real graph: drafts by words, looks at frames, an audit by the rewards, agreement, and files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from rewatch.agent.graph import Loop
from rewatch.agent.models.registry import HeuristicPolicy, load_policy
from rewatch.agent.planning.planner import plan_by_rules
from rewatch.memory import ClipMemory
from rewatch.tools import BUILT_IN, Toolbox
from rewatch.training.data.task import Task
from rewatch.training.gym import Level, build_memory, make_environment
from rewatch.training.gym.evaluation import BUDGET
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards import is_right
from rewatch.training.rollouts.collector import Collector
from rewatch.training.synthesis import (
    Audit,
    ConversationError,
    Outcome,
    SynthesisFolder,
    Teacher,
    Teachers,
    read_conversations,
    read_preferences,
    synthesize,
)
from rewatch.training.synthesis.draft_notes import TextsOnly, leads, texts_loop

from ...agent.models.served.servers import Server, answers, calls

LEVEL = Level(clips=6, options=True)
FAMILIES = ("two_hops", "viewing", "retrieval")


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [make_environment(family, seed, LEVEL).task for family in FAMILIES for seed in range(4)]


@pytest.fixture(scope="module")
def memory(tasks: list[Task], tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build_memory(tasks, tmp_path_factory.mktemp("synthesis") / "memory")


@pytest.fixture(scope="module")
def loop(memory: ClipMemory) -> Loop:
    return Loop(memory=memory, policy=HeuristicPolicy(), planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))


def expert(tasks: Sequence[Task], name: str = "expert", **settings: Any) -> Teacher:
    return Teacher(name=name, policy=Expert.of(tasks, **settings))


def test_an_experts_traces_are_right_and_tell_nothing_of_the_notes(loop: Loop, tasks: list[Task]) -> None:
    outcomes = Teachers(loop=loop, teachers=[expert(tasks)])(tasks)
    assert [o.reasons for o in outcomes] == [{"expert": "kept"}] * len(tasks)
    for outcome in outcomes:
        (trace,) = outcome.kept
        assert is_right(trace) and trace.meta["rewards"]["task"] == 1 and trace.meta["teacher"] == "expert"
        told = [m.text for m in trace.messages if isinstance(m, HumanMessage)]
        assert len(told) == 1 and "Notes" not in told[0] and "may be in" not in told[0]
        # it is a run of the loop: the same question asked plainly begins with the same words
        plain = Collector(loop=loop, budget=BUDGET)([outcome.task], 1)[0]
        assert [m.text for m in plain.messages[:2]] == [m.text for m in trace.messages[:2]]
        ids = [call["id"] for m in trace.own for call in m.tool_calls]
        assert len(set(ids)) == len(ids)
        brought = [m.tool_call_id for m in trace.messages if isinstance(m, ToolMessage)]
        assert [one for one in brought if not one.startswith("look_")] == ids


def test_the_draft_has_words_only_and_finds_the_place(loop: Loop, tasks: list[Task]) -> None:
    task = next(t for t in tasks if t.meta["gym"]["family"] == "two_hops")
    blind = texts_loop(loop)
    names = set(blind.toolbox.names)
    assert names == {"search_clips", "browse", "transcribe", "read_text"}
    hits = TextsOnly(loop.memory).search("something red", videos=[loop.memory.videos()[0].id], k=20)
    assert all("visual" not in channel for hit in hits for channel in hit.channels)
    draft = Collector(loop=replace(blind, policy=Expert.of([task])), budget=BUDGET)([task], 1)[0]
    assert all(not (m.artifact or {}).get("pictures") for m in draft.messages if isinstance(m, ToolMessage))
    for one in (draft, None):
        found = leads(loop, task, one)
        assert any(span.overlap(task.truth.spans[0]) > 0 for _, span in found) and len(found) <= 3


def test_the_second_run_is_told_where_to_look_and_the_trace_is_not(
    loop: Loop, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    plain = Expert._generate

    def listening(self: Expert, messages: list[Any], *given: Any, **how: Any) -> Any:
        seen.append(messages[1].text)
        return plain(self, messages, *given, **how)

    monkeypatch.setattr(Expert, "_generate", listening)
    some = tasks[:1]
    (outcome,) = Teachers(loop=loop, teachers=[expert(some)])(some)
    assert any("Notes on what was said" in text for text in seen) and "Notes on" not in seen[0]
    assert all("Notes on" not in m.text for m in outcome.kept[0].messages)
    seen.clear()
    Teachers(loop=loop, teachers=[expert(some)], drafts=False)(some)
    assert seen and not any("Notes on" in text for text in seen)


def test_guesses_and_wasted_calls_are_refused_and_the_reasons_counted(
    loop: Loop, tasks: list[Task], tmp_path: Path
) -> None:
    poor = expert(tasks, "poor", guess=0.6, seed=1)
    report = synthesize(Teachers(loop=loop, teachers=[poor], drafts=False), tasks, tmp_path)
    reasons = report.reasons["poor"]
    assert sum(reasons.values()) == report.tasks == len(tasks) and 0 < report.kept < len(tasks)
    assert reasons["kept"] == report.kept == len(read_conversations(report.traces))
    assert set(reasons) - {"kept"} <= {"wrong answer", "no evidence", "evidence is elsewhere", "unfaithful evidence"}
    assert all(is_right(run) for run in read_conversations(report.traces))
    wasteful = Teachers(loop=loop, teachers=[expert(tasks, waste=0.9, seed=2)], drafts=False)(tasks[:4])
    strict = replace(Audit(), most_repeats=0)
    assert all(strict(run).passed for outcome in wasteful for run in outcome.kept)


def test_of_several_teachers_what_they_agree_on_is_kept_and_the_rest_are_preferences(
    loop: Loop, tasks: list[Task], tmp_path: Path
) -> None:
    pair = [expert(tasks), expert(tasks, "guesser", guess=0.7, seed=3)]
    outcomes: list[Outcome] = []
    report = synthesize(
        Teachers(loop=loop, teachers=pair, drafts=False), tasks, tmp_path, batch=5, on_outcome=outcomes.append
    )
    assert [o.task.id for o in outcomes] == [t.id for t in tasks]
    assert 0 < report.kept < len(tasks) and report.pairs > 0
    for outcome in outcomes:
        if outcome.kept:
            assert set(outcome.reasons.values()) == {"kept", "agrees"} and outcome.kept[0].meta["agreed"] == 2
        else:
            assert outcome.reasons["expert"] in ("disagreed", "alone") and outcome.reasons["guesser"] not in ("kept",)
    judgments = read_preferences(report.preferences)
    assert len(judgments) == report.pairs
    for one in judgments:
        assert is_right(one.chosen) and not is_right(one.rejected) and one.margin > 0
        assert one.chosen.task == one.rejected.task and one.why.startswith("expert over guesser: wrong answer")
    either = Teachers(loop=loop, teachers=pair, drafts=False, agree=1)(tasks)
    assert all(outcome.kept for outcome in either)
    with pytest.raises(ValueError, match="3 of 2 teachers"):
        Teachers(loop=loop, teachers=pair, agree=3)
    with pytest.raises(ValueError, match="name of its own"):
        Teachers(loop=loop, teachers=[pair[0], pair[0]])


def test_the_heuristic_policy_teaches_what_it_finds(loop: Loop, tasks: list[Task]) -> None:
    some = [task for task in tasks if task.meta["gym"]["family"] == "retrieval"]
    outcomes = Teachers(loop=loop, teachers=[Teacher(name="heuristic", policy=load_policy("heuristic"))])(some)
    kept = [outcome for outcome in outcomes if outcome.kept]
    assert kept and all(is_right(outcome.kept[0]) for outcome in kept)


def test_a_served_model_teaches_over_loopback(loop: Loop, tasks: list[Task], tmp_path: Path) -> None:
    task = next(t for t in tasks if t.meta["gym"]["family"] == "viewing")
    start, end = task.meta["about"]["at"]
    right = str(task.options[ord(task.truth.answer or "") - ord("A")])
    unsure = answers("not told in words")  # cites nothing, so that the check sends it back once
    draft = [calls(("search_clips", {"query": task.question}), text="Words first."), unsure, unsure]
    looks = [calls(("view_clip", {"start": start, "end": end}), text="Now the frames."), answers(right)]
    with Server(*draft, *looks) as server:
        teacher = Teacher(name="served", policy=load_policy(f"{server.address}#scripted"))
        report = synthesize(Teachers(loop=loop, teachers=[teacher]), [task], tmp_path)
    assert report.reasons == {"served": {"kept": 1}}
    (trace,) = read_conversations(report.traces)
    assert [call.name for call in trace.calls][-1] == "view_clip" and trace.answer.text == right
    second = [str(m["content"]) for m in server.requests[3]["messages"] if m["role"] == "user"]
    assert "Notes on what was said" in "".join(second)
    assert "Notes on" not in json.dumps([m.text for m in trace.messages])


def test_a_line_that_cannot_be_read_is_named(loop: Loop, tasks: list[Task], tmp_path: Path) -> None:
    report = synthesize(Teachers(loop=loop, teachers=[expert(tasks)], drafts=False), tasks[:2], tmp_path)
    good = report.traces.read_text(encoding="utf-8").splitlines()

    def refused(line: str, match: str) -> None:
        report.traces.write_text("\n".join([good[0], "", line]) + "\n", encoding="utf-8")
        with pytest.raises(ConversationError, match=rf"traces\.jsonl, line 3: {match}"):
            read_conversations(report.traces)

    row = json.loads(good[1])
    refused(good[1][:100], "line: is not JSON")
    refused("[1]", "line: is no object")
    refused(json.dumps({k: v for k, v in row.items() if k != "answer"}), "answer: is missing")
    refused(json.dumps({**row, "schema": 7}), "schema: is 7")
    refused(json.dumps({**row, "messages": [{"type": "nobody"}]}), "messages: ")
    refused(json.dumps({**row, "task": {**row["task"], "kind": "riddle"}}), "task.kind: ")
    refused(json.dumps({**row, "answer": {}}), "answer: ")
    with pytest.raises(ConversationError, match="cannot be read"):
        read_conversations(tmp_path / "nothing.jsonl")
    with pytest.raises(ConversationError, match="line 1: chosen: is missing"):
        read_preferences(report.traces)


def test_what_is_read_is_what_was_made(loop: Loop, tasks: list[Task], tmp_path: Path) -> None:
    made: list[Outcome] = []
    report = synthesize(Teachers(loop=loop, teachers=[expert(tasks)]), tasks[:3], tmp_path, on_outcome=made.append)
    for outcome, read in zip(made, read_conversations(report.traces), strict=True):
        (trace,) = outcome.kept
        assert read.task == trace.task and read.answer == trace.answer and read.meta == trace.meta
        assert [(m.type, m.content) for m in read.messages] == [(m.type, m.content) for m in trace.messages]
        assert Audit()(read) == Audit()(trace) and read.calls[0].arguments == trace.calls[0].arguments


def test_a_folder_mends_what_a_kill_left_and_asks_no_task_twice(loop: Loop, tasks: list[Task], tmp_path: Path) -> None:
    teaching = Teachers(loop=loop, teachers=[expert(tasks)], drafts=False)
    whole = synthesize(teaching, tasks[:6], tmp_path / "whole", batch=2)
    part = synthesize(teaching, tasks[:4], tmp_path / "part", batch=2)
    log = (tmp_path / "part" / "log.jsonl").read_bytes()
    lines = log.splitlines(keepends=True)
    (tmp_path / "part" / "log.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])  # killed within the last line
    with part.traces.open("ab") as file:
        file.write(b'{"schema": 1, "task": {"id"')
    asked: list[str] = []
    rest = synthesize(
        teaching, tasks[:6], tmp_path / "part", batch=2, on_outcome=lambda outcome: asked.append(outcome.task.id)
    )
    assert asked == [task.id for task in tasks[3:6]]
    assert (rest.kept, rest.reasons) == (whole.kept, whole.reasons)
    one, two = (read_conversations(report.traces) for report in (whole, rest))
    assert [(r.task.id, r.said) for r in one] == [(r.task.id, r.said) for r in two]
    assert SynthesisFolder(tmp_path / "part").done.keys() == {task.id for task in tasks[:6]}
    with pytest.raises(ValueError, match="Two tasks have the id"):
        synthesize(teaching, [tasks[0], tasks[0]], tmp_path / "twice")


def test_a_real_kill_loses_no_task_that_was_done(tmp_path: Path) -> None:
    script = Path(__file__).with_name("endless.py")
    command = [sys.executable, str(script), str(tmp_path)]
    run: Callable[..., Any] = lambda: subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)  # noqa: E731
    process = run()
    log = tmp_path / "out" / "log.jsonl"
    try:
        for _ in range(600):
            if log.exists() and log.read_bytes().count(b"\n") >= 3:
                break
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = log.read_bytes().count(b"\n")
    assert 3 <= before < 24
    folder = SynthesisFolder(tmp_path / "out")
    assert len(folder.done) == before
    kept = read_conversations(folder.traces)
    assert {run.task.id for run in kept} == {
        name for name, reasons in folder.done.items() if "kept" in reasons.values()
    }
    assert all(isinstance(run.messages[-1], AIMessage) for run in kept)
