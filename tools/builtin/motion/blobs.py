"""Blobs: the connected things that stand out in one frame, and the geometry of boxes `[left, top, right, bottom]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .background import Foreground

Array = np.ndarray[Any, Any]

PAINTS = 512  # 8 levels each of R, G, B
SURE, FAINT = 0.9, 0.3


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a blob is made of, while its frame is looked at: `own` [h, w] bool, `names` and `paints` [h, w] indices."""

    own: Array
    names: Array
    paints: Array


@dataclass(slots=True)
class Blob:
    """One thing in one frame: `box` [4] and `area` in pixels, `colors` [11] pixels per colour name."""

    box: Array
    area: float
    colors: Array
    confidence: float
    shared: bool = False  # its place is a guess inside a larger blob that several objects make together
    pieces: bool = False  # put together from pieces that stand apart
    pixels: Pixels | None = None

    def paint(self) -> Array | None:
        """Share of each fine colour, `[PAINTS]`; None when the pixels are gone."""
        if self.pixels is None:
            return None
        counts = np.bincount(self.pixels.paints[self.pixels.own], minlength=PAINTS)
        return np.asarray(counts / max(counts.sum(), 1), np.float32)


def find_blobs(foreground: Foreground, image: Array, tolerance: Array) -> list[Blob]:
    """Connected things in a foreground; pieces a few pixels apart count as one.

    Args:
        foreground: of the frame.
        image: `[H, W, 3]` uint8, the frame as it was seen: its colours are the ones people name.
        tolerance: `[H, W]` uint8 of the background.
    """
    import cv2

    from ....memory.encoders.color_names import NAMES, name_pixels

    mask = foreground.mask
    height, width = mask.shape
    reach = max(3, width // 45)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    core = cv2.erode(mask, np.ones((3, 3), np.uint8))
    least = height * width / 2500
    blobs = []
    for label in range(1, number):
        left, top, wide, high, _ = (int(value) for value in stats[label])
        window = (slice(top, top + high), slice(left, left + wide))
        own = (labels[window] == label) & (mask[window] > 0)
        area = int(own.sum())
        if area < least:
            continue
        seen = image[window]
        level = foreground.image[window].astype(np.uint16) >> 5  # in one exposure, so that paint stays the same
        pixels = Pixels(own, name_pixels(seen), level[..., 0] << 6 | level[..., 1] << 3 | level[..., 2])
        inner = own & (core[window] > 0)
        colors = np.bincount(pixels.names[inner if inner.sum() > 8 else own], minlength=len(NAMES))
        excess = float((foreground.difference[window][own].astype(np.float32) / tolerance[window][own]).mean())
        sure = area >= 2 * least and excess > 1.25
        box = np.array([left, top, left + wide, top + high], float)
        blobs.append(Blob(box, area, colors, SURE if sure else FAINT, pixels=pixels))
    return blobs


def merged(blobs: list[Blob]) -> Blob:
    """One blob out of several pieces of a thing."""
    boxes = np.array([blob.box for blob in blobs])
    return Blob(
        np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)]),
        sum(blob.area for blob in blobs),
        np.sum([blob.colors for blob in blobs], axis=0),
        max(blob.confidence for blob in blobs),
        shared=all(blob.shared for blob in blobs),
        pieces=True,
    )


def center(box: Array) -> Array:
    """Middle `[2]` of a box `[4]`."""
    return (box[:2] + box[2:]) / 2


def size(box: Array) -> float:
    """Area of a box."""
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def overlap(one: Array, other: Array) -> float:
    """Area that two boxes share."""
    return size(np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])]))


def gap(one: Array, other: Array) -> float:
    """Distance between two boxes; 0 when they touch."""
    apart = np.maximum(np.maximum(one[:2] - other[2:], other[:2] - one[2:]), 0)
    return float(np.hypot(*apart))


def wider(box: Array, share: float = 0.4) -> Array:
    """The box grown on each side by a share of its extent."""
    room = np.array([box[2] - box[0], box[3] - box[1]]) * share
    return np.concatenate([box[:2] - room, box[2:] + room])
