"""Where a picture changed since it was last read: the rest need not be read again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..span import Box

_LONGEST = 640
_CELL = 16
_DIFFERENT = 18
_PIXELS = 6
_MARGIN = 1
_WHOLE = 0.55
_MANY = 6


@dataclass(frozen=True, slots=True)
class TextLook:
    """A picture made small enough to compare: `[h, w, 3]` uint8, smoothed so that codec noise does not count."""

    pixels: np.ndarray

    @classmethod
    def at(cls, image: np.ndarray) -> TextLook:
        """Look at `image`, `[H, W, 3]` uint8."""
        height, width = image.shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = image if scale == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return cls(cv2.blur(small, (3, 3)))

    def changed(self, other: TextLook) -> np.ndarray:
        """`[rows, columns]` bool: which cells of 16 x 16 pixels differ from `other` by more than noise."""
        if other.pixels.shape != self.pixels.shape:
            return np.ones(self._grid(), bool)
        red, green, blue = cv2.split(cv2.absdiff(self.pixels, other.pixels))
        _, differs = cv2.threshold(cv2.max(cv2.max(red, green), blue), _DIFFERENT, 255, cv2.THRESH_BINARY)
        rows, columns = self._grid()
        height, width = differs.shape
        below, beside = rows * _CELL - height, columns * _CELL - width
        padded = cv2.copyMakeBorder(differs, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=0)
        share = cv2.resize(padded.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(share >= 255 * (_PIXELS - 0.5) / _CELL**2)

    def everything(self) -> np.ndarray:
        """`[rows, columns]` bool: all cells."""
        return np.ones(self._grid(), bool)

    def new(self, other: TextLook) -> float:
        """Share of this look's colours, in [0, 1], that `other` does not have."""
        return float(np.abs(self._colors() - other._colors()).sum() / 2)

    def _colors(self) -> np.ndarray:
        counts = cv2.calcHist([self.pixels], [0, 1, 2], None, [4, 4, 4], [0, 256] * 3)
        return np.asarray(counts.ravel() / counts.sum())

    def updated(self, newer: TextLook, cells: np.ndarray) -> TextLook:
        """This look with the given cells (`[rows, columns]` bool) taken from `newer`."""
        if newer.pixels.shape != self.pixels.shape or cells.all():
            return newer
        height, width = self.pixels.shape[:2]
        mask = np.repeat(np.repeat(cells.astype(np.uint8), _CELL, 0), _CELL, 1)[:height, :width]
        return TextLook(cv2.copyTo(newer.pixels, np.ascontiguousarray(mask), self.pixels.copy()))

    def cells(self, box: Box) -> np.ndarray:
        """`[rows, columns]` bool: the cells that `box` touches."""
        height, width = self.pixels.shape[:2]
        touched = np.zeros(self._grid(), bool)
        top, bottom = int(box.top * height) // _CELL, int(np.ceil(box.bottom * height)) // _CELL + 1
        left, right = int(box.left * width) // _CELL, int(np.ceil(box.right * width)) // _CELL + 1
        touched[top:bottom, left:right] = True
        return touched

    def box(self, top: int, bottom: int, left: int, right: int) -> Box:
        """The box of the cells from (`top`, `left`) to, not including, (`bottom`, `right`)."""
        height, width = self.pixels.shape[:2]
        return Box(
            left * _CELL / width,
            top * _CELL / height,
            min(1.0, right * _CELL / width),
            min(1.0, bottom * _CELL / height),
        )

    def _grid(self) -> tuple[int, int]:
        height, width = self.pixels.shape[:2]
        return -(-height // _CELL), -(-width // _CELL)


def regions(look: TextLook, cells: np.ndarray) -> list[Box]:
    """Few boxes, apart from one another, that hold the given cells and a margin; the whole picture when that is less.

    Args:
        look: the picture.
        cells: `[rows, columns]` bool.
    """
    if not cells.any():
        return []
    wide = cv2.dilate(cells.astype(np.uint8), np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 3), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(wide)
    boxes = [(int(y), int(y + h), int(x), int(x + w)) for x, y, w, h, _ in stats[1:count]]
    boxes = _united(boxes)
    covered = sum((bottom - top) * (right - left) for top, bottom, left, right in boxes)
    if covered > _WHOLE * cells.size or len(boxes) > _MANY:
        return [Box(0.0, 0.0, 1.0, 1.0)]
    return [look.box(*box) for box in sorted(boxes)]


def _united(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Boxes that overlap made one, until none do."""
    apart: list[tuple[int, int, int, int]] = []
    for box in boxes:
        while True:
            hit = next((o for o in apart if o[0] < box[1] and box[0] < o[1] and o[2] < box[3] and box[2] < o[3]), None)
            if hit is None:
                break
            apart.remove(hit)
            box = (min(box[0], hit[0]), max(box[1], hit[1]), min(box[2], hit[2]), max(box[3], hit[3]))
        apart.append(box)
    return apart


def small_print(picture: np.ndarray) -> list[tuple[float, float]]:
    """The middles (x, y in pixels) of rows of small letters in a picture: at most 18 pixels high, dense and level.

    Takes a fiftieth of what reading takes. It sees nearly every row of clear print of 8 to 14 pixels, and in pictures
    without any text one row now and then; print on leaves or in faint colours it does not see.
    """
    edges = cv2.morphologyEx(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    # Letters stand closer together than words and words closer than rows.
    joined = cv2.morphologyEx((edges > 60).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    _, _, found, middles = cv2.connectedComponentsWithStats(joined)
    return [
        (float(x), float(y))
        for (_, _, width, height, area), (x, y) in zip(found[1:].tolist(), middles[1:].tolist(), strict=True)
        if 5 <= height <= 18 and width >= 3 * height and area > 0.6 * width * height
    ]
