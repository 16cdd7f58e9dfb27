"""Boxes in the many ways that models write them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from ..memory import Box
from .times import LONGEST_TIME as LONGEST_TIME
from .times import as_float as as_float
from .times import parse_seconds as parse_seconds

LONGEST_STRING = 10_000
"""Characters of one argument that a tool is given."""


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
