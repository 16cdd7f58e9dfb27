"""Times and boxes in the many ways that models write them."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

LONGEST_STRING = 10_000
"""Characters of one argument that a tool is given."""
LONGEST_TIME = 64
"""Characters of a number."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*%?"
_BOXES = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box", "region")
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


def box_numbers(value: Any) -> list[float]:
    """The four numbers of a box, as they were written but for per cents, which become fractions.

    Raises:
        ValueError: if it is not four finite numbers.
    """
    if isinstance(value, str):
        value = _written(unicodedata.normalize("NFKC", value[:LONGEST_STRING]))
    value = corners(value) if isinstance(value, dict) else value
    if isinstance(value, (list, tuple)):
        value = flat(value)
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    signed = [isinstance(part, str) and part.strip().endswith("%") for part in value]
    numbers = [side(part) for part in value]
    if not all(math.isfinite(n) for n in numbers):
        raise ValueError("a box needs finite numbers")
    percent = any(signed)
    return [n / 100 if own or (percent and n > 1) else n for n, own in zip(numbers, signed, strict=True)]


def _written(text: str) -> Any:
    """A box in a string: JSON, named sides, or numbers in a row."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, (dict, list)):
        return read
    named = re.findall(rf"([A-Za-z_]\w*)[\"']?\s*[:=]\s*({_NUMBER})", text)
    return dict(named) if len(named) == 4 else re.findall(_NUMBER, text)


def flat(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The numbers of `[[left, top], [right, bottom]]` and of a box alone in a list; anything else as it is."""
    if value and len(value) <= 4 and all(isinstance(part, (list, tuple)) for part in value):
        return [number for part in value for number in part]
    if len(value) == 1 and isinstance(value[0], dict):
        boxed = corners(value[0])
        return list(boxed) if isinstance(boxed, (list, tuple)) else list(value)
    return list(value)


def corners(value: dict[str, Any]) -> Any:
    """Left, top, right and bottom of a box that names its sides; anything else as it is."""
    value = {str(key).lower(): part for key, part in value.items()}
    boxed = next((value[key] for key in _BOXES if isinstance(value.get(key), (list, tuple, dict))), None)
    if boxed is not None:
        return corners(boxed) if isinstance(boxed, dict) else list(boxed)
    keys = (
        ("left", "top", "right", "bottom"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
        ("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"),
    )  # fmt: skip
    names = next((n for n in keys if all(k in value for k in n)), None)
    if names:
        return [value[k] for k in names]
    for names in (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height")):
        if all(k in value for k in names):
            x, y, wide, high = (side(value[k]) for k in names)
            return [x, y, x + wide, y + high]
    return value


def side(value: Any) -> float:
    """A side of a box, its per cent sign left out.

    Raises:
        ValueError: if it is no number.
    """
    if isinstance(value, str):
        value = unicodedata.normalize("NFKC", value[:LONGEST_TIME]).strip().rstrip("%").removesuffix("px")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    return as_float(value)


def as_float(value: int | float | str) -> float:
    """The number as a float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf
