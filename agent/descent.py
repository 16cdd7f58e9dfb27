"""Going down the levels of a timeline: week, day, hour, clip; each by one search over all its videos.

Coarse summaries are searched first and what they point to next, as Ego-R1's agent does (arXiv 2506.13654, h-rag: week,
day, hour). There a summary that left a word out hides what was said; here a search over hours, days or weeks also
counts the clips in each (see `memory.levels.ranking`), and what the first search over all clips found is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from ..memory import Span, wall_clock
from .questions.question import Question
from .steps import Call, CallResult, Steps, observed

LONG = 3 * 3600.0
"""Seconds from the first to the last recording from which on going down the levels is worth its calls."""
_DAY = 86400.0
_BEAM = {"week": 2, "day": 3, "hour": 3}
"""Weeks, days and hours that are looked into at most."""
_NEAR = 0.5
"""Share of the best one's score that another one of its level must have."""
_NODES = 8
"""Weeks, days or hours that one search asks for."""
_CLIPS = 6
"""Clips of each hour."""
_LEAST = 2
"""Calls with which one level and the clips of the best of it can be searched."""
HABIT = re.compile(
    r"\b(?:usually|normally|typically|always|how often|habit\w*|routine\w*|regularly|"
    r"(?:every|each) (?:\w*day|morning|evening|night|afternoon|week)|"
    r"(?:how many|on how many|most|which) (?:\w+ )?(?:days|mornings|evenings|nights|afternoons))\b",
    re.IGNORECASE,
)
"""Questions about what recurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """What going down has found."""

    path: tuple[str, ...] = ()
    """The weeks, days and hours that were looked into, in words."""
    results: tuple[CallResult, ...] = ()
    """Results of `search_clips` over the clips in them."""
    habits: tuple[dict[str, Any], ...] = ()
    """Rows of `find_habits`, where the question is about what recurs."""


def seconds_spanned(question: Question) -> float:
    """Return the seconds from the first to the last recording of the videos asked about, if they share one timeline.

    Returns 0 where nobody knows when one of them was recorded.
    """
    if not question.videos or any(video.get("recorded") is None for video in question.videos):
        return 0.0
    if len({video.get("timeline") for video in question.videos}) > 1:
        return 0.0
    return _last(question) - min(float(video["recorded"]) for video in question.videos)


def is_long(question: Question) -> bool:
    """Return whether the videos asked about span more than `LONG` on one timeline."""
    return seconds_spanned(question) > LONG


def descend(question: Question, calls: float) -> Steps[Descent]:
    """Go down from the coarsest level that divides what was recorded, within so many calls."""
    if seconds_spanned(question) > _DAY and HABIT.search(question.text) and calls >= 1:
        (result,) = yield (Call("find_habits", {"query": question.text}),)
        habits, calls = tuple(result.data.get("habits", ())), calls - 1
        if habits:
            return Descent(habits=habits)
    level = _coarsest(question)
    chosen: list[Span] = []
    path: list[str] = []
    while level != "clip" and calls >= _LEAST:
        nodes = yield from _search(question, level, chosen)
        calls -= 1
        keep = max(int(min(_BEAM[level], calls - 1)), 1)
        near = [node for node in nodes[:keep] if node["score"] >= _NEAR * nodes[0]["score"]]
        if not near:
            break
        chosen = [_span(question, node["node"]) for node in near]
        path += [" to ".join(_bounds(question, span).values()) for span in chosen]
        level = {"week": "day", "day": "hour", "hour": "clip"}[level]
    stretches = [_bounds(question, span) for span in chosen] or [question.bounds]
    count = int(min(len(stretches), calls))
    found: tuple[CallResult, ...] = ()
    if count:
        found = yield tuple(_call(question, "clip", _CLIPS, one) for one in stretches[:count])
    return Descent(path=tuple(path), results=tuple(one for one in found if not one.error))


def _search(question: Question, level: str, inside: Sequence[Span]) -> Steps[list[dict[str, Any]]]:
    """Search a level inside of some stretches, all at once so that the scores compare; the nodes, best first."""
    bounds = question.bounds
    if inside:
        whole = Span(min(span.start for span in inside), max(span.end for span in inside))
        bounds = _bounds(question, whole)
    (result,) = yield (_call(question, level, _NODES, bounds),)
    nodes = [hit for hit in result.data.get("hits", ()) if hit.get("node")]
    return [
        node for node in nodes if not inside or any(_span(question, node["node"]).overlap(span) > 0 for span in inside)
    ]


def _call(question: Question, level: str, k: int, bounds: dict[str, str]) -> Call:
    kind = {} if level == "clip" else {"level": level}
    return Call("search_clips", {"query": question.matter or question.text, "k": k, **kind, **bounds})


def _coarsest(question: Question) -> str:
    """The coarsest level of which there is more than one."""
    spanned = seconds_spanned(question)
    return "week" if spanned > 8 * _DAY else "day" if spanned > _DAY / 2 else "hour"


def _span(question: Question, node: dict[str, Any]) -> Span:
    """A node in seconds of the timeline's clock, as far as the question is about it."""
    start, end = float(node["start"]), float(node["end"])
    if question.during is not None:
        start, end = max(start, question.during.start), min(end, question.during.end)
    return Span(start, max(start, end))


def _bounds(question: Question, span: Span) -> dict[str, str]:
    zone = next((video["zone"] for video in question.videos if video.get("zone") is not None), None)
    return {"start": wall_clock(span.start, zone), "end": wall_clock(span.end, zone)}


def _last(question: Question) -> float:
    return max(float(v["recorded"]) + question.end_of(v) - float(v["start"]) for v in question.videos)


def descended(messages: Sequence[BaseMessage]) -> Descent:
    """Return what the route has found on its way down, from its calls in a conversation; empty where it was not taken.

    The path is left out.
    """
    calls = [
        call
        for message in messages
        if isinstance(message, AIMessage) and message.additional_kwargs.get("by") == "route"
        for call in message.tool_calls
        if str(call["id"]).startswith("descend_")
    ]
    results = observed(messages)
    clips: list[CallResult] = []
    habits: list[dict[str, Any]] = []
    for call in calls:
        result = results.get(Call(call["name"], call["args"]).key, CallResult(error=True))
        if call["name"] == "find_habits":
            habits += result.data.get("habits", ())
        elif "level" not in call["args"] and not result.error:
            clips.append(result)
    return Descent(results=tuple(clips), habits=tuple(habits))
