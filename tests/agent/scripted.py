"""A chat model that plays back a script: for tests of the loop, not of a model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

_ids = itertools.count()


def calling(name: str, **arguments: Any) -> AIMessage:
    """A message that calls one tool."""
    call = {"name": name, "args": arguments, "id": f"s{next(_ids)}", "type": "tool_call"}
    return AIMessage(content="", tool_calls=[call])


def observations(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """What the calls of the policy brought back; the first look, which comes before it, is left out."""
    looks = {
        c["id"] for m in messages if isinstance(m, AIMessage) and m.additional_kwargs.get("by") for c in m.tool_calls
    }
    return [m for m in messages if isinstance(m, ToolMessage) and m.tool_call_id not in looks]


class Scripted(BaseChatModel):
    """Gives `step(messages, tools_bound)` at each turn."""

    step: Callable[[list[BaseMessage], bool], AIMessage]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self.bind(tools_bound=bool(tools))

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        message = self.step(messages, bool(kwargs.get("tools_bound")))
        return ChatResult(generations=[ChatGeneration(message=message)])


def in_turn(*messages: AIMessage) -> Scripted:
    """Each message once; the last one again and again."""
    left = list(messages)
    return Scripted(step=lambda *_: left.pop(0) if len(left) > 1 else left[0])
