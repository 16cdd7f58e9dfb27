"""Boxes in the many ways that models write them."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

from .times import LONGEST_TIME as LONGEST_TIME
from .times import as_float as as_float
from .times import parse_seconds as parse_seconds

LONGEST_STRING = 10_000
"""Characters of one argument that a tool is given."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*%?"
_BOXES = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box", "region")


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
    for pair in (("top_left", "bottom_right"), ("topleft", "bottomright"), ("min", "max"), ("start", "end")):
        if len(value) <= 4 and all(isinstance(value.get(k), (list, tuple)) for k in pair):
            return [number for k in pair for number in value[k]]
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
        value = re.sub(r"^([-+]?\d*),(\d+)$", r"\1.\2", value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    return as_float(value)
