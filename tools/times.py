"""Read times in the many ways that people and models write them, for arguments, answers and replies alike."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

LONGEST_TIME = 64
"""Characters of a number."""
_HOURS, _MINUTES, _SECONDS = r"h(?:ours?|rs?)?", r"m(?:in(?:ute)?s?)?", r"s(?:ec(?:ond)?s?)?"
_NUMBER = r"\d{1,18}(?:\.\d{1,18}|,\d{1,2})?"
_END = r"(?![^\W\d_])\.?"
_AND = r"[\s,]*(?:\band\b\s*)?"
_CLOCK = re.compile(
    rf"(?:(\d{{1,18}}):)?(\d{{1,18}}):(\d{{1,2}}(?:[.,]\d{{1,18}})?)\s*(?:{_HOURS}|{_MINUTES}|{_SECONDS})?"
)
_UNITS = re.compile(
    rf"(?:({_NUMBER})\s*{_HOURS}{_END})?{_AND}(?:({_NUMBER})\s*(?:{_MINUTES}{_END}|['′]))?{_AND}"
    rf"(?:({_NUMBER})\s*(?:{_SECONDS}{_END}|[\"″]|''|′′)?)?"
)
_THOUSANDTHS = re.compile(rf"({_NUMBER})\s*(?:ms|msecs?|milliseconds?)")
_BELOW = re.compile(r"[-−–](?=\d+(?::|\s*[a-z]))")
"""The sign of a time with units before zero, where some videos begin: `-00:01.5`."""
_ABOUT = re.compile(r"^(?:at|around|about|from|~|≈|@)\s*(?=[\d-])")
_NAMED_UNIT = re.compile(rf"({_HOURS}|{_MINUTES}|{_SECONDS})\s(\d{{1,18}}(?:\.\d{{1,18}})?)")
"""The unit before its number: `minute 105`."""
_ISO = re.compile(r"pt(?=\d)")
_FEW = r"\d{1,7}(?:\.\d{1,9})?"
CLOCK = r"\d{1,7}(?::\d{1,7})?:\d{2}(?:\.\d{1,9})?(?![\d:])"
"""Pattern of a clock time inside a text: `1:02:03`, `125:30`, `0:12.5`."""
_STOP = r"(?![^\W\d_])"
SPELLED = (
    rf"(?:{_FEW}\s?{_HOURS}{_STOP}(?:{_AND}{_FEW}\s?{_MINUTES}{_STOP})?(?:{_AND}{_FEW}\s?{_SECONDS}{_STOP})?"
    rf"|{_FEW}(?:\s?(?:min(?:ute)?s?|m(?=\s?\d))|m){_STOP}(?:{_AND}{_FEW}\s?{_SECONDS}{_STOP})?"
    rf"|{_FEW}\s?{_SECONDS}{_STOP})"
)
"""Pattern of a time with its units inside a text: `2 hours 5 minutes`, `2m05s`, `12.5 s`."""
TIME = rf"(?:{CLOCK}|{SPELLED}|{_FEW}(?![\d:]))"
"""Pattern of a time inside a text; a number without a unit is seconds."""


def parse_seconds(value: Any) -> float:
    """Seconds from a number, `"12.5s"`, `"1m30s"`, `"2 hours 5 minutes"`, `"00:01:30"`, `"125:30"` or `"t=90"`."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"not a time: {value!r}")
    if isinstance(value, (int, float)):
        seconds = as_float(value)
    else:
        if len(str(value)) > LONGEST_TIME:
            raise ValueError("not a time: too long")
        text = unicodedata.normalize("NFKC", str(value)).strip().lower()
        text = _ABOUT.sub("", text.removeprefix("t=").strip("[]() "))
        before = _BELOW.match(text)
        seconds = -_seconds(text[before.end() :]) if before else _seconds(text)
    if not math.isfinite(seconds):
        raise ValueError(f"not a time: {value!r}")
    return seconds


def parse_pair(first: str, last: str) -> tuple[float, float]:
    """Both times of a range in seconds; in `5 to 10 minutes` the unit is of both."""
    unit = re.fullmatch(r"[\d.]+\s?(h\w*|m\w*)", last, re.IGNORECASE)
    if unit and re.fullmatch(r"[\d.]+", first):
        first = f"{first} {unit[1]}"
    return parse_seconds(first), parse_seconds(last)


def _seconds(text: str) -> float:
    inside = text.strip("\"' ")
    text = _ISO.sub("", text)
    if named := _NAMED_UNIT.fullmatch(inside):
        text = inside = f"{named[2]} {named[1]}"
    clock, units = _CLOCK.fullmatch(inside), _UNITS.fullmatch(text) or _UNITS.fullmatch(inside)
    thousandths = _THOUSANDTHS.fullmatch(inside)
    if clock:
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600.0 + int(minutes) * 60.0 + _number(rest)
    if thousandths:
        return _number(thousandths[1]) / 1000
    if units and any(units.groups()) and not re.fullmatch(r"[-+]?\d+(?:\.\d+)?", inside):
        return sum(_number(part or "0") * scale for part, scale in zip(units.groups(), (3600, 60, 1), strict=True))
    return float(inside)


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def as_float(value: int | float | str) -> float:
    """The number as a float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf
