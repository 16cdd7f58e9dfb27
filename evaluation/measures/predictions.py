"""Predictions: what an answer says about when and where, in the form in which official scripts take it.

The spans are those that rewards read (`training.rewards.extraction.spans`): of the places that the model cites, else of
the times that it names, else of its evidence; in the order of the answer, best first. Where no time is asked for,
evidence comes before named times. A moment claims no time. Boxes over time are those of the cited frames. An item that
failed, or abstained, predicts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

from ...memory import Box, Span
from ...training.rewards import extraction
from ...training.rewards.regions import box_at
from ..judging import JudgedItem

TIMED = ("temporal", "grounded_qa")
"""Kinds of tasks whose answer is a time, or tells one."""


def ranked_spans(one: JudgedItem) -> tuple[Span, ...]:
    """The spans that an answer claims, best first, each once.

    In an answer to another question than when, "2 - 3 times" is no time: there evidence comes first.
    """
    if one.failed:
        return ()
    found = extraction.spans(one.rollout)
    if found and one.task.kind not in TIMED:
        cited = [place.span for place in extraction.claimed(one.rollout)]
        found = tuple(span for span in cited if span and span.duration > 0) or found
    return tuple(dict.fromkeys(found))


def pooled_spans(samples: Iterable[JudgedItem]) -> tuple[Span, ...]:
    """The spans of several answers to one task as one ranked list.

    The first span of each answer comes before the second of any; answers stand in order of their confidence.
    """
    order = sorted(samples, key=lambda one: (-one.answer.confidence, one.item.sample))
    turns = chain.from_iterable(zip_longest(*map(ranked_spans, order)))
    return tuple(dict.fromkeys(span for span in turns if span is not None))


def boxes_at(one: JudgedItem, times: Sequence[float]) -> list[Box | None]:
    """The box that an answer claims at each of some moments (seconds); None where it claims none.

    Between two cited frames a box moves in proportion to time, as a track's does in rewards.
    """
    track = () if one.failed else extraction.track(one.rollout)
    return [box_at(track, time) for time in times]
