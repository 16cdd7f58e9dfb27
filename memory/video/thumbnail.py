"""Pictures made small enough to compare: which cells of one differ from another by more than noise."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ..protocol import Frame
from ..span import Box
from .shape import resize, shrink

# Two pictures are compared in cells of 16 x 16 pixels at 640 pixels of the longer side: a cell has changed when six
# pixels differ by 18 of 255. Codec noise of the recordings in `benchmarks/` stays below that, one letter does not.
_LONGEST, _CELL, _DIFFERENT, _PIXELS = 640, 16, 18, 6
_FAINT = 6
"""Difference of the mean of a cell up to which a picture stays the same; sensor noise and codecs change it by 3."""
_WHOLE, _MANY = 0.55, 6  # share of the picture, and number of regions, beyond which all of it is taken
KEPT = 4
"""Distinct frames with which a new one is compared, the latest (claude-real-video, README at 48e1b7c)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture made small enough to compare: `[h, w, 3]` uint8, smoothed so that codec noise does not count."""

    pixels: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> Thumbnail:
        """Return the thumbnail of `image`, `[H, W, 3]` uint8."""
        import cv2

        return cls(cv2.blur(shrink(image, _LONGEST), (3, 3)))

    def changed(self, other: Thumbnail) -> np.ndarray:
        """Return `[rows, columns]` bool: the cells that differ from `other` by more than noise."""
        if other.pixels.shape != self.pixels.shape:
            return np.ones(self.grid, bool)
        import cv2

        red, green, blue = cv2.split(cv2.absdiff(self.pixels, other.pixels))
        differs = (cv2.max(cv2.max(red, green), blue) > _DIFFERENT).astype(np.float32)
        (height, width), (rows, columns) = differs.shape, self.grid
        padded = cv2.copyMakeBorder(differs, 0, rows * _CELL - height, 0, columns * _CELL - width, cv2.BORDER_CONSTANT)
        share = resize(padded, (columns, rows))
        return np.asarray(share >= (_PIXELS - 0.5) / _CELL**2)

    def same(self, other: Thumbnail) -> bool:
        """Return whether nothing differs from `other` by more than noise: the two are near-duplicates.

        What is large and faint (a dark coat in a dark room) counts too, though no pixel of it differs by much.
        """
        if self.changed(other).any():
            return False
        rows, columns = self.grid
        means, others = (resize(each.pixels, (columns, rows)).astype(np.int16) for each in (self, other))
        return int(np.abs(means - others).max()) <= _FAINT

    def updated(self, newer: Thumbnail, cells: np.ndarray) -> Thumbnail:
        """Return this thumbnail with the given cells (`[rows, columns]` bool) taken from `newer`."""
        height, width = self.pixels.shape[:2]
        mask = cells.repeat(_CELL, axis=0).repeat(_CELL, axis=1)[:height, :width]
        return Thumbnail(np.where(mask[:, :, None], newer.pixels, self.pixels))

    def cells(self, box: Box) -> np.ndarray:
        """Return `[rows, columns]` bool: the cells that `box` touches."""
        height, width = self.pixels.shape[:2]
        touched = np.zeros(self.grid, bool)
        top, bottom = int(box.top * height) // _CELL, int(np.ceil(box.bottom * height)) // _CELL + 1
        left, right = int(box.left * width) // _CELL, int(np.ceil(box.right * width)) // _CELL + 1
        touched[top:bottom, left:right] = True
        return touched

    def regions(self, cells: np.ndarray) -> list[Box]:
        """Return few boxes that hold the given cells and a margin; the whole picture when that is less."""
        if not cells.any():
            return []
        import cv2

        wide = cv2.dilate(cells.astype(np.uint8), np.ones((3, 5), np.uint8))
        while True:  # the bounds of neighboring parts may overlap: these become one
            count, _, stats, _ = cv2.connectedComponentsWithStats(wide)
            before = int(wide.sum())
            for x, y, w, h, _ in stats[1:count]:
                wide[y : y + h, x : x + w] = 1
            if int(wide.sum()) == before:
                break
        if wide.mean() > _WHOLE or count - 1 > _MANY:
            return [Box(0.0, 0.0, 1.0, 1.0)]
        down, across = _CELL / self.pixels.shape[0], _CELL / self.pixels.shape[1]
        return [
            Box(x * across, y * down, min(1.0, (x + w) * across), min(1.0, (y + h) * down))
            for x, y, w, h, _ in stats[1:count].tolist()
        ]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        height, width = self.pixels.shape[:2]
        return -(-height // _CELL), -(-width // _CELL)


class DistinctFrames(Generic[T]):
    """Has something made of every frame that shows anything new, for frames that come in the order of time.

    A frame counts as a near-duplicate by earlier frames alone. It is compared with frames that were new, so that slow
    changes add up until they count.

    Args:
        make: makes it of a new frame.
        kept: with how many new frames, the latest, one is compared.
    """

    def __init__(self, make: Callable[[Frame], T], kept: int = KEPT) -> None:
        self._make = make
        self._kept: deque[tuple[Thumbnail, T]] = deque(maxlen=kept)

    def of(self, frame: Frame) -> T:
        """Return what was made of the earlier frame that this one looks the same as, else what is made of it."""
        look = Thumbnail.of(frame.image)
        for other, made in reversed(self._kept):
            if look.same(other):
                return made
        self._kept.append((look, self._make(frame)))
        return self._kept[-1][1]


def without_repeats(frames: Iterable[Frame], kept: int = KEPT) -> list[Frame]:
    """Return as many frames in their order, each that looks the same as an earlier one replaced by that one."""
    distinct: DistinctFrames[Frame] = DistinctFrames(lambda frame: frame, kept)
    return [distinct.of(frame) for frame in frames]
