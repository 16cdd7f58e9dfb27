"""The compiled loop: budgets, checks, failures, checkpoints, traces."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import QuestionError, read_trace
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.tools import ToolError, tool

from .scripted import Scripted, calling, in_turn, observations


def final(text: str, **fields: object) -> AIMessage:
    return AIMessage(content=json.dumps({"answer": text, "evidence": [], **fields}))


def test_an_answer_carries_evidence_that_was_observed(notices: ClipMemory):
    answer = VideoAgent(notices).ask("What does the speaker say about the budget?")
    assert "ten million" in answer.text and not answer.abstained
    assert answer.evidence[0].supported and answer.evidence[0].tool == "transcribe"
    assert answer.spans[0].start == pytest.approx(9) and answer.spans[0].end == pytest.approx(13)
    assert answer.stopped_by == "answer" and answer.spend["calls"] >= 1


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_calls_are_a_hard_limit_and_every_run_ends_with_an_answer(notices: ClipMemory, limit: int):
    greedy = Scripted(
        step=lambda messages, tools: calling("search_clips", query="fair") if tools else final("spring fair")
    )
    answer = VideoAgent(notices, policy=greedy, budget=Budget(calls=limit)).ask("Which fair is it?")
    assert answer.spend["calls"] == limit and answer.stopped_by == "calls"
    assert answer.text == "spring fair"
    if limit:  # nothing was cited, but the words stand in a line of the first look
        assert "spring fair" in str(answer.evidence[0].quote).lower() and answer.evidence[0].supported
    else:
        assert not answer.evidence and answer.confidence < 0.5  # no evidence: said with less confidence


def test_several_calls_at_once_do_not_get_past_the_limit(notices: ClipMemory):
    many = AIMessage(
        content="",
        tool_calls=[{"name": "search_clips", "args": {"query": w}, "id": w, "type": "tool_call"} for w in "abcdef"],
    )
    seen: list[ToolMessage] = []

    def step(messages: list, tools: bool) -> AIMessage:
        seen[:] = observations(messages)
        return many if tools else final("x")

    answer = VideoAgent(notices, policy=Scripted(step=step), budget=Budget(calls=4)).ask("What is it?")
    assert answer.spend["calls"] == 4
    assert len(seen) == 6 and [m.status for m in seen] == ["success"] * 3 + ["error"] * 3  # one is the first look


def test_frames_are_a_hard_limit(notices: ClipMemory):
    rng = random.Random(0)

    def step(messages: list, tools: bool) -> AIMessage:
        if not tools:
            return final("done")
        start = rng.uniform(0, 20)
        return calling("view_clip", start=start, end=start + rng.uniform(0, 4), fps=rng.uniform(0.1, 30))

    for frames in (0, 1, 7, 20):
        answer = VideoAgent(notices, policy=Scripted(step=step), budget=Budget(frames=frames, calls=6)).ask("What?")
        assert answer.spend["frames"] <= frames


def test_a_policy_that_fails_ends_with_an_answer_and_a_trace(notices: ClipMemory, tmp_path: Path):
    def step(messages: list, tools: bool) -> AIMessage:
        raise ConnectionError("server gone")

    answer = VideoAgent(notices, policy=Scripted(step=step), traces=tmp_path).ask("What?")
    assert answer.abstained and answer.stopped_by == "policy_error" and "server gone" in answer.text
    assert read_trace(answer.trace or "")[-1]["event"] == "answer"


@pytest.mark.parametrize("scale", [None, "vote"])
def test_a_bug_ends_the_run_with_an_answer_and_its_traceback(
    notices: ClipMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: str | None
):
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("no such row")

    monkeypatch.setattr("rewatch.memory.ClipMemory.search", broken)
    policy = in_turn(*[calling("search_clips", query="tickets")] * 4)
    agent = VideoAgent(notices, policy=policy, traces=tmp_path, budget=Budget(frames=8, calls=4), registered=False)
    answer = agent.ask("What do tickets cost?", scale=scale, width=2)
    assert answer.stopped_by == "bug" and answer.failed and answer.abstained and answer.spend["calls"] == 0
    assert "search_clips failed (KeyError: 'no such row')" in answer.text
    *_, bug, last = read_trace(answer.trace or "")
    assert bug["event"] == "bug" and "KeyError: 'no such row'" in bug["traceback"] and "in broken" in bug["traceback"]
    assert last["answer"]["stopped_by"] == "bug" and replay(answer.trace or "").differences == []
    page = write_report(answer.trace or "", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "by a bug in the program" in page


def test_bad_calls_are_observations(notices: ClipMemory):
    bad = [
        calling("serach_clips", query="fair"),  # a near miss is taken as meant
        calling("fly", to="the moon"),
        calling("transcribe", start="soon", end=3),
        calling("transcribe", start=500, end=600),
        calling("crop", time=1, box=[0, 0, 0, 0]),
        AIMessage(content="", invalid_tool_calls=[{"name": "crop", "args": "{oops", "id": "i", "error": "bad json"}]),
    ]
    seen: list[ToolMessage] = []
    left = list(bad)

    def step(messages: list, tools: bool) -> AIMessage:
        seen[:] = observations(messages)
        return left.pop(0) if left else final("done")

    answer = VideoAgent(notices, policy=Scripted(step=step)).ask("What?")
    assert answer.text == "done"
    assert [m.status for m in seen] == ["success", "error", "error", "error", "error", "error"]
    assert "search_clips" in seen[1].content  # names the tools that there are
    assert "0 to 24" in seen[3].content  # names the video's bounds


def test_tools_that_break_or_hang_are_observations(notices: ClipMemory):
    import threading

    @tool
    def breaks(word: str) -> str:
        """Break.

        Args:
            word: anything.
        """
        raise RuntimeError(f"no {word}")

    @tool(timeout=0.2)
    def hangs() -> str:
        """Hang for ever."""
        threading.Event().wait()
        return ""

    @tool
    def advises() -> str:
        """Tell what to do."""
        raise ToolError("Ask again tomorrow.")

    seen: list[str] = []
    script = [calling("breaks", word="way"), calling("hangs"), calling("advises")]

    def step(messages: list, tools: bool) -> AIMessage:
        seen[:] = [str(m.content) for m in observations(messages)]
        return script.pop(0) if script else final("done")

    answer = VideoAgent(notices, policy=Scripted(step=step), tools=[breaks, hangs, advises]).ask("What?")
    assert answer.text == "done" and answer.spend["seconds"] < 100
    assert "RuntimeError: no way" in seen[0] and "given up" in seen[1] and "Ask again tomorrow" in seen[2]


def test_an_unsupported_claim_is_sent_back_once_and_then_marked(notices: ClipMemory):
    video = notices.videos()[0].id
    forged = final("ten", confidence=0.9, evidence=[{"claim": "ten", "uri": f"video:{video}"}])
    asked: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        asked.append(str(messages[-1].content))
        return forged

    answer = VideoAgent(notices, policy=Scripted(step=step)).ask("How many?")
    assert len(asked) == 2 and "not observed in this run" in asked[1]
    assert not answer.evidence[0].supported and answer.confidence < 0.5


def test_a_quote_must_stand_in_an_observation(notices: ClipMemory):
    video = notices.videos()[0].id
    place = {"claim": "budget", "uri": f"video:{video}#t=9,13"}
    wrong = final("x", evidence=[{**place, "quote": "nine million"}])
    right = final("x", evidence=[{**place, "quote": "ten million"}])
    policy = in_turn(calling("transcribe", start=0, end=24), wrong, right)
    answer = VideoAgent(notices, policy=policy).ask("How much?")
    assert answer.evidence[0].quote == "ten million" and answer.evidence[0].supported


def test_a_killed_run_resumes_from_its_last_step(notices: ClipMemory, tmp_path: Path):
    """A process is killed inside its third tool call; another one goes on and ends with the same answer."""
    script = tmp_path / "dies.py"
    script.write_text(
        "import os, signal, sys\n"
        "from rewatch import ClipMemory, VideoAgent\n"
        "from rewatch.agent.models.registry import HeuristicPolicy\n"
        "class Dies(HeuristicPolicy):\n"
        "    def _generate(self, messages, *a, **k):\n"
        "        if sum(m.type == 'tool' for m in messages) == 2:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super()._generate(messages, *a, **k)\n"
        "agent = VideoAgent(ClipMemory(sys.argv[1], read_only=True), policy=Dies(), checkpoints=sys.argv[2],\n"
        "                   traces=sys.argv[3])\n"
        "agent.ask('What does the speaker say about the budget?')\n"
    )
    steps, traces = tmp_path / "steps.sqlite", tmp_path / "runs"
    ended = subprocess.run([sys.executable, str(script), str(notices.folder), str(steps), str(traces)], timeout=120)
    assert ended.returncode == -9
    (trace,) = traces.glob("*.jsonl")
    assert len(read_trace(trace)) >= 4  # what was done before the kill is on disk
    agent = VideoAgent(notices, checkpoints=steps, traces=traces)
    resumed = agent.resume(trace.stem)
    direct = VideoAgent(notices).ask("What does the speaker say about the budget?")
    assert (resumed.text, resumed.spans) == (direct.text, direct.spans)
    assert resumed.spend["calls"] == direct.spend["calls"]  # nothing was done twice
    with pytest.raises(QuestionError, match="stored"):
        agent.resume("no-such-run")


def test_fifty_turns_write_less_than_a_megabyte(notices: ClipMemory, tmp_path: Path):
    def step(messages: list, tools: bool) -> AIMessage:
        turn = sum(isinstance(m, ToolMessage) for m in messages)
        return calling("transcribe", start=turn % 20, end=24) if tools and turn < 50 else final("done")

    path = tmp_path / "steps.sqlite"
    agent = VideoAgent(notices, policy=Scripted(step=step), budget=Budget(calls=60, seconds=None), checkpoints=path)
    assert agent.ask("What?").spend["calls"] == 50
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert sum(f.stat().st_size for f in tmp_path.glob("steps.sqlite*")) < 1_000_000


def test_nothing_after_now_is_seen(notices: ClipMemory):
    agent = VideoAgent(notices)
    assert agent.ask("What does the speaker say about the umbrella?").abstained is False
    assert agent.ask("What does the speaker say about the umbrella?", now=15.0).abstained is True


@pytest.mark.parametrize(
    "question, options, videos", [("  ", None, None), ("What?", [], None), ("What?", None, ["nope"])]
)
def test_questions_that_cannot_be_asked(notices: ClipMemory, question: str, options: list | None, videos: list | None):
    from rewatch.memory import RewatchError

    with pytest.raises(RewatchError):
        VideoAgent(notices).ask(question, options=options, videos=videos)


def test_asking_works_inside_a_running_event_loop(notices: ClipMemory):
    import asyncio

    async def notebook() -> str:
        return VideoAgent(notices).ask("What does the speaker say about the budget?").text

    assert "ten million" in asyncio.run(notebook())


def test_a_plain_langchain_tool_works(notices: ClipMemory):
    from langchain_core.tools import tool as langchain_tool

    @langchain_tool
    def weather(place: str) -> str:
        """The weather at a place."""
        return f"rain in {place}"

    seen: list[str] = []

    def step(messages: list, tools: bool) -> AIMessage:
        seen[:] = [str(m.content) for m in observations(messages)]
        return calling("weather", place="Oslo") if not seen else final("done")

    VideoAgent(notices, policy=Scripted(step=step), tools=[weather]).ask("What?")
    assert seen == ["rain in Oslo"]
