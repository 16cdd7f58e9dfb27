"""Cuts and movement of the camera, from small frames: a background exists only while the camera stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_ACROSS, _DOWN = 8, 5  # cells; each has one say, so that one textured object cannot outvote the rest
_STILL = 0.004  # of the picture's width: a corner that moved by less did not move
_PATCH = 9  # pixels
_FILLED = 0.05  # of a cell must have texture for it to count
_CONTRAST = 24  # grey levels within a patch: fainter texture comes and goes with compression
_NOISE = 4  # grey levels by which a patch differs from itself, on average, through noise
_SHIFTED = 0.12  # of a patch's contrast: an edge that moved by little more than one pixel changes it by this much


@dataclass(frozen=True, slots=True)
class Stillness:
    """What stayed between two frames, over the cells that have texture: how many cells, and the share that stayed.

    `rim` counts the cells along the picture's border: objects seldom fill it, a moving camera moves it all.
    """

    cells: int
    still: float
    rim: int
    rim_still: float

    @property
    def lost(self) -> bool:
        """Whether too little stayed for a camera that stands still."""
        return self.cells >= 7 and self.rim >= 5 and self.still < 0.4 and self.rim_still < 0.35

    @property
    def all_gone(self) -> bool:
        """Whether as good as nothing stayed, all over the picture."""
        return self.cells >= 12 and self.rim >= 8 and self.still < 0.1 and self.rim_still < 0.1


def camera_moves(before: Array, after: Array) -> bool:
    """Whether the camera moved between two grey frames `[H, W]` uint8 of one shot.

    Two witnesses must agree: patches changed, and corners are elsewhere. Light changes patches and leaves corners;
    corners made of noise wander in patches that stay. Where not one patch stayed, the picture may have moved too fast
    for corners to be followed.
    """
    inside = without_bars(np.maximum(before, after))
    before, after = before[inside], after[inside]
    seen = patches(before, after)
    return seen.lost and (seen.all_gone or corners(before, after).lost)


def without_bars(gray: Array) -> tuple[slice, slice]:
    """The part `(rows, columns)` of a frame between black bars, whose straight edges stand still whatever moves."""
    lit = gray > 24
    rows = slice(*_between_bars(lit.mean(axis=1)))
    return rows, slice(*_between_bars(lit[rows].mean(axis=0)))


def _between_bars(shares: Array) -> tuple[int, int]:
    """Where a picture's lines begin and end, from the lit share of each; black scenery fades in, bars end sharply."""
    ends = []
    for line in (shares, shares[::-1]):
        dark = int(np.argmax(line >= 0.02)) if (line >= 0.02).any() else 0
        sharp = dark > 0 and dark + 2 < len(line) // 2 and line[dark + 2] > 0.4
        ends.append(dark + _PATCH // 2 + 1 if sharp else 0)
    return ends[0], len(shares) - ends[1]


def patches(before: Array, after: Array) -> Stillness:
    """Cells whose textured patches look the same in both frames."""
    import cv2

    ratio = (before[::4, ::4] + np.float32(4)) / (after[::4, ::4] + np.float32(4))
    gain = float(np.clip(np.median(ratio), 0.5, 2))
    after = cv2.convertScaleAbs(after, None, gain)
    before, after = cv2.GaussianBlur(before, (3, 3), 0), cv2.GaussianBlur(after, (3, 3), 0)
    patch = np.ones((_PATCH, _PATCH), np.uint8)
    contrast = cv2.subtract(cv2.dilate(before, patch), cv2.erode(before, patch)).astype(np.float32)
    change = cv2.blur(cv2.absdiff(before, after), (_PATCH, _PATCH)).astype(np.float32)
    textured = contrast > _CONTRAST
    same = textured & (change < np.maximum(_NOISE, _SHIFTED * contrast))
    # Shares per cell: of pixels with texture, and of those that stayed.
    size = (_ACROSS, _DOWN)
    filled = cv2.resize(textured.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    stayed = cv2.resize(same.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return _stillness(filled > _FILLED, stayed > 0.5 * filled)


def corners(before: Array, after: Array) -> Stillness:
    """Cells whose corners, followed from one frame to the other, are where they were."""
    import cv2

    height, width = before.shape
    told, still = np.zeros((_DOWN, _ACROSS), bool), np.zeros((_DOWN, _ACROSS), bool)
    found = cv2.goodFeaturesToTrack(before, 200, 0.01, width / 32)
    if found is None:
        return _stillness(told, still)
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, found, found.copy(), winSize=(15, 15), maxLevel=4)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, moved.copy(), winSize=(15, 15), maxLevel=4)
    good = (seen[:, 0] > 0) & (again[:, 0] > 0) & (np.abs(back - found).max(axis=(1, 2)) < 1.0)
    start, end = found[good, 0], moved[good, 0]
    shift = np.linalg.norm(end - start, axis=1) / width
    column = np.minimum(start[:, 0] * _ACROSS / width, _ACROSS - 1).astype(int)
    row = np.minimum(start[:, 1] * _DOWN / height, _DOWN - 1).astype(int)
    for place in {(int(r), int(c)) for r, c in zip(row, column, strict=True)}:
        told[place] = True
        still[place] = np.median(shift[(row == place[0]) & (column == place[1])]) < _STILL
    return _stillness(told, still)


def _stillness(told: Array, still: Array) -> Stillness:
    rim = np.ones(told.shape, bool)
    rim[1:-1, 1:-1] = False
    cells, border = int(told.sum()), int((told & rim).sum())
    return Stillness(
        cells=cells,
        still=float((told & still).sum() / cells) if cells else 1.0,
        rim=border,
        rim_still=float((told & still & rim).sum() / border) if border else 1.0,
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
        changed = float((np.abs(small * gain - before).max(axis=2) > 28).mean())
        now, then = small.mean(axis=2), before.mean(axis=2)
        spread = float(now.std() * then.std())
        alike = float(((now - now.mean()) * (then - then.mean())).mean()) / spread if spread > 1 else 0.0
        return (changed > 0.55 and alike < 0.75) or (changed > 0.3 and alike < 0.45)
