"""Policies, planners and viewers of anybody's that fail in ways of their own: the run ends and says so."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import math
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import Answer
from rewatch.agent.models.settling import settled
from rewatch.agent.replay import replay
from rewatch.memory import RewatchError


class Wordless(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no words either")


def _deeper() -> Any:
    return _deeper()


class Failing(BaseChatModel):
    """Raises or returns what it holds."""

    what: Any = None

    @property
    def _llm_type(self) -> str:
        return "failing"

    def bind_tools(self, tools: Any, **_: Any) -> Failing:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        what = self.what() if self.what is _deeper else self.what
        if isinstance(what, BaseException):
            raise what
        return ChatResult(generations=[ChatGeneration(message=what)])


class FailingAlone(Failing):
    """The same as a coroutine."""

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return self._generate(messages)


RAISED = [
    SystemExit(0), GeneratorExit(), asyncio.CancelledError(), concurrent.futures.CancelledError(), StopIteration(),
    StopAsyncIteration(), TimeoutError("mine"), Wordless(), ValueError("a\n\x1b[31m" * 10_000), _deeper,
    HumanMessage("not a model's"),
]  # fmt: skip
NAMES = [what.__name__ if callable(what) else type(what).__name__ for what in RAISED]


def ask(memory: ClipMemory, folder: Path, question: str = "What do tickets cost?", **given: Any) -> Answer:
    scale, route = given.pop("scale", None), given.pop("route", None)
    agent = VideoAgent(
        memory,
        registered=False,
        budget=Budget(frames=16, calls=4, seconds=240, tokens=10_000),
        traces=folder,
        checkpoints=folder / "checkpoints.sqlite",
        **given,
    )
    answer = agent.ask(question, route=route, scale=scale, width=2)
    json.dumps(answer.as_dict(), allow_nan=False)
    assert replay(answer.trace or "").differences == []
    return answer


@pytest.mark.parametrize("kind", [Failing, FailingAlone])
@pytest.mark.parametrize("what", RAISED, ids=NAMES)
def test_whatever_a_policy_raises_ends_the_run(notices: ClipMemory, tmp_path: Path, kind: type[Failing], what: Any):
    if kind is FailingAlone and isinstance(what, SystemExit):
        with pytest.raises(RewatchError, match=r"The policy failed \(it raised SystemExit\)") as caught:
            ask(notices, tmp_path, policy=kind(what=what))
        assert caught.value.exit_code == 1
        return
    answer = ask(notices, tmp_path, policy=kind(what=what))
    assert answer.stopped_by == "policy_error" and answer.failed and answer.abstained
    assert answer.text.startswith("The policy failed (") and answer.text.isprintable() and len(answer.text) < 700


@pytest.mark.parametrize("mode", [{"planner": "model"}, {"scale": "vote"}], ids=["planner", "scaling"])
@pytest.mark.parametrize(
    "what", [SystemExit(0), asyncio.CancelledError(), Wordless()], ids=["exit", "cancel", "wordless"]
)
def test_planners_and_scalings_too(notices: ClipMemory, tmp_path: Path, mode: dict[str, str], what: BaseException):
    assert ask(notices, tmp_path, policy=Failing(what=what), **mode).stopped_by == "policy_error"


@pytest.mark.parametrize("what", [KeyboardInterrupt(), MemoryError(), AssertionError("no")])
def test_interrupts_want_of_memory_and_assertions_pass(notices: ClipMemory, tmp_path: Path, what: BaseException):
    with pytest.raises(type(what)):
        ask(notices, tmp_path, policy=Failing(what=what))


@pytest.mark.parametrize("what", [SystemExit(0), ValueError("no"), Wordless()], ids=["exit", "value", "wordless"])
def test_a_viewer_that_fails_each_time_is_why_there_is_no_answer(notices: ClipMemory, tmp_path: Path, what: Any):
    answer = ask(notices, tmp_path, "What colour is the car?", viewer=Failing(what=what), route="tree")
    assert answer.abstained and answer.stopped_by == "viewer_error" and answer.failed


def test_what_a_policy_counts_pays_nothing_back(notices: ClipMemory, tmp_path: Path):
    usage = {"input_tokens": -(10**9), "output_tokens": 5, "total_tokens": -(10**9)}
    said = AIMessage("Blue car", usage_metadata=usage, response_metadata={"cost": math.nan, "likelihood": math.nan})
    answer = ask(notices, tmp_path, policy=Failing(what=said))
    assert answer.text == "Blue car" and answer.spend["tokens"] >= 5 and "price" not in answer.spend


def test_a_call_in_the_text_of_any_chat_model_is_run(notices: ClipMemory, tmp_path: Path):
    call = '<tool_call>{"name": "browse", "arguments": {}}</tool_call>'
    answer = ask(notices, tmp_path, policy=Failing(what=AIMessage(call)))
    assert answer.spend["calls"] == 4 and "<tool_call>" not in answer.text


def test_messages_are_settled():
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    calls = [
        {"name": "a" * 999, "args": {"x": math.nan, "y": 10**400, "z": "\ud800"}, "id": None},
        {"name": "b", "args": {"x": deep}, "id": "1"},
        {"name": "c", "args": {"x": "y" * 10**6}, "id": "1"},
        {"name": "d", "args": {"x": {1, 2}}, "id": "1"},
    ]
    said = settled(AIMessage("\ud800" + "x" * 10**6, tool_calls=calls))
    assert len(said.text) == 100_000 and said.text[0] == "\ufffd"
    assert [call["args"] for call in said.tool_calls] == [
        {"x": "nan", "y": "Infinity", "z": "\ufffd"}, {"x": "{1, 2}"},
    ]  # fmt: skip
    assert len(said.tool_calls[0]["name"]) == 200 and all(call["id"] for call in said.tool_calls)
    assert ["nested too deeply" in str(bad["error"]) for bad in said.invalid_tool_calls] == [True, False]
    assert "too long" in str(said.invalid_tool_calls[1]["error"])
    sound = AIMessage("Blue", tool_calls=[{"name": "browse", "args": {"level": 1}, "id": "x"}])
    assert settled(sound) is sound
