"""Moments on a timeline's clock: how they are written and read, and the days that they lie in.

Seconds of a timeline are POSIX seconds where the date is known; a recording whose zone nobody knows is taken as if it
were UTC. Where only a day number is known, as in EgoLife, day N begins at N * 86400 seconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..types import MAIN

DAY = 86400.0
"""Seconds of a day."""
_DATED = 3650 * DAY  # below ten years of seconds a moment is told by the number of its day
_RATE = 20  # Ego-R1 writes frames at 20 a second behind the seconds of `DAY2_14030510`
_DATE = r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<date>\d{1,2})"
_NUMBER = r"day\s*(?P<day>\d{1,4})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d{1,9})?))?"
_STAMP = r"(?P<stamp>\d{8})"
_ZONE = r"(?P<zone>z|utc|[+-]\d{2}(?::?\d{2})?|\[?[a-z]+(?:/[\w+-]+)+\]?)"
_MOMENT = re.compile(
    rf"(?:(?:{_DATE}|{_NUMBER})(?:$|(?:\s*t\s*|[\s_,]+)(?:at\s+)?(?=\d)))?(?:{_STAMP}|{_TIME}\s*{_ZONE}?)?",
    re.IGNORECASE,
)
_LONGEST = 80  # characters
FORMS = '2026-05-03T09:00, 2026-05-03T09:00+02:00, "DAY2 08:30" or DAY2_08300000'
"""Ways of writing a moment, for messages."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment on a timeline's clock, in that clock's seconds.

    Raises:
        ValueError: if the seconds are not a finite number.
    """

    seconds: float
    timeline: str = MAIN

    def __post_init__(self) -> None:
        if not math.isfinite(self.seconds):
            raise ValueError(f"A moment needs finite seconds, got {self.seconds}.")

    def __str__(self) -> str:
        return wall_clock(self.seconds, None)


def parse_moment(
    text: str, *, zone: int | None = None, now: Moment | None = None, timeline: str | None = None
) -> Moment:
    """Return the moment that a text names: a date or a day's number, mostly with a time of day.

    `2026-05-03T09:00`, `2026-05-03 09:00:05+02:00`, `2026-05-03 09:00 Europe/Berlin`, `2026-05-03` (its beginning),
    `DAY2 08:30`, `DAY2_08300000` (hours, minutes, seconds, twentieths of a second), `day 2`; with `now` also `09:14`,
    on the day of now.

    Args:
        text: what a person or a model wrote.
        zone: seconds east of UTC of a time that is written without a zone; None takes it as if it were UTC.
        now: gives the day, and the timeline.
        timeline: the timeline that is meant; None: that of `now`, or the main one.

    Raises:
        ValueError: if it is none, or there is no such day or hour.
    """
    parts = _parts(text)
    where = timeline or (now.timeline if now is not None else MAIN)
    own, rules = _time_of_day(parts, text), _zone(parts["zone"], text)
    if parts["day"] is not None:
        return Moment(int(parts["day"]) * DAY + own, where)
    if parts["year"] is None:
        if now is None:
            raise ValueError(f"{text!r} names no day: write {FORMS}.")
        written = _offset(rules, now.seconds)
        return Moment(day_of(now.seconds, zone if written is None else written)[0] + own, where)
    try:
        date = datetime(int(parts["year"]), int(parts["month"] or 0), int(parts["date"] or 0))
        local = (date + timedelta(seconds=own)).replace(tzinfo=_tzinfo(zone if rules is None else rules))
        seconds = local.timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no day of the calendar.") from None
    if not is_dated(seconds):
        raise ValueError(f"{text!r} is too long ago: dates begin with 1980.")
    return Moment(seconds, where)


def zone_written(text: str) -> int | None:
    """Return the zone that stands in a moment's text, in seconds east of UTC; None where there is none.

    Raises:
        ValueError: as `parse_moment` does.
    """
    rules = _zone(_parts(text)["zone"], text)
    return None if rules is None else _offset(rules, parse_moment(text).seconds)


def wall_clock(seconds: float, zone: int | None) -> str:
    """Return a moment of a timeline as people read it: `2026-05-03 09:14:05+02:00`, `DAY2 08:30:00`.

    Args:
        seconds: on the timeline's clock; fractions of a second are left out.
        zone: seconds east of UTC; None is not told, and the time is that of UTC.
    """
    whole = math.floor(seconds + 1e-3)
    if seconds < _DATED:
        days, rest = divmod(whole, int(DAY))
        return f"DAY{days} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    moment = datetime.fromtimestamp(whole, _tzinfo(zone))
    return moment.isoformat(sep=" ") if zone is not None else moment.replace(tzinfo=None).isoformat(sep=" ")


def local_clock(seconds: float, zone: int | None) -> str:
    """Return the same without the zone: `2026-05-03 09:14:05`, for lines that need be short."""
    return wall_clock(seconds + (zone or 0) if is_dated(seconds) else seconds, None)


def day_of(seconds: float, zone: int | None) -> tuple[float, float]:
    """Return where the day of a moment begins and ends, in seconds of the timeline's clock.

    Args:
        seconds: on the timeline's clock.
        zone: seconds east of UTC; None takes the days of UTC, which are also those of day numbers.
    """
    offset = 0 if zone is None or seconds < _DATED else zone
    start = math.floor((seconds + offset) / DAY) * DAY - offset
    return start, start + DAY


def is_dated(seconds: float) -> bool:
    """Return whether seconds of a timeline have a date; else the day has a number alone."""
    return seconds >= _DATED


def _parts(text: str) -> dict[str, str | None]:
    found = _MOMENT.fullmatch(" ".join(text.strip().strip("\"'").split())) if len(text) <= _LONGEST else None
    parts = {} if found is None else found.groupdict()
    dateless = parts.get("day") is None and (parts.get("stamp") or not (parts.get("year") or parts.get("hour")))
    if dateless or (parts["year"] and parts["stamp"]):
        raise ValueError(f"{text[:_LONGEST]!r} is no moment: write {FORMS}.")
    return parts


def _time_of_day(parts: dict[str, str | None], text: str) -> float:
    if stamp := parts["stamp"]:
        hour, minute, whole, frame = (int(stamp[k : k + 2]) for k in range(0, 8, 2))
        second = whole + min(frame, _RATE - 1) / _RATE
    else:
        hour, minute = int(parts["hour"] or 0), int(parts["minute"] or 0)
        second = float((parts["second"] or "0").replace(",", "."))
    if minute > 59 or second >= 60 or hour * 3600 + minute * 60 + second > DAY:
        raise ValueError(f"{text[:_LONGEST]!r} names no time of day: hours go to 24, minutes and seconds to 59.")
    return hour * 3600.0 + minute * 60.0 + second


def _zone(name: str | None, text: str) -> int | tzinfo | None:
    """A zone as it is written: seconds east of UTC, or the rules of a place."""
    if name is None:
        return None
    name = name.strip("[]")
    if name.lower() in ("z", "utc"):
        return 0
    if name[0] in "+-":
        digits = name[1:].replace(":", "").ljust(4, "0")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        if offset >= DAY:
            raise ValueError(f"{text[:_LONGEST]!r} names no time zone: they go to +14:00.")
        return offset if name[0] == "+" else -offset
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text[:_LONGEST]!r} names no time zone that is known here: write it as +02:00.") from None


def _offset(zone: int | tzinfo | None, seconds: float) -> int | None:
    """Seconds east of UTC at a moment (POSIX seconds)."""
    if zone is None or isinstance(zone, int):
        return zone
    offset = datetime.fromtimestamp(seconds, zone).utcoffset()
    return None if offset is None else round(offset.total_seconds())


def _tzinfo(zone: int | tzinfo | None) -> tzinfo:
    if isinstance(zone, tzinfo):
        return zone
    return UTC if not zone else timezone(timedelta(seconds=zone))
