"""The times of frames, as clients write them into the text around pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEAST = 0.001
"""Seconds between pictures."""
LATEST = 7 * 86400.0
"""Seconds: clips are planned up to there."""
_LONGEST = 60  # characters of a text that is a time and nothing else
_BEFORE = 150  # characters before a list that must say that it is one of times
_SECONDS = r"\d{1,7}(?:\.\d{1,6})?"
_STAMP = re.compile(
    r"[\W_]*(?:(?:frame|image|picture|photo|img)[\W_]*\d{0,6}[\W_]*)?(?:(?:sampled|taken|at|time|timestamp|t)[\W_]*){0,3}"
    rf"(?:(?:(?P<hours>\d{{1,3}}):)?(?P<minutes>\d{{1,3}}):(?P<rest>\d{{2}}(?:\.\d{{1,6}})?)"
    rf"|(?P<seconds>{_SECONDS})\s?(?:s|secs?|seconds?))[\W_]*",
    re.IGNORECASE,
)
_LIST = re.compile(rf"(?<![\w.]){_SECONDS}\s?s?(?:\s?,\s?{_SECONDS}\s?s?)+(?![\w.]*\w)")
_TOLD = re.compile(r"time|sampled|located|seconds", re.IGNORECASE)


def stamp(text: str) -> float | None:
    """Return the seconds that a text names and nothing else (`<12.0 seconds>`, `Frame 3 (0:12):`); None for others."""
    found = _STAMP.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    if found["seconds"] is not None:
        return float(found["seconds"])
    return int(found["hours"] or 0) * 3600 + int(found["minutes"]) * 60 + float(found["rest"])


def listed(text: str, count: int) -> list[float] | None:
    """Return the times of so many frames where a text lists them (`timestamps are: 0.0, 2.5, 5.0`); None where not."""
    for found in _LIST.finditer(text):
        numbers = [float(number) for number in re.findall(_SECONDS, found[0])]
        if len(numbers) == count and _TOLD.search(text, max(0, found.start() - _BEFORE), found.start()):
            return numbers
    return None


def in_order(times: Sequence[float]) -> list[float] | None:
    """Return times that never go down, those that are the same a little apart; None for others."""
    ordered: list[float] = []
    for number, time in enumerate(times):
        if time > LATEST or (number and time < times[number - 1]):
            return None
        ordered.append(max(time, ordered[-1] + LEAST) if ordered else time)
    return ordered
