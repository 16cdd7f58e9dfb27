"""What a trail did, in words: direction, where it came from and went, and its colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....memory.encoders.color_names import NAMES
from ....memory.span import Span
from .blobs import center, size
from .merge import EDGES, colors, crossed, touched
from .tracks import Trail, traveled

Array = np.ndarray[Any, Any]

_CHROMATIC = np.array([name not in ("black", "white", "grey") for name in NAMES])

# Shine makes red paint pink, shade makes white paint grey: with enough of the second, the first is a part of it.
_GLOSS = (("pink", "red", 0.25), ("grey", "white", 0.6))


def color(trail: Trail) -> str:
    """The name that most of its pixels have; a strong hue wins over the black, white and grey of glass and glints."""
    shares = colors([look for look in trail.looks if not look.blob.shared] or trail.looks)
    for light, pure, enough in _GLOSS:
        one, other = NAMES.index(light), NAMES.index(pure)
        if shares[other] > enough * shares[one]:
            shares[other] += shares[one]
            shares[one] = 0
    hues = np.where(_CHROMATIC, shares, 0)
    hue = int(hues.argmax())
    if shares[hue] > 0.3 and shares[hue] > 0.6 * shares.max():
        return NAMES[hue]
    return NAMES[int(shares.argmax())]


def direction(trail: Trail, shape: tuple[int, int]) -> str:
    """Where it goes, seen from the camera."""
    height, width = shape
    looks = trail.looks
    few = max(1, min(4, len(looks) // 4))
    centers = np.array([center(look.blob.box) for look in looks]) / width
    begin, finish = centers[:few].mean(0), centers[-few:].mean(0)
    across, down = finish - begin
    farthest = float(np.hypot(*(centers - begin).T).max())
    net = float(np.hypot(across, down))
    growth = _growth(trail, shape)
    extent = np.sqrt(np.median([size(look.blob.box) for look in looks])) / width
    if abs(np.log(growth)) > np.log(1.8) and net < 0.8 * extent:
        return "towards the camera" if growth > 1 else "away from the camera"
    if farthest < max(0.05, 0.25 * extent):
        return "stays"
    if net < 0.4 * farthest:
        return "there and back"
    if abs(across) >= abs(down):
        return "left to right" if across > 0 else "right to left"
    return "downwards" if down > 0 else "upwards"


def _growth(trail: Trail, shape: tuple[int, int]) -> float:
    """Ratio of the areas late and early, from looks in which it is wholly in the picture."""
    whole = [size(k.blob.box) for k in trail.looks if not k.blob.shared and not touched(k.blob.box, shape)]
    if len(whole) < 6:
        return 1.0
    third = len(whole) // 3
    return float(np.median(whole[-third:]) / max(np.median(whole[:third]), 1.0))


def way_in(trail: Trail, shape: tuple[int, int], shot: Span) -> str:
    """Where it came from."""
    if trail.looks[0].time <= shot.start + 0.2:
        return "in view at the start"
    edge = crossed(trail, shape, first=True)
    return "inside" if edge is None else EDGES[edge]


def way_out(trail: Trail, shape: tuple[int, int], shot: Span, step: float) -> str:
    """Where it went."""
    if trail.looks[-1].time >= shot.end - step - 0.2:
        return "in view at the end"
    edge = crossed(trail, shape, first=False)
    return "inside" if edge is None else EDGES[edge]


def confidence(trail: Trail, shape: tuple[int, int], fps: float) -> float:
    """How sure it is that this is one moving object.

    It should be seen clearly, without gaps, for long enough, go somewhere, cross a border, and keep its size.
    """
    looks = trail.looks
    length = looks[-1].time - looks[0].time
    free = [look.blob for look in looks if not look.blob.shared] or [look.blob for look in looks]
    clear = float(np.mean([blob.confidence > 0.5 for blob in free]))
    seen = min(1.0, len(looks) / (1 + length * fps))
    border = sum(crossed(trail, shape, first=first) is not None for first in (True, False)) / 2
    extent = float(np.sqrt(np.median([size(blob.box) for blob in free])))
    moved = min(1.0, traveled(looks) / max(extent, 1.0))
    areas = [blob.area for blob in free if not touched(blob.box, shape)]
    low, middle, high = np.percentile(areas, (25, 50, 75)) if len(areas) >= 5 else (1.0, 1.0, 1.0)
    unsteady = min(1.0, float(high - low) / max(float(middle), 1.0))
    score = 0.2 * clear + 0.2 * seen + 0.15 * border + 0.15 * min(1.0, length / 1.5) + 0.3 * moved - 0.3 * unsteady
    return round(float(np.clip(score, 0.05, 1.0)), 2)
