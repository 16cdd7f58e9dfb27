"""Ego-R1's time stamps: `DAY2_14030510` is 14:03:05 and 10 twentieths of a second on the second day.

Of videos that know when they were recorded, stamps are times of their timeline: day 1 is that of the first recording
where days have dates. Of others day 1 begins at 0 of a video's own clock, unless its name carries a stamp
(`A1_JAKE_DAY2_14000000.mp4`, as EgoLife names its files): then the video begins at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...memory import Span, wall_clock
from ...memory.timeline.moment import day_of, is_dated, parse_moment
from ...tools.times import parse_seconds
from ..questions.question import Question
from .tool_format import BadCall

DAY = 86400.0
_RATE = 20
_STAMP = re.compile(r"(?:DAY\s*(\d{1,4})[_\s])?(?<!\d)(\d{2})(\d{2})(\d{2})(\d{2})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clock:
    """Between stamps and the times of one video."""

    video: str
    """The video's id; empty where it is not known."""
    bounds: Span | None
    """What of the video may be seen (seconds on its clock)."""
    shift: float = 0.0
    """Seconds from the video's clock to that of the days."""
    day_one: float | None = None
    """Seconds of its timeline's clock at which day 1 begins; None where nobody knows when it was recorded."""
    zone: int | None = None
    """Time zone of the timeline, in seconds east of UTC."""

    def to_video(self, moment: float) -> float:
        """Seconds since day 1 began as seconds on the video's clock."""
        return round(moment - self.shift, 3)

    def to_wall(self, moment: float) -> str:
        """Seconds since day 1 began as a moment of the timeline, as tools read it."""
        return wall_clock((self.day_one or 0.0) + moment, self.zone)

    def from_wall(self, written: Any) -> float | None:
        """The other way; None for what is no written moment, or for a clock that lies on no timeline."""
        if not isinstance(written, str):
            return None
        try:
            seconds = parse_moment(written, zone=self.zone).seconds
        except ValueError:
            return None
        return None if self.day_one is None else seconds - self.day_one

    def to_stamp(self, time: float) -> str:
        """A time of the video (seconds) as a stamp; times before day 1 are its beginning."""
        ticks = round(max(time + self.shift, 0.0) * _RATE)
        rest, frame = divmod(ticks, _RATE)
        days, rest = divmod(rest, int(DAY))
        return f"DAY{days + 1}_{rest // 3600:02d}{rest // 60 % 60:02d}{rest % 60:02d}{frame:02d}"


def clocks(question: Question | None) -> list[Clock]:
    """One clock for each video of the question; one that knows no video where there is no question."""
    if question is None or not question.videos:
        return [Clock("", None)]
    dated = [video for video in question.videos if video.get("recorded") is not None]
    first = min(dated, key=lambda video: float(video["recorded"]), default=None)
    zone = None if first is None else first.get("zone")
    day_one = None if first is None else _day_one(float(first["recorded"]), zone)
    return [_clock(video, question.end_of(video), day_one, zone) for video in question.videos]


def _day_one(first: float, zone: int | None) -> float:
    """Where day 1 begins on a clock (seconds) that knows no dates; else the day of the first recording."""
    return day_of(first, zone)[0] if is_dated(first) else DAY


def moment(value: Any, name: str) -> float:
    """Return seconds since day 1 began, of a stamp, `HHMMSSFF` (day 1) or seconds; else `BadCall`."""
    found = _STAMP.search(str(value))
    if found:
        return _seconds(found)
    try:
        return parse_seconds(value)
    except ValueError:
        raise BadCall(f'{name} must be a stamp "DAYX_HHMMSSFF", such as "DAY1_11210217"') from None


def moments(value: Any, name: str) -> tuple[float, float]:
    """Return both ends of a range of two stamps; else `BadCall`."""
    stamps = [_seconds(found) for found in _STAMP.finditer(str(value))]
    parts = str(value).split("-")
    if len(stamps) == 2:
        return stamps[0], stamps[1]
    if not stamps and len(parts) == 2:
        return moment(parts[0].strip(), name), moment(parts[1].strip(), name)
    raise BadCall(f'{name} must be "DAYX_HHMMSSFF-DAYX_HHMMSSFF"')


def pick(found: Sequence[Clock], at: float) -> Clock:
    """The clock of the video that runs at `at` (seconds since day 1 began); the first one where none does."""
    for clock in found:
        if clock.bounds is not None and clock.bounds.start <= clock.to_video(at) <= clock.bounds.end:
            return clock
    return found[0]


def _clock(video: dict[str, Any], end: float, day_one: float | None, zone: int | None) -> Clock:
    bounds = Span(video["start"], max(end, video["start"]))
    if video.get("recorded") is not None and day_one is not None:
        shift = float(video["recorded"]) - day_one - bounds.start
        return Clock(video["id"], bounds, shift, day_one, zone)
    named = re.search(r"DAY\d+_\d{8}", str(video["name"]), re.IGNORECASE)
    found = _STAMP.search(named[0]) if named else None
    return Clock(video["id"], bounds, _seconds(found) - bounds.start if found else 0.0)


def _seconds(found: re.Match[str]) -> float:
    day, hours, minutes, seconds, frame = (int(part or 1) for part in found.groups())
    return (day - 1) * DAY + hours * 3600 + minutes * 60 + seconds + min(frame, _RATE - 1) / _RATE
