"""The eleven basic colour names of English, given to pixels by the nearest of some known shades in CIELAB."""

from __future__ import annotations

from functools import cache

import numpy as np

NAMES = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

# Shades that people call by each name, as sRGB hex: the pure one, then dark, light, dull and neighbouring ones, so that
# the borders between the names fall where people put them.
_SHADES = {
    "black": "000000 0d0d0d 1a1a1a 14100e 0d1014",
    "white": "ffffff f5f5f5 ececec fffaf0 f0f8ff f0fff0 fff5ee",
    "grey": "303030 404040 555555 6e6e6e 808080 949494 a9a9a9 bebebe cfcfcf 6b7076 767069 9aa3ab a8a29a 4a4d50 4d4a47",
    "red": "ff0000 e50000 cc1020 b22222 a01010 8b0000 6b0010 dc143c d9381e c04040 be0119 9b1b30",
    "orange": "ff8000 ffa500 ff7f11 f06a10 e8710a d2691e ff6a28 ffb060 f4a030 c85a12 ff9a55",
    "yellow": "ffff00 ffe000 ffd000 f0e040 ffff80 fff5a0 e6c800 d0c020 f7e98e e8d060 c8b410",
    "green": "00ff00 00a000 008000 005000 003a10 2e8b57 6b8e23 556b2f 90ee90 7fbf5f a0c060 b8e060 40806a 8fae90"
    " 20b090 00c080 5f7f5f c8f0c0 455a40 9acd32 808000 98a008 a8b504",
    "blue": "0000ff 0040c0 0000a0 000060 001540 1e90ff 4682b4 87ceeb add8e6 5f8fbf 00bfff 007090 40c0e0 6f8fb0 90b0d0"
    " 304f7f 2f4560 008b9b c8e4f4 6070ff",
    "purple": "800080 6a0dad 4b0082 9932cc 8a2be2 9370db b08ad8 5a2a6a 300040 7f5a8f c8a2e0 a040a0 704070 d6c4f0",
    "pink": "ff69b4 ffc0cb ff1493 f08fb0 e75480 ffa0b4 f4c2c2 ff80ff e090b0 d87093 ffb6c1 ff00c0 f8d0e0 d8a0b0 fa8090",
    "brown": "8b4513 654321 5a3010 3b2010 a0522d 7b5030 8f6a45 a07850 6f4e37 b08050 c09a6b 4f3a2a 806550 9c7a5a 5c4a3a",
}
_LEVELS = 32  # steps of each of R, G, B in the table


@cache
def _table() -> np.ndarray:
    """Index into `NAMES` [32, 32, 32] uint8 for each quantised RGB."""
    shades = [(name, code) for name, codes in _SHADES.items() for code in codes.split()]
    shade_lab = _lab(np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for _, code in shades], dtype=np.float32))
    names = np.array([NAMES.index(name) for name, _ in shades], dtype=np.uint8)
    centers = (np.arange(_LEVELS, dtype=np.float32) + 0.5) * (256 / _LEVELS)
    grid = np.stack(np.meshgrid(centers, centers, centers, indexing="ij"), axis=-1).reshape(-1, 3)
    pixels = _lab(grid)  # [32768, 3]
    distances = (pixels**2).sum(1)[:, None] - 2 * pixels @ shade_lab.T + (shade_lab**2).sum(1)[None]
    return np.asarray(names[distances.argmin(1)].reshape(_LEVELS, _LEVELS, _LEVELS))


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB [n, 3] of sRGB [n, 3] in 0..255; lightness counts less than hue and chroma when shades are compared."""
    import cv2

    lab = cv2.cvtColor((rgb / 255).reshape(1, -1, 3).astype(np.float32), cv2.COLOR_RGB2LAB)[0]
    return np.asarray(lab * np.array([0.7, 1.0, 1.0], dtype=np.float32))


def name_pixels(image: np.ndarray) -> np.ndarray:
    """Index into `NAMES` [H, W] uint8 for each pixel of an RGB picture [H, W, 3] uint8."""
    step = image >> 3  # 256 / 32 levels
    named: np.ndarray = _table()[step[..., 0], step[..., 1], step[..., 2]]
    return named
