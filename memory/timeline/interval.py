"""Spans of a timeline, and the videos that were recorded in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..span import MediaURI, Span
from ..types import MAIN, VideoRecord
from .moment import Moment, wall_clock


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """Half-open interval `[start, end)` of a timeline, in its clock's seconds; infinite bounds are open.

    Raises:
        ValueError: if a bound is not a number, or `end` lies before `start`.
    """

    start: float
    end: float
    timeline: str = MAIN

    def __post_init__(self) -> None:
        if math.isnan(self.start) or math.isnan(self.end) or self.end < self.start:
            raise ValueError(f"A span of a timeline must not end before it starts, got [{self.start}, {self.end}).")

    def until(self, moment: Moment) -> TimelineSpan:
        """What of it lies before a moment of the same timeline."""
        return TimelineSpan(min(self.start, moment.seconds), min(self.end, moment.seconds), self.timeline)

    def in_video(self, record: VideoRecord) -> Span | None:
        """What of it a video recorded, in seconds of the video; None where that is nothing, or nobody knows."""
        begins, ends = record.timeline_time(record.start), record.timeline_time(record.end)
        if begins is None or ends is None or record.timeline != self.timeline:
            return None
        if self.start >= ends or self.end < begins or (self.end == begins and self.end > self.start):
            return None
        first = record.start if self.start <= begins else record.video_time(self.start)
        last = record.end if self.end >= ends else record.video_time(self.end)
        return None if first is None or last is None else Span(first, max(first, last))

    def told(self, zone: int | None) -> str:
        """Return it as people read it: `DAY1 09:00:00 to DAY1 10:00:00`."""
        first = wall_clock(self.start, zone) if math.isfinite(self.start) else "the beginning"
        last = wall_clock(self.end, zone) if math.isfinite(self.end) else "the end"
        return f"{first} to {last}"


def timeline_span(record: VideoRecord, span: Span) -> TimelineSpan | None:
    """Return the span of a video on its timeline's clock; None if nobody knows when it was recorded."""
    start, end = record.timeline_time(span.start), record.timeline_time(span.end)
    return None if start is None or end is None else TimelineSpan(start, end, record.timeline)


def recorded_in(interval: TimelineSpan, records: Iterable[VideoRecord]) -> list[MediaURI]:
    """Return what the videos recorded in a span of a timeline: a place in each that did."""
    spans = [(record.id, interval.in_video(record)) for record in records]
    return [MediaURI(video, span) for video, span in spans if span is not None]
