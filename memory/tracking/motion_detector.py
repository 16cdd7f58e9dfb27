"""A detector without weights: boxes of whatever stands out against a learned background, by OpenCV's MOG2.

MOG2 (Zivkovic, ICPR 2004) takes for background what a pixel shows for most of the time. Somebody who stays at one place
would be background then, so the picture that it learns is mended first: where a sample frame differs from it, the one
of the two with an edge along the outline of the difference is the one that holds an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ..encoders.color_names import NAMES, name_pixels
from ..span import Box
from .detector import LEAST, Detection

Array = np.ndarray[Any, Any]

# Settled on benchmarks/moving_objects.py and the videos in docs/results.md.
_SMALL = np.ones((3, 3), np.uint8)
_LEAST_AREA = 1 / 2500  # of the picture: less is noise
_REACH = 1 / 45  # of the width: pieces that are nearer are one object
_CLEAR, _FAINT = 0.9, 0.2  # scores of objects of at least twice that area, and of smaller ones
_FLICKER_RATE = 0.1  # learning rate at which the samples teach how much each pixel of the background flickers
_LEAST_VARIANCE = 25.0  # gray levels squared; MOG2's 4 marks asphalt as foreground when the exposure changes
_SHADOW = 0.7  # darkest that a shadow makes the background; MOG2's 0.5 takes a gray shirt before a white wall for one
_CLEAR_OUTLINE = 0.3  # sum of log ratios of edge strengths from which the samples outvote the learned picture


class MotionDetector:
    """Finds what moved, or will move, before a still camera.

    Args:
        samples: `[H, W, 3]` uint8 RGB frames of that camera, in time order.
    """

    name = "motion"
    stamp = "motion mog2 1"
    labels: tuple[str, ...] = ()
    open_vocabulary = False

    def __init__(self, samples: Sequence[Array]) -> None:
        model = _subtractor()
        for sample in samples:
            model.apply(sample)
        picture = np.asarray(model.getBackgroundImage())
        samples = [match_exposure(sample, picture) for sample in samples]
        for _ in range(2):
            picture = _without_objects(picture, samples)
        self.background = picture
        self._model = _subtractor(picture)
        self._model.setVarMin(_LEAST_VARIANCE)
        for sample in samples:  # how much each pixel of the background flickers
            hidden = _foreground(self._model, sample)[..., None] > 0
            self._model.apply(
                cv2.GaussianBlur(np.where(hidden, picture, sample), (3, 3), 0), learningRate=_FLICKER_RATE
            )

    def detect(
        self, images: Sequence[Array], *, labels: Sequence[str] | None = None, least: float = LEAST
    ) -> list[list[Detection]]:
        """Return what stands out in each picture `[H, W, 3]` uint8 RGB, without a label; see `Detector`."""
        return [self._objects(image) for image in images]

    def _objects(self, image: Array) -> list[Detection]:
        mask = _foreground(self._model, match_exposure(image, self.background))
        height, width = mask.shape
        reach = max(3, round(width * _REACH))
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
        found = []
        for (rows, columns), region in _regions(joined):
            own = np.bitwise_and(region, mask[rows, columns])
            area = int(own.sum()) / (height * width)
            if area >= _LEAST_AREA:
                inner = cv2.erode(own, _SMALL, borderValue=0)  # the border is mixed with the background
                names = name_pixels(image[rows, columns])[(inner if inner.any() else own) > 0]
                shares = np.bincount(names, minlength=len(NAMES)) / len(names)
                box = Box(columns.start / width, rows.start / height, columns.stop / width, rows.stop / height)
                found.append(Detection("", _CLEAR if area >= 2 * _LEAST_AREA else _FAINT, box, tuple(shares.tolist())))
        return found


def match_exposure(image: Array, reference: Array) -> Array:
    """Scale a picture, per channel, to the brightness that most of it has in `reference`."""
    now, then = (one[::4, ::4].reshape(-1, 3).astype(np.float32) for one in (image, reference))
    gains = []
    for channel in range(3):
        usable = (np.minimum(now, then)[:, channel] > 12) & (np.maximum(now, then)[:, channel] < 245)  # not clipped
        ratios = then[usable, channel] / now[usable, channel]
        gains.append(float(np.clip(np.median(ratios), 0.4, 2.5)) if len(ratios) > 50 else 1.0)
    table = np.clip(np.arange(256)[None, :, None] * np.array(gains), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table))


def _subtractor(picture: Array | None = None) -> Any:
    """MOG2 in which only the commonest surface of a pixel is background: that of `picture`, if it is given."""
    model = cv2.createBackgroundSubtractorMOG2()
    model.setBackgroundRatio(0.1)
    model.setComplexityReductionThreshold(0)  # it drops every surface of some pixels, which become black
    model.setShadowThreshold(_SHADOW)
    if picture is not None:
        model.apply(picture, learningRate=1)
    return model


def _foreground(model: Any, image: Array) -> Array:
    """The pixels `[H, W]` uint8 0/1 that are neither background nor its shadow."""
    mask = model.apply(cv2.GaussianBlur(image, (3, 3), 0), learningRate=0) == 255  # MOG2 marks shadows 127
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, _SMALL))


def _without_objects(picture: Array, samples: Sequence[Array]) -> Array:
    """Replace regions of a learned picture that hold an object by samples that do not."""
    model = _subtractor(picture)
    edges = _edges(picture)
    votes = np.zeros(picture.shape[:2], np.float32)
    weights = np.full(picture.shape[:2], 1e-6, np.float32)
    total = np.zeros(picture.shape, np.float32)
    least = _LEAST_AREA * votes.size
    for sample in samples:
        mask = cv2.morphologyEx(_foreground(model, sample), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        sample_edges = _edges(sample)
        for window, region in _regions(mask, margin=3):
            if region.sum() < least:
                continue
            ours, theirs = _outline_strength(edges[window], region), _outline_strength(sample_edges[window], region)
            lean = float(np.clip(np.log((ours + 2) / (theirs + 2)), -1.5, 1.5))
            votes[window] += lean * region
            if lean > 0:
                weight = cv2.dilate(region, np.ones((5, 5), np.uint8)) * np.float32(lean)
                weights[window] += weight
                total[window] += weight[..., None] * sample[window]
    replaced = (cv2.blur(votes, (5, 5)) > _CLEAR_OUTLINE) & (weights > 1e-3)
    return np.where(replaced[..., None], total / weights[..., None], picture).astype(np.uint8)


def _regions(mask: Array, margin: int = 0) -> list[tuple[tuple[slice, slice], Array]]:
    """The connected regions of a mask: a window with so many pixels of room, and the region in it (0/1)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[label])
        window = (
            slice(max(top - margin, 0), min(top + height + margin, mask.shape[0])),
            slice(max(left - margin, 0), min(left + width + margin, mask.shape[1])),
        )
        found.append((window, (labels[window] == label).astype(np.uint8)))
    return found


def _edges(image: Array) -> Array:
    across, down = (cv2.convertScaleAbs(cv2.Sobel(image, cv2.CV_16S, *axis), alpha=1 / 8) for axis in ((1, 0), (0, 1)))
    return np.asarray(cv2.add(across, down).max(axis=2))


def _outline_strength(edges: Array, region: Array) -> float:
    """Mean edge strength on the outline of a region (both `[h, w]`)."""
    ring = cv2.morphologyEx(region, cv2.MORPH_GRADIENT, _SMALL) > 0
    return float(cv2.dilate(edges, _SMALL)[ring].mean()) if ring.any() else 0.0
