"""Ref@N: do the places that an answer refers to lie where the truth is, as finely as N seconds?

MM-Lifelong (arXiv 2603.05484) reports Ref@300 for streams of days and weeks, where a tIoU in seconds would be 0 for
all. What was seen of its definition: the timeline is cut into buckets of N seconds, and a question scores the Jaccard
index of the buckets that its intervals and the true ones touch. Its released scorer was not seen; buckets here begin at
second 0 of a video, and an interval that ends where a bucket begins does not touch it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ...agent.questions.question import question_of
from ...memory import MediaURI, Span, parse_moment
from ...training.rewards import extraction
from ...training.rewards.evidence import cited
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure

SIZES = (60, 300, 600)
"""N, in seconds."""


def references(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """`ref@60`, `ref@300` and `ref@600` over the items whose true spans are known; 0 for one that failed.

    Sets of days and weeks know moments of a timeline in place of spans of a video (`meta["targets"]`).
    """
    placed = [one for one in judged if (one.task.truth.spans or _targets(one)) and not one.task.truth.absent]
    if not placed:
        return {}
    return {f"ref@{n}": mean_of(placed, [ref_at(one, n) for one in placed], out_of=len(judged)) for n in SIZES}


def ref_at(one: JudgedItem, seconds: float) -> float:
    """The Jaccard index of the buckets that the answer refers to and the true ones; other videos' are never true."""
    if one.failed:
        return 0.0
    if targets := _targets(one):
        known, cites = buckets(targets, seconds), buckets(_cited_moments(one), seconds)
        return len(known & cites) / len(known | cites)
    true = {("", n) for n in buckets(one.task.truth.spans, seconds)}
    claimed = {("", n) for n in buckets(extraction.spans(one.rollout), seconds)}
    for place in (MediaURI.parse(piece.uri) for piece in cited(one.rollout)):
        if place.span is not None and not extraction.concerns(one.rollout, place):
            claimed |= {(place.video, n) for n in buckets([place.span], seconds)}
    return len(true & claimed) / len(true | claimed)


def _targets(one: JudgedItem) -> list[Span]:
    """The true times on the timeline, in its seconds."""
    return [_on_timeline(first, last) for first, last in one.task.meta.get("targets", ())]


def _cited_moments(one: JudgedItem) -> list[Span]:
    """The cited places on the timeline of their videos; those of a video that nobody knows the time of are none."""
    question = question_of(one.messages)
    if question is None:
        return []
    return [_on_timeline(*told) for piece in cited(one.rollout) if (told := question.wall_clock(piece.uri))]


def _on_timeline(first: str, last: str) -> Span:
    return Span(parse_moment(first).seconds, parse_moment(last).seconds)


def buckets(spans: Iterable[Span], seconds: float) -> set[int]:
    """The numbers of the buckets of `seconds` that spans touch; a moment touches one."""
    found: set[int] = set()
    for span in spans:
        first = math.floor(span.start / seconds)
        found.update(range(first, max(math.ceil(span.end / seconds), first + 1)))
    return found
