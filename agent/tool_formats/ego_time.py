"""Ego-R1's time stamps: `DAY2_14030510` is 14:03:05 and 10 twentieths of a second on the second day.

Day 1 begins at 0 of a video's own clock, unless the video's name carries a stamp (`A1_JAKE_DAY2_14000000.mp4`, as
EgoLife names its files): then the video begins at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...memory import Span
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

    def to_video(self, moment: float) -> float:
        """Seconds since day 1 began as seconds on the video's clock."""
        return round(moment - self.shift, 3)

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
    return [_clock(video, question.end_of(video)) for video in question.videos]


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


def _clock(video: dict[str, Any], end: float) -> Clock:
    bounds = Span(video["start"], max(end, video["start"]))
    named = re.search(r"DAY\d+_\d{8}", str(video["name"]), re.IGNORECASE)
    found = _STAMP.search(named[0]) if named else None
    return Clock(video["id"], bounds, _seconds(found) - bounds.start if found else 0.0)


def _seconds(found: re.Match[str]) -> float:
    day, hours, minutes, seconds, frame = (int(part or 1) for part in found.groups())
    return (day - 1) * DAY + hours * 3600 + minutes * 60 + seconds + min(frame, _RATE - 1) / _RATE
