"""Contact sheets: several frames in one picture, for a model that is asked about them and writes no places in them.

They save tokens where a picture costs as many whatever its size, and cost nothing to see where all frames of a sheet
fit into the size that the model takes. Models that are charged by area (Qwen-VL) gain nothing: they get none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from ...memory import Frame
from .content_blocks import time_text

MOST_COLUMNS = 3
_FIXED = ((re.compile(r"gemma[-_]?3(?!n)", re.IGNORECASE), 896),)
"""Names of models to which a picture is always of one size, in pixels a side, and of one price: Gemma 3 takes 896 x 896
as 256 tokens (arXiv 2503.19786)."""


def fitting(size: tuple[int, int], side: tuple[int, int]) -> int:
    """Return how many frames of (width, height) fit as a square of rows and columns into (width, height) pixels."""
    columns = min(side[0] // max(size[0], 1), side[1] // max(size[1], 1), MOST_COLUMNS)
    return max(columns, 1) ** 2


def by_name(name: str, size: tuple[int, int], longest: int) -> int:
    """Return how many frames of that size to show a served model of that name in one picture; 1 where nobody knows.

    A picture is sent with at most `longest` pixels a side.
    """
    side = next((min(side, longest) for pattern, side in _FIXED if pattern.search(name)), 1)
    return fitting(size, (side, side))


def pictures(frames: Sequence[Frame], each: int) -> Iterator[tuple[str, np.ndarray]]:
    """Return the pictures to show, each after the text that says of which times it is.

    Args:
        frames: in ascending order of time. Only frames of one size share a picture.
        each: how many frames are put into one picture at most.
    """
    if len({frame.image.shape for frame in frames}) > 1:
        each = 1
    for first in range(0, len(frames), each):
        some = frames[first : first + each]
        times = ", ".join(time_text(frame.time) for frame in some)
        if len(some) == 1:
            yield times, some[0].image
            continue
        columns = math.ceil(math.sqrt(len(some)))
        rows = f", {columns} in a row" if len(some) > columns else ""
        yield f"{times}: {len(some)} frames in one picture, from left to right{rows}", _sheet(some, columns)


def _sheet(frames: Sequence[Frame], columns: int) -> np.ndarray:
    height, width = frames[0].image.shape[:2]
    rows = -(-len(frames) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, frame in enumerate(frames):
        top, left = place // columns * height, place % columns * width
        sheet[top : top + height, left : left + width] = frame.image
    return sheet
