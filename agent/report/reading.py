"""A trace as the report shows it. Reads leniently: what is missing or malformed is left out, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...memory import MediaURI

_BACK = 20  # steps in which the call of an observation is looked for: a resumed run may have gone on in between


@dataclass(slots=True, kw_only=True)
class ReportLook:
    """One tool call and what it brought back."""

    number: int
    """1 for the first of the run."""
    tool: str
    arguments: Any
    text: str
    places: tuple[MediaURI, ...]
    data: dict[str, Any]
    error: bool
    skipped: bool
    cached: bool
    cost: dict[str, float]


@dataclass(slots=True, kw_only=True)
class Step:
    """One thing that happened: a plan, a message of the policy with its looks, a message to it, a check, a resume."""

    kind: str
    time: float | None
    text: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    """The event itself, for what only one kind has."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Calls that have no observation (yet)."""
    looks: list[ReportLook] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """A whole run."""

    head: dict[str, Any]
    """The run event."""
    videos: dict[str, dict[str, Any]]
    """Facts of each video by id."""
    steps: list[Step]
    answer: dict[str, Any] | None
    """`Answer.as_dict`; None where the run was cut off."""
    spend: dict[str, float]
    seconds: float | None
    """Time of the last event since the run (or its last resumption) began."""

    @property
    def question(self) -> dict[str, Any]:
        """`Question.as_dict`."""
        return mapping(self.head.get("question"))

    @property
    def looks(self) -> list[ReportLook]:
        """Every call with its observation, in order."""
        return [look for step in self.steps for look in step.looks]


def read_run(events: Iterable[Mapping[str, Any]]) -> RunSummary:
    """The run that a trace's events tell of."""
    head: dict[str, Any] = {}
    answer: dict[str, Any] | None = None
    steps: list[Step] = []
    spend: dict[str, float] = {}
    last = None
    looks = 0
    for event in events:
        kind = string(event.get("event"))
        last = number(event.get("t"), last)
        spend = numbers(event.get("spend")) or spend
        if kind == "run":
            head = head or dict(event)
        elif kind == "observation":
            looks += 1
            _attach(steps, event, looks)
        elif kind == "second_look":
            looks += 1
            steps.append(_step(kind, event))
            _attach(steps, event, looks)
        elif kind == "answer":
            answer = mapping(event.get("answer"))
        elif kind in ("plan", "policy", "check", "attempt", "resume"):
            steps.append(_step(kind, event))
        if steps and kind != "run":
            steps[-1].spend = spend
    videos = {string(v.get("id")): mapping(v) for v in rows(mapping(head.get("question")).get("videos"))}
    return RunSummary(head=head, videos=videos, steps=steps, answer=answer, spend=spend, seconds=last)


def _step(kind: str, event: Mapping[str, Any]) -> Step:
    step = Step(kind=kind, time=number(event.get("t")), said=dict(event))
    if kind == "policy":
        step.text = content(event.get("content"))
        step.calls = [*rows(event.get("tool_calls")), *rows(event.get("invalid_tool_calls"))]
        if event.get("role") != "ai":
            step.kind = "told"
    elif kind == "check":
        step.text = "\n".join(map(string, items(event.get("missing"))))
    elif kind == "attempt":
        step.text = string(event.get("text"))
    elif kind == "second_look":
        claim = string(mapping(event.get("arguments")).get("claim"))
        step.text = f"Before the answer, a model that sees was shown the place again: does it show “{claim}”?"
    elif kind == "plan":
        step.text = string(mapping(event.get("plan")).get("text"))
    return step


def _attach(steps: list[Step], event: Mapping[str, Any], count: int) -> None:
    """Put an observation under the message that asked for it."""
    if not steps:
        steps.append(Step(kind="policy", time=number(event.get("t"))))
    asked = ((s, c) for s in reversed(steps[-_BACK:]) for c in s.calls if c.get("id") == event.get("call_id"))
    step, call = next(asked, (steps[-1], None))
    if call is not None:
        step.calls.remove(call)
    arguments = event.get("arguments")
    look = ReportLook(
        number=count,
        tool=string(event.get("tool")) or "unnamed tool",
        arguments=arguments if arguments is not None else (call or {}).get("args"),
        text=content(event.get("text")),
        places=places(event.get("uris")),
        data=mapping(event.get("data")),
        error=bool(event.get("error")),
        skipped=bool(event.get("skipped")),
        cached=bool(event.get("cached")),
        cost=numbers(event.get("cost")),
    )
    step.looks.append(look)


def mapping(value: Any) -> dict[str, Any]:
    """`value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """`value` where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def rows(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON array."""
    return [row for row in items(value) if isinstance(row, dict)]


def string(value: Any) -> str:
    """`value` as text; nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else compact(value)


def number(value: Any, default: float | None = None) -> float | None:
    """`value` where it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    try:
        return float(value) if math.isfinite(value) else default
    except OverflowError:  # an integer of hundreds of digits
        return default


def numbers(value: Any) -> dict[str, float]:
    """The finite numbers of a JSON object."""
    found = {key: number(item) for key, item in mapping(value).items()}
    return {key: item for key, item in found.items() if item is not None}


def places(value: Any) -> tuple[MediaURI, ...]:
    """The media URIs of a JSON array; what is none is left out."""
    found = []
    for item in items(value):
        place = place_of(item)
        if place is not None:
            found.append(place)
    return tuple(found)


def place_of(value: Any) -> MediaURI | None:
    """`value` as a media URI, where it is one."""
    try:
        return MediaURI.parse(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def content(value: Any) -> str:
    """The text of a message; its other blocks are named."""
    if not isinstance(value, list):
        return string(value)
    parts = []
    for block in value:
        if isinstance(block, dict):
            parts.append(string(block.get("text")) or f"[{string(block.get('type')) or 'block'}]")
        else:
            parts.append(string(block))
    return "\n".join(parts)


def compact(value: Any) -> str:
    """A JSON value on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to be shown)"


def looked_and_found(seen: Iterable[MediaURI]) -> tuple[MediaURI | None, list[MediaURI]]:
    """What a tool went through, and the places that it found there.

    Tools name what they went through first; a search, which goes through everything, names only what it found.
    """
    places = [place for place in dict.fromkeys(seen) if place.span is not None]
    if len(places) > 1 and all(_contains(places[0], other) for other in places[1:]):
        return places[0], places[1:]
    return None, places


def _contains(outer: MediaURI, inner: MediaURI) -> bool:
    if outer.span is None or inner.span is None or outer.video != inner.video or outer.is_frame:
        return False
    return outer.span.start <= inner.span.start and inner.span.end <= outer.span.end
