"""Reading of a picture from its pixels alone: for experts, and to prove that a picture holds an answer or not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...memory import Box
from .render import COLORS

_VIVID = 90
"""Difference of the largest and the smallest channel from which a pixel belongs to a thing."""
_CONTRAST = 40
"""Difference of neighbors from which a plate is striped."""


class Spotted(NamedTuple):
    """A thing in a picture."""

    color: str
    shape: str
    box: Box
    """As fractions of the picture."""


def things(image: np.ndarray) -> list[Spotted]:
    """The things in a picture `[H, W, 3]` uint8, from left to right; those of a few pixels are passed over."""
    import cv2

    high, wide = image.shape[:2]
    small = image.astype(np.int16)
    vivid = small.max(2) - small.min(2) > _VIVID
    if not vivid.any():
        return []
    distances = np.stack([np.abs(small - np.array(rgb)).sum(2) for rgb in COLORS.values()])
    nearest = np.where(vivid, distances.argmin(0), -1)
    found = []
    for index, color in enumerate(COLORS):
        count, marks, stats, _ = cv2.connectedComponentsWithStats((nearest == index).astype(np.uint8))
        for mark, (left, top, width, height, area) in enumerate(stats[1:count], 1):
            if min(width, height) < 5 or area < 15:
                continue
            part = marks[top : top + height, left : left + width] == mark
            box = Box(left / wide, top / high, (left + width) / wide, (top + height) / high)
            found.append(Spotted(color, _shape(part), box))
    return sorted(found, key=lambda one: (one.box.left, one.box.top))


def _shape(part: np.ndarray) -> str:
    """The shape of a mask `[h, w]` that fills its box."""
    high, wide = part.shape
    filled = float(part.mean())
    y, x = max(1, high // 5), max(1, wide // 5)
    upper = part[:y, :x].mean() + part[:y, -x:].mean()
    lower = part[-y:, :x].mean() + part[-y:, -x:].mean()
    if not part[high // 2 - 1 : high // 2 + 1, wide // 2 - 1 : wide // 2 + 1].any():
        return "ring"
    if filled > 0.92:
        return "square"
    if lower - upper > 0.6:
        return "triangle"
    return "circle" if filled > 0.65 else "cross"


def pattern(image: np.ndarray) -> str:
    """The pattern of the plate that fills the middle of a picture `[H, W, 3]` uint8: one of `PATTERNS`."""
    gray = image.astype(np.float32).mean(2)
    high, wide = gray.shape
    middle = gray[high // 4 : high - high // 4, wide // 4 : wide - wide // 4]
    # The largest step along a row of means: stripes across change from row to row, checks change both ways at once.
    down, across = np.abs(np.diff(middle.mean(1))).max(initial=0), np.abs(np.diff(middle.mean(0))).max(initial=0)
    if max(down, across) > _CONTRAST:
        return "rows" if down > across else "columns"
    return "checks" if np.abs(np.diff(middle, axis=1)).max(initial=0) > _CONTRAST else "plain"


def plate_box(image: np.ndarray, background_tolerance: int = 12) -> Box | None:
    """The box of something colorless that differs from the scene around it; None where nothing does."""
    import cv2

    small = image.astype(np.int16)
    scene = np.median(small.reshape(-1, 3), axis=0)
    other = (np.abs(small - scene).max(2) > background_tolerance) & (small.max(2) - small.min(2) <= 12)
    filled = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(filled)
    if count < 2:
        return None
    left, top, width, height, _ = max(stats[1:count], key=lambda row: int(row[4]))
    high, wide = image.shape[:2]
    return Box(left / wide, top / high, (left + width) / wide, (top + height) / high)
