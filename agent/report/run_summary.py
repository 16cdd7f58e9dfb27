"""A trace as the report shows it. Reads leniently: what is missing or malformed is left out, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...memory import MediaURI, clock, wall_clock

_DAY = 86400.0
_LATEST = 2e11  # seconds of a timeline: the year 8307; calendars go no further than 9999
_BACK = 20  # steps in which the call of an observation is looked for: a resumed run may have gone on in between


@dataclass(slots=True, kw_only=True)
class ReportCall:
    """One tool call and its result."""

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
    """One thing that happened: a plan, a message of the policy with its calls, a message to it, a check, a resume."""

    kind: str
    time: float | None
    text: str = ""
    event: dict[str, Any] = field(default_factory=dict)
    """The event itself, for what only one kind has."""
    pending: list[dict[str, Any]] = field(default_factory=list)
    """Calls that have no observation (yet)."""
    calls: list[ReportCall] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The heading of the step."""
        if self.kind == "policy":
            if not (self.calls or self.pending):
                return "Draft"
            return "Route" if self.event.get("by") == "route" else "Policy"
        if self.kind == "attempt":
            return "Attempt" if mapping(self.event.get("answer")) else "Asked"
        return {"resume": "Resumed", "second_look": "Second look"}.get(self.kind, self.kind.capitalize())


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """A whole run."""

    head: dict[str, Any] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    """`Answer.as_dict`; None where the run was cut off."""
    spend: dict[str, float] = field(default_factory=dict)

    @property
    def question(self) -> dict[str, Any]:
        """`Question.as_dict`."""
        return mapping(self.head.get("question"))

    def now_of(self, video: str) -> float | None:
        """Return the second of a video from which on nothing could be seen; None without a limit."""
        now, facts = self.question.get("now"), self.videos.get(video, {})
        recorded, start = number(facts.get("recorded")), number(facts.get("start"))
        if now is None or (recorded is None and not isinstance(now, dict)):
            return number(now)
        moment = number(mapping(now).get("seconds"))
        if moment is None or recorded is None or start is None:
            return number(facts.get("end"))  # facts end where the view ended
        return round(moment - recorded + start, 6)

    @property
    def up_to(self) -> str:
        """`now` in words: the moment after which nothing might be seen; empty without one."""
        now = self.question.get("now")
        return self._moment(mapping(now).get("seconds")) if isinstance(now, dict) else _clock(number(now))

    @property
    def about(self) -> str:
        """What the question's words for time mean by the clock (`yesterday`); empty where there are none."""
        during = mapping(self.question.get("during"))
        bounds = [self._moment(during.get(name)) for name in ("start", "end")]
        return " to ".join(bounds) if all(bounds) else ""

    def _moment(self, seconds: object) -> str:
        value = number(seconds)
        zones = [number(facts.get("zone")) for facts in self.videos.values()]
        zone = next((int(one) for one in reversed(zones) if one is not None and abs(one) < _DAY), None)
        return "" if value is None or not 0 <= value < _LATEST else wall_clock(value, zone)

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """The evidence of the answer."""
        return rows((self.answer or {}).get("evidence"))

    @property
    def calls(self) -> list[ReportCall]:
        """Every call with its observation, in order."""
        return [call for step in self.steps for call in step.calls]


def read_run(events: Iterable[Mapping[str, Any]]) -> RunSummary:
    """Return the run that a trace's events tell of."""
    run = RunSummary()
    count = 0
    for event in events:
        kind = string(event.get("event"))
        run.spend = numbers(event.get("spend")) or run.spend
        if kind == "run":
            run.head = run.head or dict(event)
            run.videos = {string(v.get("id")): v for v in rows(run.question.get("videos"))}
            continue
        if kind == "answer":
            run.answer = mapping(event.get("answer"))
        elif kind in ("plan", "policy", "check", "attempt", "resume", "second_look"):
            run.steps.append(_step(kind, event))
        if kind in ("observation", "second_look"):
            count += 1
            _attach(run.steps, event, count)
        if run.steps:
            run.steps[-1].spend = run.spend
    return run


def _clock(seconds: float | None) -> str:
    return "" if seconds is None or abs(seconds) >= _LATEST else clock(seconds)


def _step(kind: str, event: Mapping[str, Any]) -> Step:
    step = Step(kind=kind, time=number(event.get("t")), event=dict(event))
    if kind == "policy":
        step.text = content(event.get("content"))
        step.pending = [*rows(event.get("tool_calls")), *rows(event.get("invalid_tool_calls"))]
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
    """Put an observation under the message that called for it."""
    if not steps:
        steps.append(Step(kind="policy", time=number(event.get("t"))))
    called = ((s, c) for s in reversed(steps[-_BACK:]) for c in s.pending if c.get("id") == event.get("call_id"))
    step, call = next(called, (steps[-1], None))
    if call is not None:
        step.pending.remove(call)
    arguments = event.get("arguments")
    step.calls.append(
        ReportCall(
            number=count,
            tool=string(event.get("tool")) or "unnamed tool",
            arguments=arguments if arguments is not None else (call or {}).get("args"),
            text=content(event.get("text")),
            places=tuple(place for item in items(event.get("uris")) if (place := place_of(item)) is not None),
            data=mapping(event.get("data")),
            error=bool(event.get("error")),
            skipped=bool(event.get("skipped")),
            cached=bool(event.get("cached")),
            cost=numbers(event.get("cost")),
        )
    )


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return `value` where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a JSON array."""
    return [row for row in items(value) if isinstance(row, dict)]


def string(value: Any) -> str:
    """Return `value` as text; nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else compact(value)


def number(value: Any, default: float | None = None) -> float | None:
    """Return `value` where it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    try:
        return float(value) if math.isfinite(value) else default
    except OverflowError:  # an integer of hundreds of digits
        return default


def numbers(value: Any) -> dict[str, float]:
    """Return the finite numbers of a JSON object."""
    found = {key: number(item) for key, item in mapping(value).items()}
    return {key: item for key, item in found.items() if item is not None}


def place_of(value: Any) -> MediaURI | None:
    """Return `value` as a media URI, where it is one."""
    try:
        return MediaURI.parse(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def content(value: Any) -> str:
    """Return the text of a message; its other blocks are named."""
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
    """Return a JSON value on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to be shown)"


def laid_out(value: dict[str, Any]) -> str:
    """Return JSON for people: a line for each key, and for each row of a list."""
    lines = []
    for key, item in value.items():
        name = json.dumps(key, ensure_ascii=False)
        nested = isinstance(item, list) and item and isinstance(item[0], (dict, list))
        lines += [f"{name}:", *(f"  {compact(row)}" for row in item)] if nested else [f"{name}: {compact(item)}"]
    return "\n".join(lines)


def through_and_found(uris: Iterable[MediaURI]) -> tuple[MediaURI | None, list[MediaURI]]:
    """Return the place that a tool went through, and the places that it found there.

    Tools name what they went through first; a search, which goes through everything, names only what it found.
    """
    places = [place for place in dict.fromkeys(uris) if place.span is not None]
    if len(places) > 1 and all(_contains(places[0], other) for other in places[1:]):
        return places[0], places[1:]
    return None, places


def _contains(outer: MediaURI, inner: MediaURI) -> bool:
    if outer.span is None or inner.span is None or outer.video != inner.video or outer.is_frame:
        return False
    return outer.span.start <= inner.span.start and inner.span.end <= outer.span.end
