"""The color of an object: shares of the eleven basic colors in the middle of its box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..encoders.color_names import NAMES, name_pixels
from ..span import Box

_MIDDLE = 0.6  # share of a box's sides that is measured: nearer to its border there is more background than object
_MOST_PIXELS = 4096  # more do not change the shares by a percent
_CHROMATIC = np.array([name not in ("black", "white", "grey") for name in NAMES])

# Thresholds settled on the cars and visitors of the videos in docs/results.md. Shine makes red paint pink, shade makes
# white paint grey: where there is this ratio of the second to the first, the first is counted as the second.
_GLOSS = (("pink", "red", 0.25), ("grey", "white", 0.6))
_HUE_SHARE, _HUE_RATIO = 0.3, 0.6  # of all pixels, and of the commonest color: a hue wins over glass, glints and shade

# Sheen and shade change a color into these, most often the first.
_SIMILAR = {
    "red": ("pink", "brown", "orange"), "pink": ("red", "purple"), "orange": ("red", "brown", "yellow"),
    "yellow": ("orange", "brown"), "brown": ("orange", "red"), "white": ("grey",), "grey": ("white", "black"),
    "black": ("grey",), "blue": ("purple",), "purple": ("blue", "pink"),
}  # fmt: skip


def similar_colors(color: str) -> tuple[str, ...]:
    """The colors that a track of something of this color may have: itself, and what light makes of it."""
    return (color, *_SIMILAR.get(color, ()))


def color_shares(image: np.ndarray, box: Box) -> np.ndarray:
    """Share of each color `[11]` in the middle of a box of an RGB picture `[H, W, 3]`."""
    height, width = image.shape[:2]
    across, down = (1 - _MIDDLE) / 2 * (box.right - box.left), (1 - _MIDDLE) / 2 * (box.bottom - box.top)
    left, right = int((box.left + across) * width), int(np.ceil((box.right - across) * width))
    top, bottom = int((box.top + down) * height), int(np.ceil((box.bottom - down) * height))
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    step = max(1, int(np.sqrt(part.shape[0] * part.shape[1] / _MOST_PIXELS)))
    counts = np.bincount(name_pixels(part[::step, ::step]).reshape(-1), minlength=len(NAMES))
    return np.asarray(counts / max(counts.sum(), 1), dtype=np.float64)


def color_name(shares: Sequence[float]) -> str:
    """The color that most of it has; a strong hue wins over the black, white and grey of glass, glints and shade."""
    found = np.array(shares, dtype=float)
    for light, pure, ratio in _GLOSS:
        one, other = NAMES.index(light), NAMES.index(pure)
        if found[other] > ratio * found[one]:
            found[other] += found[one]
            found[one] = 0
    hues = np.where(_CHROMATIC, found, 0)
    best = int(hues.argmax())
    if hues[best] > _HUE_SHARE and hues[best] > _HUE_RATIO * found.max():
        return NAMES[best]
    return NAMES[int(found.argmax())]


def color_similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """The share of color that two objects have in common, 0 to 1; 1 where either was not measured."""
    if not len(one) or not len(other):
        return 1.0
    return float(np.minimum(one, other).sum())
