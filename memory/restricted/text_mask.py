"""Covering what is written in pictures, or all but that."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..span import Box
from ..types import Text

_AROUND = 1.0  # seconds by which the index may be off about when a text stands
_MARGIN = 0.25  # of a place's height, on each side: letters reach beyond what detectors mark


class TextMask:
    """Covers the places of text in pictures of one video: those that the index knows, and those that are found now.

    Args:
        texts: the rows of `screen_text` that are known.
        inverse: cover everything else instead.

    Raises:
        CapabilityError: if the detector of text is not installed.
    """

    def __init__(self, texts: Sequence[Text], *, inverse: bool) -> None:
        from ..ocr.reader import shared_reader

        self._known = [(text.start, text.end, _boxes(text)) for text in texts]
        self._inverse = inverse
        self._reader = shared_reader()

    def __call__(self, image: np.ndarray, time: float) -> np.ndarray:
        """Return a covered copy of a picture `[H, W, 3]` uint8 RGB that is on screen at `time` (seconds)."""
        height, width = image.shape[:2]
        covered = np.zeros_like(image) if self._inverse else image.copy()
        for box in (*self._at(time), *self._reader.places(image)):
            margin = _MARGIN * (box.bottom - box.top) * height
            left, top = max(0, math.floor(box.left * width - margin)), max(0, math.floor(box.top * height - margin))
            right, bottom = math.ceil(box.right * width + margin), math.ceil(box.bottom * height + margin)
            place = image[top:bottom, left:right]
            if not place.size:
                continue
            covered[top:bottom, left:right] = place if self._inverse else np.median(place, axis=(0, 1))
        return covered

    def _at(self, time: float) -> list[Box]:
        return [box for start, end, boxes in self._known if start - _AROUND <= time <= end + _AROUND for box in boxes]


def _boxes(text: Text) -> list[Box]:
    rows = text.data.get("lines") or [text.data]
    return [Box(*row["box"]) for row in rows if "box" in row]
