"""plan: which way to look, chosen from what is asked, what the memory holds, and what may be spent.

The first look comes before the policy's first turn: one search over all channels with the question's words, one with
the words of the options, and the beginning, the end or the outline where a question is about these. English, German and
Spanish words are known for them; a question in another language still has the search.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ...memory import Span
from ...tools import Budget
from ..descent import is_long
from ..models.heuristic import parse, sighting
from ..questions.question import Question
from ..steps import Call
from ..strategies import ROUTES
from ..text_matching import content

PART = 30.0
"""Seconds of a beginning or an end at most; of a short video a fifth."""
SHARE = 3
"""The first look takes at most one in so many of the calls, and at least one."""
_CLIPS, _CLIPS_OF_MANY = 5, 10
_READS = (("transcribe", "speech"), ("read_text", "screen_text"))

_BEGINNING = re.compile(
    r"\b(?:begin(?:s|ning)?|began|starts?|started|opening|opens|at first|first (?:thing|words?|scene|slide|sentence)|"
    r"intro(?:duction)?|anfangs?|beginn|beginnt|zuerst|comienz[oa]|empieza|inicio|principio)\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"\b(?:ends?|ended|ending|closing|closes|finally|last (?:thing|words?|scene|slide|sentence)|concludes?|conclusion|"
    r"credits|ende|endet|schluss|zuletzt|final|fin|termina|último|última)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:summar\w+|overview|outline|gist|main (?:topics?|points?|idea)|whole|entire|overall|chapters?|"
    r"what (?:is|was|are|happens)\b.{0,30}\b(?:about|video|clip|film)|tl;?dr|zusammenfass\w*|überblick|worum|insgesamt|"
    r"resum\w+|de qué trata|capítulos?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A route through the tools, in words and as data."""

    text: str
    """One line for the policy and for people."""
    route: str
    """How to look: a name of `ROUTES`."""
    kind: str
    """What is asked: `ParsedQuestion.kind`."""
    channel: str | None
    """The channel that can tell, where the question names it."""
    sub_questions: tuple[str, ...] = ()
    """What must be found out on the way, in order."""
    share: float = 0.75
    """Part of the budget, in (0, 1], that the route may use; the rest is the policy's own."""
    by: str = "rules"
    """Who planned: `rules`, `model` or `user` (a route that was asked for)."""
    said: str = ""
    """What the planning model wrote."""
    tokens: int = 0
    looks: tuple[Call, ...] | None = None
    """The first look: calls that are made before the route and the policy; None leaves them to the loop."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the state and the trace."""
        looks = None if self.looks is None else [{"tool": c.tool, "arguments": c.arguments} for c in self.looks]
        return {**asdict(self), "sub_questions": list(self.sub_questions), "looks": looks}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Plan:
        """Return the plan that `as_dict` wrote."""
        looks = row.get("looks")
        looks = None if looks is None else tuple(Call(one["tool"], one["arguments"]) for one in looks)
        return cls(**{**row, "sub_questions": tuple(row.get("sub_questions", ())), "looks": looks})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The input of a planner."""

    question: Question
    """With each video's length, sound and channels."""
    tools: tuple[str, ...]
    routes: tuple[str, ...]
    budget: Budget
    reads_only: bool = False
    """True if the policy says that it reads text alone, and no other model sees for it."""


Planner = Callable[[Situation], Plan | Awaitable[Plan]]

_HOW = {
    "speech": "search, then listen",
    "screen_text": "search, then read the screen",
    "shots": "find the cuts",
    "silence": "listen for pauses",
    None: "search every channel, then look closer",
}


def plan_by_rules(situation: Situation) -> Plan:
    """Plan by the words of the question, without a model.

    Videos that span more than a few hours on one timeline (see `descent.LONG`) are searched down its levels; of
    others, what is read is read ahead for a policy that only reads.
    """
    ask = parse(situation.question.matter or situation.question.text, situation.question.options)
    route = "read" if situation.reads_only else "search"
    if is_long(situation.question) and ask.kind != "file" and ask.channel not in ("shots", "silence"):
        route = "descend"
    text = "browse the chapters, then listen and read" if ask.kind == "summary" else _HOW[ask.channel]
    text = f"down the levels of the timeline: {text}" if route == "descend" else text
    return Plan(text=text, route=route, kind=ask.kind, channel=ask.channel)


def plan_route(name: str) -> Planner:
    """Return a planner that takes the route a person asked for."""
    route = ROUTES[name]

    def planner(situation: Situation) -> Plan:
        plan = plan_by_rules(situation)
        text = plan.text if name == "search" else f"{name}: {route.about}"
        return Plan(text=text, route=name, kind=plan.kind, channel=plan.channel, by="user")

    return planner


def first_look(situation: Situation) -> tuple[Call, ...]:
    """Return the calls of the first look, the most telling first, as many as the budget allows."""
    question, tools = situation.question, frozenset(situation.tools)
    if question.mode != "backward":
        return _within(_read_parts(question, tools), situation.budget.calls)
    text = question.matter or question.text
    calls = list(_search(text, question, tools))
    state = parse(text, question.options).state
    calls = [sighting(state), *calls] if state is not None and "search_clips" in tools else calls
    if question.options and content(" ".join(question.options)):
        calls += _search("; ".join(question.options), question, tools)
    long = is_long(question)
    if long and _WHOLE.search(question.text) and "browse" in tools:
        calls.append(Call("browse", {"level": "day", **question.bounds}))
    for video in () if long else question.videos:
        if question.span_in(video) is None:
            continue
        calls += _parts(question, video, tools)
    return _within(calls, situation.budget.calls)


def _within(calls: Iterable[Call], limit: int | None) -> tuple[Call, ...]:
    calls = tuple(calls)
    return calls if limit is None else calls[: min(max(1, limit // SHARE), limit)]


def no_look(situation: Situation) -> tuple[Call, ...]:
    """Nothing ahead of the policy, for loops whose policies were trained so."""
    return ()


def _search(text: str, question: Question, tools: Iterable[str]) -> Iterator[Call]:
    if "search_clips" in tools and question.videos:
        k = _CLIPS if len(question.videos) == 1 else _CLIPS_OF_MANY
        yield Call("search_clips", {"query": text, "k": k, **question.bounds})


def _read_parts(question: Question, tools: frozenset[str]) -> Iterator[Call]:
    """Yield all that was said and shown in the part of each video that counts."""
    for video in question.videos:
        span = {"start": round(question.begin_of(video), 3), "end": round(question.end_of(video), 3)}
        which = {"video": video["id"]} if len(question.videos) > 1 else {}
        for tool, channel in _READS:
            if tool in tools and channel in video.get("channels", ()):
                yield Call(tool, {**span, **which})


def _parts(question: Question, video: dict[str, Any], tools: frozenset[str]) -> Iterator[Call]:
    """Yield the beginning, the end or the outline of one video, as far as the question is about them."""
    text, asked = question.text, question.span_in(video) or Span(video["start"], video["start"])
    start, end = asked.start, asked.end
    length = min(PART, max((end - start) / 5, 5.0), end - start)
    which = {"video": video["id"]} if len(question.videos) > 1 else {}
    if length <= 0:
        return
    if _WHOLE.search(text) and "browse" in tools:
        yield Call("browse", {**which})
    spans = [(start, start + length)] if _BEGINNING.search(text) else []
    spans += [(end - length, end)] if _END.search(text) else []
    for first, last in spans:
        for tool, channel in _READS:
            if tool in tools and channel in video.get("channels", ()):
                yield Call(tool, {"start": round(first, 3), "end": round(last, 3), **which})
