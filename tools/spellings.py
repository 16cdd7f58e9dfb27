"""Times and boxes in the many ways that models write them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from ..memory import Box

LONGEST_STRING = 10_000
"""Characters of one argument that a tool is given."""
LONGEST_TIME = 64
"""Characters of a number."""
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_UNITS = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*h(?:ours?|rs?)?)?\s*(?:(\d+(?:\.\d+)?)\s*m(?:in(?:ute)?s?)?)?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?)?",
)


def parse_seconds(value: Any) -> float:
    """Seconds from a number, `"12.5s"`, `"1m30s"`, `"00:01:30"`, `"1:30.5"` or `"t=90"`.

    Raises:
        ValueError: if `value` is none of these, or not finite.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(f"not a time: {value!r}")
    if isinstance(value, (int, float)):
        seconds = as_float(value)
    else:
        text = unicodedata.normalize("NFKC", str(value)[:LONGEST_TIME]).strip().lower()
        text = text.removeprefix("t=").strip("[]()\"' ")
        if len(str(value)) > LONGEST_TIME:
            raise ValueError("not a time: too long")
        clock, units = _CLOCK.fullmatch(text), _UNITS.fullmatch(text)
        if clock:
            hours, minutes, rest = clock.groups()
            seconds = int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
        elif units and any(units.groups()):
            seconds = sum(float(part or 0) * scale for part, scale in zip(units.groups(), (3600, 60, 1), strict=True))
        else:
            seconds = float(text)
    if not math.isfinite(seconds):
        raise ValueError(f"not a time: {value!r}")
    return seconds


def parse_box(value: Any, width: int, height: int) -> Box:
    """A box as [0, 1] fractions from four numbers (fractions, percent, or pixels), a mapping, or a string.

    Values up to 1 are fractions, up to 100 percent, larger ones pixels of a `width` x `height` picture.

    Raises:
        ValueError: if it is not a box with a positive area inside the picture.
    """
    percent = "%" in str(value)[:LONGEST_STRING]
    if isinstance(value, str):
        value = [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", value[:LONGEST_STRING])]
    if isinstance(value, dict):
        value = corners(value)
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    numbers = [side(part) for part in value]
    if not all(math.isfinite(n) for n in numbers):
        raise ValueError("a box needs finite numbers")
    if percent:
        numbers = [n / 100 for n in numbers]
    elif max(numbers) > 100:
        numbers = [n / long for n, long in zip(numbers, (width, height, width, height), strict=True)]
    elif max(numbers) > 1:
        numbers = [n / 100 for n in numbers]
    left, right = sorted((numbers[0], numbers[2]))
    top, bottom = sorted((numbers[1], numbers[3]))
    box = Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    if box.right - box.left < 1e-3 or box.bottom - box.top < 1e-3:
        raise ValueError("the box has no area inside the picture")
    return box


def corners(value: dict[str, Any]) -> Any:
    """Left, top, right and bottom of a box that names its sides; anything else as it is."""
    keys = (("left", "top", "right", "bottom"), ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"))
    names = next((n for n in keys if all(k in value for k in n)), None)
    if names:
        return [value[k] for k in names]
    if all(k in value for k in ("x", "y", "width", "height")):
        x, y, wide, high = (side(value[k]) for k in ("x", "y", "width", "height"))
        return [x, y, x + wide, y + high]
    return value


def side(value: Any) -> float:
    """A side of a box, its per cent sign left out.

    Raises:
        ValueError: if it is no number.
    """
    if isinstance(value, str):
        value = unicodedata.normalize("NFKC", value[:LONGEST_TIME]).strip().rstrip("%")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    return as_float(value)


def as_float(value: int | float | str) -> float:
    """The number as a float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf
