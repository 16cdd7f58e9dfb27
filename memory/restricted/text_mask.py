"""Covering what is written in pictures, or all but that."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..span import Box
from ..types import Text

_AROUND = 1.0  # seconds by which the index may be off about when a text stands
_PASSES = 3  # of looking for text: some is seen only once what stands beside it is covered
_KEPT = 4096  # pictures of which the places are kept
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
        from ..ocr.shared import shared_reader

        self._known = [(text.start, text.end, _boxes(text)) for text in texts]
        self._inverse = inverse
        self._reader = shared_reader()
        self._found: OrderedDict[tuple[Any, ...], list[Box]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, image: np.ndarray, time: float) -> np.ndarray:
        """Return a covered copy of a picture `[H, W, 3]` uint8 RGB that is on screen at `time` (seconds)."""
        boxes = self._boxes_in(image, self._at(time))
        return _kept(image, boxes) if self._inverse else _covered(image, boxes)

    def _boxes_in(self, image: np.ndarray, known: list[Box]) -> list[Box]:
        """What is to be covered; equal pictures, of which tools ask for many again, are looked at once."""
        key = (hashlib.sha256(image.tobytes()).digest(), image.shape, *known)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        boxes, covered = list(known), _covered(image, known)
        for _ in range(_PASSES):
            found = self._reader.places(covered)
            if not found:
                break
            boxes += found
            covered = _covered(covered, found)
        with self._lock:
            self._found[key] = boxes
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return boxes

    def _at(self, time: float) -> list[Box]:
        return [box for start, end, boxes in self._known if start - _AROUND <= time <= end + _AROUND for box in boxes]


def _boxes(text: Text) -> list[Box]:
    rows = text.data.get("lines") or [text.data]
    return [Box(*row["box"]) for row in rows if "box" in row]


def _covered(image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    covered = image.copy()
    for rows, columns in (_place(box, image.shape) for box in boxes):
        covered[rows, columns] = np.median(image[rows, columns], axis=(0, 1))
    return covered


def _kept(image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    kept = np.zeros_like(image)
    for rows, columns in (_place(box, image.shape) for box in boxes):
        kept[rows, columns] = image[rows, columns]
    return kept


def _place(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of a box with its margin; at least one pixel."""
    height, width = shape[:2]
    margin = _MARGIN * (box.bottom - box.top) * height
    top, left = (max(0, math.floor(low - margin)) for low in (box.top * height, box.left * width))
    bottom, right = (math.ceil(high + margin) for high in (box.bottom * height, box.right * width))
    top, left = min(top, height - 1), min(left, width - 1)
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))
