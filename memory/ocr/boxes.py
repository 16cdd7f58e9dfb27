"""From a map of text probabilities to upright cut-outs of the lines."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ..span import Box

_CELL = 32
_SURE, _KEPT = 0.3, 0.45
_GROWTH = 1.6
_MOST = 200


@dataclass(frozen=True, slots=True)
class Patch:
    """A turned rectangle that holds one line: centre, size (along the line first) and angle, in pixels and degrees."""

    x: float
    y: float
    width: float
    height: float
    angle: float
    score: float

    def grown(self, by: float) -> Patch:
        """The same patch with `by` pixels more on every side (fewer when negative)."""
        width, height = max(2.0, self.width + 2 * by), max(2.0, self.height + 2 * by)
        return Patch(self.x, self.y, width, height, self.angle, self.score)

    def upright(self) -> Patch:
        """The smallest patch without a turn that holds this one."""
        corners = self.corners()
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return Patch((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, 0.0, self.score)

    def part(self, top: float, bottom: float) -> Patch:
        """The rows between two fractions of the height."""
        shift = ((top + bottom) / 2 - 0.5) * self.height
        turn = math.radians(self.angle)
        x, y = self.x - shift * math.sin(turn), self.y + shift * math.cos(turn)
        return Patch(x, y, self.width, self.height * (bottom - top), self.angle, self.score)

    def corners(self) -> np.ndarray:
        """`[4, 2]` float64: top left, top right, bottom right, bottom left along the line."""
        turn = math.radians(self.angle)
        along = np.array([math.cos(turn), math.sin(turn)]) * self.width / 2
        across = np.array([-math.sin(turn), math.cos(turn)]) * self.height / 2
        center = np.array([self.x, self.y])
        return np.stack([center - along - across, center + along - across, center + along + across,
                         center - along + across])  # fmt: skip

    def box(self, width: int, height: int) -> Box:
        """Its upright bounds as fractions of a picture of `width` x `height` pixels."""
        corners = self.corners() / (width, height)
        (left, top), (right, bottom) = corners.min(axis=0).clip(0, 1), corners.max(axis=0).clip(0, 1)
        return Box(float(left), float(top), float(right), float(bottom))


def fit(image: np.ndarray, scale: float) -> np.ndarray:
    """`image` scaled by about `scale`, both sides made multiples of 32 as the detector needs."""
    height, width = (max(_CELL, round(side * scale / _CELL) * _CELL) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=smooth)


def patches(probability: np.ndarray, width: int, height: int) -> list[Patch]:
    """Patches around every blob of text, in pixels of the picture of `width` x `height` that the map belongs to.

    A blob marks the core of its line; the line is the blob grown by a share of its own size.
    """
    mask = cv2.dilate((probability > _SURE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    across, down = width / probability.shape[1], height / probability.shape[0]
    found = []
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_MOST]:
        (x, y), (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < 2.5:
            continue
        score = _inside(probability, contour)
        if score < _KEPT:
            continue
        w, h = w + 1, h + 1
        grown = w * h * _GROWTH / (2 * (w + h))
        w, h = w + 2 * grown, h + 2 * grown
        angle = angle % 180
        # Text runs along the side that is closest to level.
        if 45 < angle <= 135:
            w, h, angle = h, w, angle - 90
        elif angle > 135:
            angle -= 180
        found.append(Patch(x * across, y * down, w * across, h * down, angle, score))
    return found


def _inside(probability: np.ndarray, contour: np.ndarray) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - (left, top)], 1)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])


def cut(image: np.ndarray, patch: Patch, turns: int = 0) -> np.ndarray:
    """The patch's pixels, upright; `turns` quarter turns counter-clockwise for text that stands on end."""
    corners = patch.corners().astype(np.float32)
    width, height = max(4, round(patch.width)), max(4, round(patch.height))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(corners, target)
    crop = cv2.warpPerspective(image, warp, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.rot90(crop, turns)) if turns else crop
