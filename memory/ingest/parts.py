"""Parts of a video: their bounds, and the speech that is cut into pieces only where it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from ..errors import VideoError
from ..span import Span, clock, merge_spans
from ..timeline.moment import Moment, parse_moment
from ..types import VideoRecord

Bound = float | str | None
"""Seconds of the video, a moment of its timeline as text, or None for its start or end."""
Between = tuple[Bound, Bound] | Literal["all"] | None
"""The part of a video that is to be indexed; None: what was asked for before, or all of it the first time."""
ROUGH = 600.0
"""Seconds from which on a unit of speech stands for sound that is not cut into pieces yet."""


def between_of(value: Span | Sequence[Bound] | str | None) -> Between:
    """Return a part of a video as callers give it: a span, its two bounds, or `"all"`.

    Raises:
        ValueError: if it can mean nothing.
    """
    if value is None or value == "all":
        return None if value is None else "all"
    if isinstance(value, Span):
        return value.start, value.end
    bounds = () if isinstance(value, str) else tuple(value)
    if len(bounds) != 2 or not all(_is_bound(bound) for bound in bounds):
        raise ValueError(
            f"between is {value!r}: give a Span, its start and end (None for those of the video), or 'all'."
        )
    start, end = bounds
    return start, end


def _is_bound(bound: object) -> bool:
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        return math.isfinite(bound)
    return bound is None or (isinstance(bound, str) and bool(bound.strip()))


def part_of(record: VideoRecord, between: tuple[Bound, Bound]) -> Span:
    """Return the part of a video that lies between two bounds, in seconds of the video.

    Raises:
        VideoError: if nothing of the video lies there, a text names no moment, or nobody knows when it was recorded.
    """
    start, end = _seconds(record, between[0], record.start), _seconds(record, between[1], record.end)
    if not (start < end and start < record.end and end > record.start):
        raise VideoError(
            f"Nothing of {record.name} lies between {clock(start)} and {clock(end)}: it goes from "
            f"{clock(record.start)} to {clock(record.end)}."
        )
    return Span(start, end).within(record.span)


def _seconds(record: VideoRecord, bound: Bound, default: float) -> float:
    if bound is None or not isinstance(bound, str):
        return default if bound is None else float(bound)
    if record.recorded is None:
        raise VideoError(
            f"{bound[:80]!r} is no time of {record.name}, and nobody knows when that was recorded: give a time of the "
            "video (754, 12:34, 1:02:00), or say when it began (--recorded)."
        )
    now = Moment(record.recorded, record.timeline)
    try:
        moment = parse_moment(bound, zone=record.zone, now=now)
    except ValueError as error:
        raise VideoError(f"{error} Or give a time of the video: 754, 12:34, 1:02:00.") from None
    seconds = record.video_time(moment.seconds)
    assert seconds is not None
    return seconds


def stretches(rough: Iterable[Span], parts: Sequence[Span] | None) -> list[Span]:
    """Return the stretches of sound that must be cut into pieces for these parts (None: all), in order.

    What is left of a rough unit is long enough to be told from a piece.
    """
    found = []
    for unit in rough:
        for part in [unit] if parts is None else parts:
            if unit.overlap(part) > 0:
                inside = part.within(unit)
                start = inside.start if inside.start - unit.start >= 2 * ROUGH else unit.start
                end = inside.end if unit.end - inside.end >= 2 * ROUGH else unit.end
                found.append(Span(start, end))
    return merge_spans(found)


def rest(rough: Iterable[Span], cut: Sequence[Span], pieces: Sequence[Span]) -> list[Span]:
    """Return what is left of rough units, of which these stretches have been cut into these pieces."""
    done = merge_spans([*cut, *pieces])
    left = []
    for unit in rough:
        at = unit.start
        for span in [*(one.within(unit) for one in done if one.overlap(unit) > 0), Span(unit.end, unit.end)]:
            if span.start > at:
                left.append(Span(at, span.start))
            at = max(at, span.end)
    return left
