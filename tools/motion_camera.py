"""Cuts and movement of the camera, from small frames: a background exists only while the camera stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_ACROSS, _DOWN = 8, 5  # cells; each has one say, so that one textured object cannot outvote the rest
_STILL = 0.004  # of the picture's width: less than this between two looks is noise


@dataclass(frozen=True, slots=True)
class CameraStep:
    """What stayed between two frames, over the cells that have texture: how many, and the share that did not move.

    `rim` counts the cells along the picture's border: objects seldom fill it, a moving camera moves it all.
    """

    cells: int
    still: float
    rim: int
    rim_still: float

    @property
    def moves(self) -> bool:
        """Whether the camera moved."""
        return self.cells >= 7 and self.rim >= 5 and self.still < 0.4 and self.rim_still < 0.35


def camera_step(before: Array, after: Array) -> CameraStep:
    """Compare two grey frames `[H, W]` uint8 of one shot by following corners from one to the other."""
    import cv2

    nothing = CameraStep(0, 1.0, 0, 1.0)
    height, width = before.shape
    corners = cv2.goodFeaturesToTrack(before, 200, 0.01, width // 32)
    if corners is None:
        return nothing
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, corners.copy(), winSize=(15, 15), maxLevel=4)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, moved.copy(), winSize=(15, 15), maxLevel=4)
    good = (found[:, 0] > 0) & (again[:, 0] > 0) & (np.abs(back - corners).max(axis=(1, 2)) < 1.0)
    if not good.any():
        return nothing
    start, end = corners[good, 0], moved[good, 0]
    shift = np.linalg.norm(end - start, axis=1) / width
    column = np.minimum(start[:, 0] * _ACROSS / width, _ACROSS - 1).astype(int)
    row = np.minimum(start[:, 1] * _DOWN / height, _DOWN - 1).astype(int)
    outer = (column == 0) | (column == _ACROSS - 1) | (row == 0) | (row == _DOWN - 1)
    cell = row * _ACROSS + column
    still = {int(name): float(np.median(shift[cell == name])) < _STILL for name in np.unique(cell)}
    rim = {int(name) for name in np.unique(cell[outer])}
    return CameraStep(
        cells=len(still),
        still=float(np.mean(list(still.values()))),
        rim=len(rim),
        rim_still=float(np.mean([still[name] for name in rim])) if rim else 1.0,
    )


class CutFinder:
    """Says where one shot ends and another begins; frames come in order, as small as 32x18 pixels are enough."""

    def __init__(self) -> None:
        self._before: Array | None = None

    def is_cut(self, image: Array) -> bool:
        """Whether `image` [H, W, 3] uint8 shows another scene than the frame before it."""
        import cv2

        small = cv2.resize(image, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, small
        if before is None:
            return False
        # Brightness is matched first: a lamp that is switched on is no cut.
        gain = float(np.clip((before.mean() + 8) / (small.mean() + 8), 0.4, 2.5))
        changed = np.abs(small * gain - before).max(axis=2) > 28
        return bool(changed.mean() > 0.55)
