"""A visual encoder without weights: it sees named colours, brightness, motion and plainness, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..video.shape import shrink
from .color_names import NAMES, name_pixels
from .color_words import LOOKS, read_query

if TYPE_CHECKING:
    from ..protocol import Frame

_SIDE = 160  # pixels of the longest side that is looked at
_ROWS, _COLUMNS = 6, 8  # cells in which a small coloured thing fills a large share
_COLORS = len(NAMES)
# A vector is blocks of square roots of shares that add up to 1, so that each block, and with them every vector, has one
# fixed length: a cosine with a query then rises with the share it names and with nothing else.
# [0, 11): share of the picture; [11, 33): largest share in a cell, and its complement; then looks and complements.
_PEAK = _COLORS
_LOOK = 3 * _COLORS
_DIM = _LOOK + 2 * len(LOOKS)
_LENGTH = math.sqrt(1 + _COLORS + len(LOOKS))


@dataclass(frozen=True, slots=True)
class FrameColors:
    """The measures of one frame; every value lies in [0, 1]."""

    shares: np.ndarray
    """[11] Share of the picture that has each colour; sums to 1."""
    peaks: np.ndarray
    """[11] Largest share that each colour has in any cell of a 6x8 grid."""
    bright: float
    """0: dark, 1: bright."""
    contrast: float
    """0: hazy, 1: full range from black to white."""
    colorful: float
    """0: black and white, 1: colour."""
    plain: float
    """Share of the picture without any texture."""
    sharp: float
    """0: blurred, 1: sharp."""
    motion: float | None
    """0: still, 1: everything changes from frame to frame; None for a single frame."""


class NamedColors:
    """Eleven colour names (whole picture and largest local share), brightness, motion and four other looks.

    Honest about what it is: it ranks clips by the looks that a query names ("a red car at night": red and dark), and
    answers None to a query that names none. `motion` compares successive frames, so give frames at one steady rate.
    """

    name = "named colours"
    dim = _DIM
    stamp = f"named-colours:{_DIM}:2"

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Float32 [n, dim] with unit rows, for successive frames of one clip."""
        rows = np.zeros((len(frames), _DIM), dtype=np.float32)
        for row, look in zip(rows, look_at(frames), strict=True):
            row[:_PEAK] = np.sqrt(look.shares)
            row[_PEAK:_LOOK:2] = np.sqrt(look.peaks)
            row[_PEAK + 1 : _LOOK : 2] = np.sqrt(1 - look.peaks)
            for index, quality in enumerate(LOOKS):
                value = getattr(look, quality)
                value = 0.5 if value is None else value  # unknown lies half-way
                row[_LOOK + 2 * index] = math.sqrt(value)
                row[_LOOK + 2 * index + 1] = math.sqrt(1 - value)
        return rows / np.float32(_LENGTH)

    def encode_query(self, query: str) -> np.ndarray | None:
        """Float32 [dim], a unit vector over the looks that the query names in English; None when it names none."""
        query_looks = read_query(query)
        if not query_looks:
            return None
        vector = np.zeros(_DIM, dtype=np.float32)
        for look, present in query_looks.items():
            if look in NAMES:
                index = NAMES.index(look)
                vector[_PEAK + 2 * index + (0 if present else 1)] += 1
                if present:
                    vector[index] += 1
            else:
                # As heavy as a colour, which has two places.
                vector[_LOOK + 2 * LOOKS.index(look) + (0 if present else 1)] += math.sqrt(2)
        return vector / np.linalg.norm(vector)

    def describe(self, frames: Sequence[Frame]) -> str | None:
        """Such as `dark; mostly blue and black, some red; little motion`; None without frames."""
        looks = look_at(frames)
        if not looks:
            return None
        bright, plain, sharp = (_mean(looks, quality) for quality in ("bright", "plain", "sharp"))
        parts = ["dark" if bright < 0.2 else "bright" if bright > 0.75 else "", _colors(looks)]
        parts.append("plain" if plain > 0.9 else "blurred" if sharp < 0.1 else "")
        if len(looks) > 1:  # a single frame has no motion
            motion = _mean(looks, "motion")
            amounts = (("still", 0.05), ("little motion", 0.4), ("motion", 0.75))
            parts.append(next((name for name, below in amounts if motion < below), "much motion"))
        return "; ".join(part for part in parts if part)


