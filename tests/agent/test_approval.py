"""A tool that wants approval: the run waits for a person, and goes on with yes or no, also when resumed later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from rewatch.agent import VideoAgent, read_trace
from rewatch.agent.approval import ApprovalNeeded
from rewatch.memory import ClipMemory
from rewatch.tools import tool

from .scripted import Scripted, observations

made: list[str] = []


@tool
def notes(word: str) -> str:
    """Note a word.

    Args:
        word: the word.
    """
    made.append(f"noted {word}")
    return word


@tool(approval=True)
def sends(word: str, times: int = 1) -> str:
    """Send a word.

    Args:
        word: the word.
        times: how often.
    """
    made.append(f"sent {word} {times}")
    return f"sent {word}"


def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
    """Two calls in one message, then an answer that says what came of them."""
    seen = observations(messages)
    if may_call and not seen:
        calls = [("notes", {"word": "a"}), ("sends", {"Word": "b", "times": "2"})]
        return AIMessage("", tool_calls=[{"name": n, "args": a, "id": n, "type": "tool_call"} for n, a in calls])
    return AIMessage(" | ".join(str(m.content) for m in seen))


@pytest.fixture
def memory(tmp_path: Path, make_talk: Callable[..., Path]) -> ClipMemory:
    made.clear()
    memory = ClipMemory(tmp_path / "memory")
    memory.add(make_talk(tmp_path / "talk.mp4", 2), channels=("visual",), workers=0)
    return memory


def agent(memory: ClipMemory, **settings: Any) -> VideoAgent:
    return VideoAgent(memory, policy=Scripted(step=step), tools=[notes, sends], **settings)


@pytest.mark.parametrize("stored", [False, True])
def test_an_allowed_call_is_made_once_and_as_shown(memory: ClipMemory, tmp_path: Path, stored: bool):
    asked: list[dict[str, Any]] = []

    def approve(call: dict[str, Any]) -> bool:
        assert not made, "a person is asked before any of the calls is made: they would be made twice"
        asked.append(call)
        return True

    where = {"checkpoints": tmp_path / "steps.sqlite"} if stored else {}
    answer = agent(memory, approve=approve, traces=tmp_path / "runs", **where).ask("What?")
    assert asked == [{"tool": "sends", "arguments": {"word": "b", "times": 2}}]
    assert made == ["noted a", "sent b 2"] and "sent b" in answer.text and answer.spend["calls"] == 3
    assert sum(event["event"] == "observation" for event in read_trace(answer.trace)) == 3  # one is the first look


def test_a_refused_call_is_an_observation(memory: ClipMemory):
    answer = agent(memory, approve=lambda call: False).ask("What?")
    assert made == ["noted a"] and "approval" in answer.text and "another tool" in answer.text


def test_who_cannot_be_asked_has_not_allowed_it(memory: ClipMemory):
    def gone(call: dict[str, Any]) -> bool:
        raise OSError("no terminal")

    for settings in ({}, {"approve": gone}):
        assert "was refused" in agent(memory, **settings).ask("What?").text
    assert made == ["noted a", "noted a"]


def test_a_run_that_waits_goes_on_when_resumed(memory: ClipMemory, tmp_path: Path):
    where = {"checkpoints": tmp_path / "steps.sqlite", "traces": tmp_path / "runs"}
    with pytest.raises(ApprovalNeeded, match="sends") as waits:
        agent(memory, **where).ask("What?")
    assert made == [] and waits.value.calls[0]["tool"] == "sends"
    with pytest.raises(ApprovalNeeded):
        agent(memory, **where).resume(waits.value.run_id)
    answer = agent(memory, approve=lambda call: True, **where).resume(waits.value.run_id)
    assert made == ["noted a", "sent b 2"] and "sent b" in answer.text and answer.spend["calls"] == 3
