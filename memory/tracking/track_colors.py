"""The colour of an object: shares of the eleven basic colours in the middle of its box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..encoders.color_names import NAMES, name_pixels
from ..span import Box

_MIDDLE = 0.6  # of a box's sides: round the edges there is more background than object
_CHROMATIC = np.array([name not in ("black", "white", "grey") for name in NAMES])


# Shine makes red paint pink, shade makes white paint grey: with enough of the second, the first is a part of it.
_GLOSS = (("pink", "red", 0.25), ("grey", "white", 0.6))

# Sheen and shade change a color into these, most often the first.
_NEAR = {
    "red": ("pink", "brown", "orange"), "pink": ("red", "purple"), "orange": ("red", "brown", "yellow"),
    "yellow": ("orange", "brown"), "brown": ("orange", "red"), "white": ("grey",), "grey": ("white", "black"),
    "black": ("grey",), "blue": ("purple",), "purple": ("blue", "pink"),
}  # fmt: skip


def may_look(color: str) -> tuple[str, ...]:
    """The colors that a track of something of this color may be told to have: itself, and what light makes of it."""
    return (color, *_NEAR.get(color, ()))


def shares(image: np.ndarray, box: Box) -> np.ndarray:
    """Share of each colour `[11]` in the middle of a box of an RGB picture `[H, W, 3]`."""
    height, width = image.shape[:2]
    across, down = (1 - _MIDDLE) / 2 * (box.right - box.left), (1 - _MIDDLE) / 2 * (box.bottom - box.top)
    left, right = int((box.left + across) * width), int(np.ceil((box.right - across) * width))
    top, bottom = int((box.top + down) * height), int(np.ceil((box.bottom - down) * height))
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    # A few thousand pixels are plenty.
    step = max(1, int(np.sqrt(part.shape[0] * part.shape[1] / 4096)))
    counts = np.bincount(name_pixels(part[::step, ::step]).reshape(-1), minlength=len(NAMES))
    return np.asarray(counts / max(counts.sum(), 1), dtype=np.float64)


def name_of(seen: Sequence[float]) -> str:
    """The colour that most of it has; a strong hue wins over the black, white and grey of glass, glints and shade."""
    found = np.array(seen, dtype=float)
    for light, pure, enough in _GLOSS:
        one, other = NAMES.index(light), NAMES.index(pure)
        if found[other] > enough * found[one]:
            found[other] += found[one]
            found[one] = 0
    hues = np.where(_CHROMATIC, found, 0)
    best = int(hues.argmax())
    if hues[best] > 0.3 and hues[best] > 0.6 * found.max():
        return NAMES[best]
    return NAMES[int(found.argmax())]


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    """How much two objects' colours have in common, 0 to 1; 1 where either was not looked at."""
    if not len(one) or not len(other):
        return 1.0
    return float(np.minimum(one, other).sum())
