"""Places in a picture as models write them: fractions, percent, pixels of what they are shown, or a grid of their own.

A model that looks at a picture knows the size in which it is shown to it, not the video's; some families were taught a
grid of 0 to 1000 in each direction instead. A note says which scale was read, unless it is fractions.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..memory import Box
from .times import LONGEST_TIME, as_float

GRID = 1000
"""Of models that were taught places on a grid: 0 to 1000 in each direction, whatever the picture's shape."""
SCALES = ("grid", "pixels", "fractions")
_BEYOND = 0.02  # share of a side by which a box may stick out of its picture: models round

LONGEST_STRING = 10_000
"""Characters of one argument that a tool is given."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*%?"
_BOXES = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box", "region")


@dataclass(frozen=True, slots=True)
class Eyes:
    """The size in which a policy is shown pictures, and the numbers in which it was taught to write places."""

    side: int | None = None
    """Longest side in pixels of the pictures that it is shown; None where it is shown none."""
    scale: str = ""
    """The scale that it was taught, one of `SCALES`; empty where that is not known."""

    def display_size(self, whole: tuple[int, int]) -> tuple[int, int] | None:
        """Width and height in which it is shown a picture of `whole` (width, height) pixels; None for not at all."""
        if self.side is None:
            return None
        small = min(1.0, self.side / max(whole))
        return max(1, round(whole[0] * small)), max(1, round(whole[1] * small))

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"side": self.side, "scale": self.scale}

    @classmethod
    def from_dict(cls, row: Any) -> Eyes:
        """Read what `as_dict` wrote; the defaults where it is something else."""
        if not isinstance(row, dict):
            return cls()
        side, scale = row.get("side"), row.get("scale")
        return cls(side if isinstance(side, int) else None, scale if scale in SCALES else "")


class _Scale(NamedTuple):
    words: str
    width: float
    height: float

    def holds(self, numbers: list[float]) -> bool:
        """Return whether a box in these numbers lies in the picture."""
        return all(
            -_BEYOND * long - 1 <= number <= (1 + _BEYOND) * long + 1
            for number, long in zip(numbers, (self.width, self.height) * 2, strict=True)
        )


def read_box(value: Any, whole: tuple[int, int], eyes: Eyes | None = None) -> tuple[Box, str]:
    """A box as fractions of its picture, and a note on the scale that was read, empty for fractions.

    Args:
        value: four numbers (left, top, right, bottom; swapped corners are put right), a mapping, or a string.
        whole: width and height of the picture at full size.
        eyes: how the one who wrote it sees pictures; None: nothing is known of that.
    """
    numbers = box_numbers(value)
    scale, others = _scale(numbers, whole, eyes or Eyes())
    if scale is None:
        note, shares = "", numbers
    else:
        shares = [n / long for n, long in zip(numbers, (scale.width, scale.height) * 2, strict=True)]
        listed = ", ".join(f"{n:g}" for n in numbers)
        note = f"box [{listed}] read as {scale.words}"
        note += "; if you meant another scale, write fractions from 0 to 1" if others else ""
    left, right = sorted((shares[0], shares[2]))
    top, bottom = sorted((shares[1], shares[3]))
    box = Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    if box.right - box.left < 1e-3 or box.bottom - box.top < 1e-3:
        raise ValueError("the box has no area inside the picture")
    return box, note


def _scale(numbers: list[float], whole: tuple[int, int], eyes: Eyes) -> tuple[_Scale | None, bool]:
    """The scale of a box (None: fractions), and whether the numbers would fit another one too."""
    most = max(map(abs, numbers))
    if most <= 1 or (most < 2 and any(0 < n < 1 for n in numbers)):
        return None, False
    fitting = [scale for scale in _scales(most, whole, eyes) if scale.holds(numbers)]
    if not fitting:
        displayed = eyes.display_size(whole)
        raise ValueError(
            f"the box reaches out of the picture ({f'{displayed[0]}x{displayed[1]} as shown, ' if displayed else ''}"
            f"{whole[0]}x{whole[1]} in the video)"
        )
    first = fitting[0]
    taught = bool(eyes.scale) and first.words.startswith(("a grid", "pixels of the picture as shown"))
    return first, not taught and any((s.width, s.height) != (first.width, first.height) for s in fitting[1:])


def _scales(most: float, whole: tuple[int, int], eyes: Eyes) -> Iterator[_Scale]:
    """The scales that numbers above 1 may be in, the likeliest first."""
    displayed = eyes.display_size(whole)
    grid = _Scale(f"a grid of 0 to {GRID}", GRID, GRID)
    video = _Scale(f"pixels of the video ({whole[0]}x{whole[1]})", *whole)
    as_shown = (
        _Scale(f"pixels of the picture as shown ({displayed[0]}x{displayed[1]})", *displayed) if displayed else video
    )
    if most <= 100 and eyes.scale not in ("grid", "pixels"):
        yield _Scale("percent of the picture", 100, 100)
    if eyes.scale == "grid":
        yield grid
    yield as_shown
    yield grid
    yield video


def box_numbers(value: Any) -> list[float]:
    """The four numbers of a box, as they were written but for per cents, which become fractions."""
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
    """A side of a box, its per cent sign left out."""
    if isinstance(value, str):
        value = unicodedata.normalize("NFKC", value[:LONGEST_TIME]).strip().rstrip("%").removesuffix("px")
        value = re.sub(r"^([-+]?\d*),(\d+)$", r"\1.\2", value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    return as_float(value)
