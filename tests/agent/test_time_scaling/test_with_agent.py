"""Scalings over real runs of the loop: a scripted model, real tools, a real memory, the real driver."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent.test_time_scaling import SCALINGS

from ..scripted import Scripted, calling

QUESTION = "What does the speaker say about the budget?"


def sampler(*texts: str, reply: str = "hm", greedy: bool = False) -> Scripted:
    """A model that searches (once, or for ever) and then says the next of `texts`, citing what it was shown.

    Runs side by side may take their turn in any order, so tests must not depend on which run says what.
    """
    said = itertools.cycle(texts)

    def step(messages: list, tools: bool) -> AIMessage:
        used = {"input_tokens": 300, "output_tokens": 20, "total_tokens": 320}
        if all(isinstance(message, HumanMessage) for message in messages):
            return AIMessage(reply, usage_metadata=used)  # a plain question
        seen = [message for message in messages if isinstance(message, ToolMessage)]
        if tools and (greedy or not seen):
            return AIMessage("", tool_calls=calling("search_clips", query="budget").tool_calls, usage_metadata=used)
        uris = [uri for message in seen for uri in (message.artifact or {}).get("uris", ())]
        evidence = [{"claim": "it is said", "uri": uri} for uri in uris[:1]]
        draft = {"answer": next(said), "confidence": 0.8, "evidence": evidence}
        return AIMessage(json.dumps(draft), usage_metadata=used)

    return Scripted(step=step)


FREE = Budget(frames=None, calls=None, seconds=None)


def test_vote_over_real_runs_joins_what_is_the_same(notices: ClipMemory, tmp_path: Path):
    policy = sampler("ten million", "The budget is ten million.", "I saw nothing like it", "Ten million!", "10 million")
    agent = VideoAgent(notices, policy=policy, budget=FREE, traces=tmp_path)
    answer = agent.ask(QUESTION, scale="vote", width=5)
    assert "million" in answer.text.lower() and answer.confidence >= 0.75 and answer.question == QUESTION
    assert answer.evidence and all(piece.supported for piece in answer.evidence)
    assert len({piece.uri for piece in answer.evidence}) == len(answer.evidence)
    assert answer.spend["calls"] in (3, 4, 5)  # one search an attempt; three of a kind are enough


@pytest.mark.parametrize("name", SCALINGS)
def test_every_scaling_ends_with_an_answer_over_real_runs(notices: ClipMemory, name: str):
    policy = sampler("ten million", "twelve million", "1: yes. It is said.", reply='["Who speaks?", "What of?"] yes B')
    answer = VideoAgent(notices, policy=policy, budget=FREE).ask(QUESTION, scale=name, width=5)
    assert answer.question == QUESTION and answer.text and answer.stopped_by == "answer"
    assert answer.evidence and answer.evidence[0].supported and 0 < answer.confidence <= 1


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("calls", [0, 1, 5, 9])
def test_a_policy_that_always_wants_more_stays_within_the_calls_of_all(notices: ClipMemory, name: str, calls: int):
    policy = sampler("ten million", "twelve million", reply='["Q one?", "Q two?"]', greedy=True)
    budget = Budget(frames=None, calls=calls, tokens=20_000, seconds=None)
    answer = VideoAgent(notices, policy=policy, budget=budget).ask(QUESTION, scale=name, width=6)
    assert answer.spend["calls"] <= calls and answer.spend["tokens"] <= 20_000 and answer.text


@pytest.mark.parametrize("name", SCALINGS)
def test_a_policy_that_fails_gives_an_answer_that_says_so(notices: ClipMemory, name: str):
    def step(messages: list, tools: bool) -> AIMessage:
        raise ConnectionError("the server is gone")

    answer = VideoAgent(notices, policy=Scripted(step=step), budget=FREE).ask(QUESTION, scale=name, width=3)
    assert answer.abstained and answer.stopped_by == "policy_error" and "server is gone" in answer.text
