"""What a trail did, in words: direction, where it came from and went, and its colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..memory.encoders.colour_names import NAMES
from ..memory.spans import Span
from .motion_blobs import centre, size
from .motion_merge import EDGES, colours, crossed
from .motion_tracks import Trail

Array = np.ndarray[Any, Any]

_CHROMATIC = np.array([name not in ("black", "white", "grey") for name in NAMES])

# Shine makes red paint pink, shade makes white paint grey: with enough of the second, the first is a part of it.
_GLOSS = (("pink", "red", 0.25), ("grey", "white", 0.6))


def colour(trail: Trail) -> str:
    """The name that most of its pixels have; a strong hue wins over the black, white and grey of glass and glints."""
    shares = colours([look for look in trail.looks if not look.blob.shared] or trail.looks)
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
    centres = np.array([centre(look.blob.box) for look in looks]) / width
    begin, finish = centres[:few].mean(0), centres[-few:].mean(0)
    across, down = finish - begin
    farthest = float(np.hypot(*(centres - begin).T).max())
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
    from .motion_merge import touched

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
    """How sure it is that this is one object: seen clearly, without gaps, for long enough, crossing a border."""
    looks = trail.looks
    length = looks[-1].time - looks[0].time
    clear = float(np.mean([look.blob.confidence > 0.5 for look in looks]))
    seen = min(1.0, len(looks) / (1 + length * fps))
    border = sum(crossed(trail, shape, first=first) is not None for first in (True, False)) / 2
    return float(round(0.15 + 0.25 * clear + 0.25 * seen + 0.15 * border + 0.2 * min(1.0, length / 1.5), 2))
