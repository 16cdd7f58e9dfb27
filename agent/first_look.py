"""The first look: what a run looks at before the policy's first turn, whatever the route and the policy.

One search over all channels with the question's own words, over all videos at once; and one with the words of the
options, where there are any. A question about the beginning, the end or the whole has what is said and shown there
besides. English, German and Spanish words are known for these; a
question in another language still has the search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .steps import Call
from .text_matching import content

if TYPE_CHECKING:
    from .planner import Situation

PART = 30.0
"""Seconds of a beginning or an end at most; of a short video a fifth."""
SHARE = 3
"""The first look takes at most one in so many of the calls, and at least one."""
_CLIPS, _CLIPS_OF_MANY = 5, 10

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


def first_look(situation: Situation) -> tuple[Call, ...]:
    """Return the calls of the first look, the most telling first, as many as the budget allows."""
    question, tools = situation.question, frozenset(situation.tools)
    calls = list(_search(question.text, len(question.videos), tools))
    if question.options and content(" ".join(question.options)):
        calls += _search("; ".join(question.options), len(question.videos), tools)
    for video in question.videos:
        calls += _parts(question.text, video, len(question.videos) > 1, question.now, tools)
    limit = situation.budget.calls
    return tuple(calls if limit is None else calls[: min(max(1, limit // SHARE), limit)])


def no_look(situation: Situation) -> tuple[Call, ...]:
    """Nothing ahead of the policy, for loops whose policies were trained so."""
    return ()


def _search(text: str, videos: int, tools: Iterable[str]) -> Iterator[Call]:
    if "search_clips" in tools and videos:
        yield Call("search_clips", {"query": text, "k": _CLIPS if videos == 1 else _CLIPS_OF_MANY})


def _parts(text: str, video: dict[str, Any], many: bool, now: float | None, tools: frozenset[str]) -> Iterator[Call]:
    """Yield the beginning, the end or the outline of one video, as far as the question is about them."""
    start, end = float(video["start"]), float(video["end"] if now is None else min(video["end"], now))
    length = min(PART, max((end - start) / 5, 5.0), end - start)
    which = {"video": video["id"]} if many else {}
    if length <= 0:
        return
    if _WHOLE.search(text) and "browse" in tools:
        yield Call("browse", {**which})
    spans = [(start, start + length)] if _BEGINNING.search(text) else []
    spans += [(end - length, end)] if _END.search(text) else []
    for first, last in spans:
        for tool, channel in (("transcribe", "speech"), ("read_text", "screen_text")):
            if tool in tools and channel in video.get("channels", ()):
                yield Call(tool, {"start": round(first, 3), "end": round(last, 3), **which})
