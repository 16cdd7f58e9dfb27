"""Drawing of the things of a world: shapes, patterns and letters as pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

COLORS = {
    "red": (230, 30, 30),
    "blue": (30, 60, 230),
    "yellow": (240, 220, 30),
    "green": (20, 180, 40),
    "purple": (150, 30, 210),
    "orange": (250, 130, 10),
}
"""Colors of things: all are vivid."""
SHAPES = ("circle", "square", "triangle", "ring", "cross")
PATTERNS = ("plain", "rows", "columns", "checks")
"""Of small plates: alike in mean color, so that a picture made smaller does not tell them apart."""
TONES = {
    "grey": (125, 125, 125),
    "sand": (170, 150, 115),
    "slate": (85, 105, 130),
    "moss": (95, 125, 90),
    "rose": (165, 120, 125),
    "night": (35, 38, 45),
}
"""Colors of scenes: none is vivid."""
_DARK, _LIGHT = 40, 210


def shape_mask(shape: str, high: int, wide: int, *, center: tuple[float, float], size: float) -> np.ndarray:
    """Pixels of a shape, bool `[high, wide]`.

    Args:
        shape: one of `SHAPES`.
        high: height of the picture in pixels.
        wide: width of the picture in pixels.
        center: (x, y) as fractions of the picture.
        size: height of the shape as a fraction of the picture's.
    """
    half = size * high / 2
    y, x = np.ogrid[:high, :wide]
    dy, dx = (y + 0.5 - center[1] * high) / half, (x + 0.5 - center[0] * wide) / half
    inside = (abs(dy) <= 1) & (abs(dx) <= 1)
    if shape == "square":
        return np.asarray(inside)
    if shape == "triangle":
        return np.asarray(inside & (abs(dx) <= (dy + 1) / 2))
    if shape == "cross":
        return np.asarray(inside & ((abs(dx) <= 0.3) | (abs(dy) <= 0.3)))
    radius = dy**2 + dx**2
    return np.asarray(radius <= 1 if shape == "circle" else (radius <= 1) & (radius >= 0.36))


def plate(pattern: str, side: int, pitch: int) -> np.ndarray:
    """A square plate `[side, side, 3]` uint8.

    Args:
        pattern: one of `PATTERNS`.
        side: pixels.
        pitch: pixels of one dark and one light stripe together; even.
    """
    y, x = np.mgrid[:side, :side]
    rows, columns = (y // (pitch // 2)) % 2, (x // (pitch // 2)) % 2
    light = {"rows": rows, "columns": columns, "checks": rows ^ columns}.get(pattern)
    gray = np.full((side, side), (_DARK + _LIGHT) // 2) if light is None else np.where(light == 1, _LIGHT, _DARK)
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


@lru_cache(maxsize=256)
def lettering(text: str, high: int) -> np.ndarray:
    """A white board with black letters, `[about 1.5 * high, wide, 3]` uint8, whose capitals are `high` pixels tall."""
    import cv2

    thick = max(1, high // 8)
    scale = float(cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, high, thick))
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    edge = max(2, high // 3)
    board = np.full((tall + below + 2 * edge, wide + 2 * edge, 3), 245, dtype=np.uint8)
    cv2.putText(board, text, (edge, edge + tall), cv2.FONT_HERSHEY_SIMPLEX, scale, (10, 10, 10), thick, cv2.LINE_AA)
    return board


def paste(image: np.ndarray, part: np.ndarray, center: tuple[float, float], *, grid: int = 1) -> None:
    """Put `part` into `image` in place, centered at (x, y) fractions, moved inside and to multiples of `grid`."""
    high, wide = image.shape[:2]
    part = part[:high, :wide]
    top = round(min(max(center[1] * high - part.shape[0] / 2, 0), high - part.shape[0]) / grid) * grid
    left = round(min(max(center[0] * wide - part.shape[1] / 2, 0), wide - part.shape[1]) / grid) * grid
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
