"""One run of the loop, as rewards see it: what the model wrote, what it called, and what it was shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from ...agent import Answer
from ...agent.parsing.draft import numbers_of
from ...agent.parsing.reply import parse_reply
from ...agent.steps import Call
from ...memory import MediaURI
from ..data.task import Task

SAME_LOOK = 0.9
"""tIoU from which a call of the same tool looks again at what was looked at before."""


class Made(NamedTuple):
    """A call that the model made."""

    name: str
    arguments: dict[str, Any]
    valid: bool
    """True if it could be read, was run, and did not fail."""
    result: ToolMessage | None
    """The tool's message; None where there is none."""


class RolloutLook(NamedTuple):
    """A place that a tool showed or told of."""

    tool: str
    uri: MediaURI
    own: bool
    """True if the model called for it (or else a route did)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A task, the answer of one run, and its whole conversation."""

    task: Task
    answer: Answer
    messages: tuple[BaseMessage, ...]
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Facts of the run that rewards over groups need, such as `{"shuffled": True}`."""

    @property
    def own(self) -> tuple[AIMessage, ...]:
        """The messages that the model wrote; those of routes and of the loop itself are not among them."""
        written = [m for m in self.messages if isinstance(m, AIMessage) and "by" not in m.additional_kwargs]
        if written and written[-1] is self.messages[-1] and self._is_loops(written[-1]):
            written.pop()
        return tuple(written)

    def _is_loops(self, message: AIMessage) -> bool:
        """True if the loop wrote the last message, because the policy could not: such a message has no cost."""
        return self.answer.stopped_by in ("policy_error", "tokens", "seconds") and not (
            "cost" in message.additional_kwargs or message.response_metadata or message.usage_metadata
        )

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The token record of each message of the model that has one: given, pictures, grids, sampled, logprobs."""
        return [m.response_metadata["tokens"] for m in self.own if "tokens" in m.response_metadata]

    @property
    def said(self) -> str:
        """Everything that the model wrote, and nothing that it was given."""
        return "\n".join(m.text for m in self.own)

    @property
    def final(self) -> str:
        """The last message of the model; empty where it wrote none, or ended with a call."""
        own = self.own
        if not own or (own[-1].tool_calls or own[-1].invalid_tool_calls) and self._after(own[-1]):
            return ""
        return own[-1].text

    def _after(self, message: AIMessage) -> bool:
        """True if a tool answered `message`: calls in the message that ends a run are not run."""
        ids = {c["id"] for c in (*message.tool_calls, *message.invalid_tool_calls)}
        return any(isinstance(m, ToolMessage) and m.tool_call_id in ids for m in self.messages)

    @property
    def written(self) -> str:
        r"""The answer in the model's own words: of its JSON, its last `<answer>` or `\boxed{}`, or all but thoughts."""
        return parse_reply(self.final).written(numbers_of(self.messages))

    @property
    def calls(self) -> tuple[Made, ...]:
        """The model's calls in order, unreadable ones included."""
        results = {m.tool_call_id: m for m in self.messages if isinstance(m, ToolMessage)}
        made: list[Made] = []
        for message in self.own:
            for call in message.tool_calls:
                result = results.get(call["id"] or "")
                made.append(Made(call["name"], call["args"], _succeeded(result), result))
            for broken in message.invalid_tool_calls:
                made.append(Made(broken["name"] or "", {}, False, results.get(broken["id"] or "")))
        return tuple(made)

    @property
    def repeats(self) -> int:
        """Number of valid calls that brought nothing new: the same call again, or the same tool on the same place."""
        return len([1 for made, new in self._news() if made.valid and not new])

    @property
    def distinct(self) -> tuple[Made, ...]:
        """The valid calls without the repeats."""
        return tuple(made for made, new in self._news() if made.valid and new)

    def _news(self) -> list[tuple[Made, bool]]:
        """Each call, and whether it is a new one."""
        before: list[Made] = []
        news = []
        for made in self.calls:
            new = not any(_same(made, other) for other in before if other.valid)
            news.append((made, new))
            before.append(made)
        return news

    @property
    def looked(self) -> tuple[RolloutLook, ...]:
        """The places that tools showed or told of, in order, those that routes called for included."""
        ids = {c["id"] for m in self.own for c in m.tool_calls}
        return tuple(
            RolloutLook(message.name or "", uri, message.tool_call_id in ids)
            for message in self.messages
            if isinstance(message, ToolMessage) and _succeeded(message)
            for uri in places(message)
        )


def places(message: ToolMessage) -> list[MediaURI]:
    """The media URIs that a tool's message names, in order; what cannot be read as one is passed over."""
    found = []
    for text in (message.artifact or {}).get("uris", ()):
        try:
            found.append(MediaURI.parse(str(text)))
        except ValueError:
            continue
    return found


def _succeeded(result: ToolMessage | None) -> bool:
    return result is not None and result.status != "error" and not (result.artifact or {}).get("skipped")


def _same(one: Made, other: Made) -> bool:
    """True if two calls are one: the same arguments, or the same tool on (nearly) the same place and words."""
    if one.name != other.name:
        return False
    if Call(one.name, one.arguments).key == Call(other.name, other.arguments).key:
        return True
    if not (one.result and other.result) or _words(one.arguments) != _words(other.arguments):
        return False
    here, there = places(one.result)[:1], places(other.result)[:1]
    if not here or not there or here[0].video != there[0].video or here[0].box != there[0].box:
        return False
    a, b = here[0].span, there[0].span
    return a == b or (a is not None and b is not None and a.iou(b) >= SAME_LOOK)


def _words(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are not numbers."""
    return {k: v for k, v in arguments.items() if isinstance(v, (str, list, dict)) and k not in ("box", "times")}
