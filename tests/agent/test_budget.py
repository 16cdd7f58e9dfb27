"""Budgets are hard: whatever a policy wants, no limit is passed, and every run ends with an answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory
from rewatch.tools import Budget, Reply, VisualQuestion

from .scripted import Scripted, observations

WANTS = {
    "view_clip": lambda r: {"start": r.uniform(0, 20), "end": r.uniform(0, 30), "fps": r.choice([1, 5, 60])},
    "crop": lambda r: {"time": r.uniform(0, 24), "box": [0, 0, r.random(), r.random()]},
    "search_clips": lambda r: {"query": r.choice(["budget", "umbrella", "tickets"]), "k": r.randint(1, 9)},
    "transcribe": lambda r: {"start": 0, "end": r.uniform(0, 24)},
    "browse": lambda r: {"level": "chapter"},
    "no_such_tool": lambda r: {"x": 1},
}


def greedy(seed: int, tokens: int) -> Scripted:
    """Wants one to four more calls at every turn, also when it has none left; each turn costs `tokens`."""
    r = random.Random(seed)

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        names = r.choices(list(WANTS), k=r.randint(1, 4))
        calls = [
            {"name": n, "args": WANTS[n](r), "id": f"{len(messages)}_{k}", "type": "tool_call"}
            for k, n in enumerate(names)
        ]
        usage = {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens} if tokens else None
        return AIMessage("more", tool_calls=calls, usage_metadata=usage)

    return Scripted(step=step)


@pytest.mark.parametrize("runs", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_no_run_exceeds_a_limit_and_every_run_ends_with_an_answer(notices: ClipMemory, runs: int):
    r = random.Random(0)
    now: dict[str, Scripted] = {}
    agent = VideoAgent(notices, policy=Scripted(step=lambda *args: now["policy"].step(*args)))
    for seed in range(runs):
        tokens = r.choice([0, 7, 100])
        now["policy"] = greedy(seed, tokens)
        budget = Budget(
            frames=r.choice([0, 1, 3, 10, 64]),
            calls=r.choice([0, 1, 2, 5, 12]),
            tokens=r.choice([None, 7 * 2, 250, 1000]),
            seconds=r.choice([None, 30.0]),
        )
        answer = agent.ask("What is written?", budget=budget)
        spend = answer.spend
        assert spend["frames"] <= budget.frames, (seed, budget, spend)
        assert spend["calls"] <= budget.calls, (seed, budget, spend)
        if budget.tokens is not None:  # one turn is the smallest thing that costs tokens
            assert spend["tokens"] <= max(budget.tokens, tokens), (seed, budget, spend)
        if budget.seconds is not None:
            assert spend["seconds"] <= budget.seconds + 1, (seed, budget, spend)
        assert answer.stopped_by in ("calls", "tokens", "seconds") and answer.text


class Blinking:
    """A viewer that says the same of everything, at a price."""

    def ask(self, questions: Sequence[VisualQuestion], **_: Any) -> list[Reply]:
        return [Reply(text="3, maybe. 00:05-00:08", tokens=11, yes=0.6) for _ in questions]


@pytest.mark.parametrize("route", ["direct", "skim_zoom", "adaptive", "tree", "video_tree", "map_reduce", "role_chain"])
def test_no_route_exceeds_a_limit(notices: ClipMemory, route: str):
    r = random.Random(1)
    for seed in range(12):
        budget = Budget(
            frames=r.choice([0, 1, 2, 7, 64]),
            calls=r.choice([0, 1, 2, 3, 12]),
            tokens=r.choice([None, 500]),
            seconds=None,
        )
        agent = VideoAgent(notices, policy=greedy(seed, 10), viewer=Blinking())
        answer = agent.ask("What is written?", budget=budget, route=route)
        assert answer.spend["frames"] <= budget.frames and answer.spend["calls"] <= budget.calls, (seed, budget)
        assert answer.text


def test_the_time_that_a_policy_takes_is_kept_for_its_last_answer(notices: ClipMemory):
    """A slow policy is told to answer while there is time for it, not when there is none."""
    import time

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        time.sleep(0.8)
        if not may_call:
            return AIMessage("tickets are 12 euros, video")
        call = {"name": "browse", "args": {}, "id": str(len(messages)), "type": "tool_call"}
        return AIMessage("", tool_calls=[call])

    answer = VideoAgent(notices, policy=Scripted(step=step), budget=Budget(calls=None, seconds=5.0)).ask("Price?")
    assert answer.stopped_by == "seconds" and answer.text.startswith("tickets")


def test_a_policy_that_never_returns_ends_with_the_time(notices: ClipMemory):
    import threading

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        threading.Event().wait()
        raise AssertionError

    answer = VideoAgent(notices, policy=Scripted(step=step), budget=Budget(seconds=0.5)).ask("Price?")
    assert answer.abstained and answer.stopped_by == "seconds"


def test_calls_of_one_turn_beyond_the_limit_are_not_run(notices: ClipMemory):
    seen: list[ToolMessage] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        seen[:] = observations(messages)
        calls = [{"name": "browse", "args": {}, "id": f"{len(messages)}{k}", "type": "tool_call"} for k in range(4)]
        return AIMessage("", tool_calls=calls)

    VideoAgent(notices, policy=Scripted(step=step), budget=Budget(calls=4)).ask("What?")  # one is the first look's
    assert [bool(m.artifact.get("skipped")) for m in seen] == [False, False, False, True]
