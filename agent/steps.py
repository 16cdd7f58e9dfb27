"""Strategies as generators: each yields what to do next, is sent what came of it, and returns a result.

A run keeps no generator between its turns: it replays the generator over what is recorded so far, and the first step
without a recorded result is what to do next. So a strategy reads from top to bottom, and any run can be cut off and
resumed. A call that failed, or was not run because the budget is spent, comes back as an error: the generator goes on
with less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

Step = TypeVar("Step")
Outcome = TypeVar("Outcome")
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
    """The result of a call."""

    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    error: bool = False
    skipped: bool = False
    """True if it was not run at all, for want of budget."""
    uris: tuple[str, ...] = ()
    """Media URIs that it brought back."""
    pictures: tuple[str, ...] = ()
    """Those of them that are pictures."""


Steps = Generator[tuple[Call, ...], tuple[CallResult, ...], Result]
"""Calls of one step stand on their own and may run side by side."""


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """The result of a generator that has come to its end."""

    result: Result


def replay(
    steps: Generator[Step, Outcome, Result], outcome_of: Callable[[Step], Outcome | None]
) -> Step | Finished[Result]:
    """Run a generator (that has not begun) as far as its steps have outcomes.

    Returns the first step for which `outcome_of` has None, or the end.
    """
    try:
        step = next(steps)
        while (outcome := outcome_of(step)) is not None:
            step = steps.send(outcome)
    except StopIteration as end:
        return Finished(end.value)
    return step


def observed(messages: Sequence[BaseMessage]) -> dict[str, CallResult]:
    """Return the result of each call of the conversation, by `Call.key`."""
    calls = {c["id"]: Call(c["name"], c["args"]) for m in messages if isinstance(m, AIMessage) for c in m.tool_calls}
    results = {}
    for message in messages:
        if isinstance(message, ToolMessage) and message.tool_call_id in calls:
            artifact = message.artifact or {}
            failed = message.status == "error"
            data = {} if failed else artifact.get("data", {})
            results[calls[message.tool_call_id].key] = CallResult(
                str(message.content),
                data,
                failed,
                bool(artifact.get("skipped")),
                tuple(artifact.get("uris", ())),
                tuple(artifact.get("pictures", ())),
            )
    return results


def route_message(route: str, calls: Sequence[Call], number: int) -> AIMessage:
    """Return the message in which a route makes its calls; `number` is that of the messages before it."""
    rows = [
        {"name": call.tool, "args": call.arguments, "id": f"{route}_{number}_{k}", "type": "tool_call"}
        for k, call in enumerate(calls)
    ]
    text = f"{route}: {', '.join(dict.fromkeys(call.tool for call in calls))}"
    return AIMessage(content=text, tool_calls=rows, additional_kwargs={"by": "route"})


def advance(steps: Steps[Result], messages: Sequence[BaseMessage]) -> tuple[tuple[Call, ...], Result | None]:
    """Replay `steps` over the conversation: the calls to make next, or none and the result."""
    results = observed(messages)

    def outcome_of(calls: tuple[Call, ...]) -> tuple[CallResult, ...] | None:
        return tuple(results[call.key] for call in calls) if all(call.key in results for call in calls) else None

    calls = replay(steps, outcome_of)
    if isinstance(calls, Finished):
        return (), calls.result
    return tuple({call.key: call for call in calls if call.key not in results}.values()), None


def one_at_a_time(steps: Generator[Call, CallResult, Result], most: float) -> Steps[Result]:
    """Return the steps of a generator that yields single calls; those beyond the first `most` come back as errors."""
    try:
        call = next(steps)
        while True:
            result = CallResult(error=True)
            if most >= 1:
                most -= 1
                (result,) = yield (call,)
            call = steps.send(result)
    except StopIteration as end:
        final: Result = end.value
        return final