def look_at(frames: Sequence[Frame]) -> list[FrameColors]:
    """Measure successive frames of one clip; a frame that is there several times is measured once."""
    looks: list[FrameColors] = []
    small = {id(frame.image): shrink(frame.image, _SIDE) for frame in frames}
    gray = {key: image @ np.array([0.299, 0.587, 0.114], dtype=np.float32) for key, image in small.items()}
    measured = {key: _measure(image, gray[key]) for key, image in small.items()}
    luma = [gray[id(frame.image)] for frame in frames]
    for index, frame in enumerate(frames):
        # The first frame has no frame before it: it shares the motion of the second.
        motion = _difference(luma[max(index, 1) - 1], luma[max(index, 1)]) if len(luma) > 1 else None
        looks.append(replace(measured[id(frame.image)], motion=motion))
    return looks


def _measure(image: np.ndarray, luma: np.ndarray) -> FrameColors:
    height, width = luma.shape
    named = name_pixels(image)
    cells = (np.arange(height) * _ROWS // height)[:, None] * _COLUMNS + (np.arange(width) * _COLUMNS // width)[None]
    counts = np.bincount((cells * _COLORS + named).ravel(), minlength=_ROWS * _COLUMNS * _COLORS)
    counts = counts.reshape(-1, _COLORS)
    peaks = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).max(0)
    low, high = np.percentile(luma, (5, 95))
    chroma = np.percentile(image.max(2).astype(np.int16) - image.min(2), 98)
    across, down = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0))
    plain = (float((across < 2).mean()) + float((down < 2).mean())) / 2 if min(height, width) > 1 else 1.0
    edges = float(np.percentile(across, 99)) if width > 1 else 0.0
    return FrameColors(
        shares=counts.sum(0) / luma.size,
        peaks=peaks,
        bright=_ramp(float(luma.mean()), 25, 200),
        contrast=_ramp(float(high - low), 20, 200),
        colorful=_ramp(float(chroma), 8, 40),
        plain=plain,
        # Against the contrast there is: a plain wall has no edges, and is not blurred. 20 levels are noise.
        sharp=_ramp(edges / max(float(high - low), 20.0), 0.08, 0.5),
        motion=None,
    )


def _difference(before: np.ndarray, after: np.ndarray) -> float:
    """Motion in [0, 1] between two pictures; 1 when their sizes differ (the stream changed)."""
    if before.shape != after.shape:
        return 1.0
    # Noise of sensors and codecs stays near 1 level; a new scene differs by 40 and more. Between them, by ratio.
    change = float(np.abs(after - before).mean())
    return _ramp(math.log(max(change, 1e-6)), math.log(1.0), math.log(40.0))


def _mean(looks: Sequence[FrameColors], quality: str) -> float:
    return float(np.mean([getattr(look, quality) for look in looks]))


def _ramp(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _colors(looks: Sequence[FrameColors]) -> str:
    # A grey street is not a black-and-white film, and a black screen is neither.
    if max(look.colorful for look in looks) < 0.05 and _mean(looks, "contrast") > 0.15:
        return "black and white"
    shares = np.mean([look.shares for look in looks], axis=0)
    order = np.argsort(-shares)
    most = [NAMES[index] for index in order[:3] if shares[index] >= 0.15] or [NAMES[order[0]]]
    text = "mostly " + _join(most)
    # A colour that fills a cell in some frame is a thing of that colour, however small.
    peaks = np.max([look.peaks for look in looks], axis=0)
    some = [NAMES[index] for index in np.argsort(-peaks) if NAMES[index] not in most and peaks[index] >= 0.35][:3]
    return f"{text}, some {_join(some)}" if some else text


def _join(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
