"""Hours, days and weeks of a timeline: which there are, and where each begins and ends on its clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..span import MediaURI, Span
from ..types import TIMELINE_LEVELS, VideoRecord

DAY = 86400.0
_LENGTH = {"hour": 3600.0, "day": DAY, "week": 7 * DAY}
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; weeks begin on Monday
_NUMBERED = 3650 * DAY  # seconds below which a timeline counts days (day 1 at 86400) and knows no date


@dataclass(frozen=True, slots=True)
class Footage:
    """A video on its timeline; `span` is in seconds of the timeline's clock."""

    record: VideoRecord
    span: Span

    def uri(self, within: Span) -> MediaURI:
        """Return the part of the video that lies in a stretch of the timeline."""
        part = self.span.within(within)
        shift = self.record.start - self.span.start
        return MediaURI(self.record.id, Span(part.start + shift, part.end + shift))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours, days and weeks of one timeline, in one zone: that of its first video that knows one, else UTC.

    One zone for all of it keeps the days apart when the zone of the recordings changes (a journey, summer time).
    """

    timeline: str
    zone: int
    footage: tuple[Footage, ...]
    """In order of time."""

    def window(self, level: str, moment: float) -> Span:
        """Return the hour, day or week in which a moment (seconds of the timeline's clock) lies."""
        length = _LENGTH[level]
        shift = self.zone - self._first_day(level) * DAY
        number = math.floor((moment + shift) / length)
        return Span(number * length - shift, (number + 1) * length - shift)

    def _first_day(self, level: str) -> int:
        """The number of days from 0 of the clock to the beginning of some week; day 1 begins one too."""
        if level != "week":
            return 0
        return 1 if self.footage[0].span.start < _NUMBERED else 7 - _EPOCH_WEEKDAY

    def windows(self, level: str, between: Span | None = None) -> dict[Span, list[Footage]]:
        """Return those in which something was recorded, each with its videos, in order of time."""
        found: dict[Span, list[Footage]] = {}
        for one in self.footage:
            window = self.window(level, one.span.start)
            while True:
                if between is None or (window.start < between.end and window.end > between.start):
                    found.setdefault(window, []).append(one)
                if one.span.end <= window.end:
                    break
                window = self.window(level, window.middle + window.duration)
        return dict(sorted(found.items()))

    def title(self, level: str, span: Span) -> str:
        """Return a stretch as people name it: `Tue 2026-05-05`, `Tue 2026-05-05 09:00-10:00`, `DAY2`."""
        first, last = self.day_name(span.start), self.day_name(span.end - 1.0)
        if level == "hour":
            return f"{first} {self.time_of_day(span.start)}-{self.time_of_day(span.end - 1.0, up=True)}"
        return first if level == "day" else f"{first} to {last}"

    def day_name(self, moment: float) -> str:
        """Return the day of a moment: `Tue 2026-05-05`, or `DAY2` where no date is known."""
        local = moment + self.zone
        if local < _NUMBERED:
            return f"DAY{math.floor(local / DAY)}"
        return datetime.fromtimestamp(local, UTC).strftime("%a %Y-%m-%d")

    def time_of_day(self, moment: float, *, up: bool = False) -> str:
        """Return the time of day of a moment, `09:14`; `up` gives the minute that comes next."""
        minutes = math.floor((moment + self.zone) % DAY / 60) + up
        return f"{minutes // 60:02d}:{minutes % 60:02d}"


def calendars(records: Iterable[VideoRecord]) -> dict[str, Calendar]:
    """Return the calendar of each timeline on which some video knows when it was recorded."""
    by_timeline: dict[str, list[Footage]] = {}
    for record in records:
        if record.recorded is not None:
            span = Span(record.recorded, record.recorded + record.duration)
            by_timeline.setdefault(record.timeline, []).append(Footage(record, span))
    return {name: Calendar(name, _zone(of), _in_order(of)) for name, of in by_timeline.items()}


def _in_order(footage: Sequence[Footage]) -> tuple[Footage, ...]:
    return tuple(sorted(footage, key=lambda one: (one.span, one.record.id)))


def _zone(footage: Sequence[Footage]) -> int:
    if _in_order(footage)[0].span.start < _NUMBERED:
        return 0  # days that have a number alone begin where the number says
    return next((one.record.zone for one in _in_order(footage) if one.record.zone is not None), 0)


def levels_below(level: str) -> str:
    """Return the level whose summaries make those of a level."""
    return TIMELINE_LEVELS[TIMELINE_LEVELS.index(level) - 1]
