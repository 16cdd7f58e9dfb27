"""Looking as a generator: it yields tool calls, is sent what came of them, and returns a result.

A run replays the generator over the messages that it has so far; the first call without a result is what to do next.
So a strategy or a route reads from top to bottom, keeps nothing between turns, and any run can be cut off and resumed.
A call that failed, or was not run because the budget is spent, comes back as an error: the generator goes on with less.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

Result = TypeVar("Result")


class Call(NamedTuple):
    """One tool call."""

    tool: str
    arguments: dict[str, Any]

    @property
    def key(self) -> str:
        """The call as text; the same call is run once."""
        return f"{self.tool} {json.dumps(self.arguments, sort_keys=True)}"


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call brought back."""

    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    error: bool = False
    skipped: bool = False
    """Whether it was not run at all, for want of budget."""


Steps = Generator[tuple[Call, ...], tuple[CallResult, ...], Result]
"""Calls of one step stand on their own and may run side by side."""


def observed(messages: Sequence[BaseMessage]) -> dict[str, CallResult]:
    """What each call of the conversation brought back, by `Call.key`."""
    calls = {c["id"]: Call(c["name"], c["args"]) for m in messages if isinstance(m, AIMessage) for c in m.tool_calls}
    found = {}
    for message in messages:
        if isinstance(message, ToolMessage) and message.tool_call_id in calls:
            artifact = message.artifact or {}
            failed = message.status == "error"
            data = {} if failed else artifact.get("data", {})
            seen = CallResult(str(message.content), data, failed, bool(artifact.get("skipped")))
            found[calls[message.tool_call_id].key] = seen
    return found


def advance(steps: Steps[Result], messages: Sequence[BaseMessage]) -> tuple[tuple[Call, ...], Result | None]:
    """Replay `steps` over the conversation: the calls to make next, or none and the result."""
    known = observed(messages)
    try:
        wanted = next(steps)
        while all(call.key in known for call in wanted):
            wanted = steps.send(tuple(known[call.key] for call in wanted))
    except StopIteration as end:
        return (), end.value
    return tuple({call.key: call for call in wanted if call.key not in known}.values()), None
