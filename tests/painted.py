"""A detector of painted rectangles, and videos of them with known truth: what a YOLO does, without its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from rewatch.memory import Box
from rewatch.memory.tracking.detector import LEAST, Detection

WIDTH, HEIGHT, FPS = 320, 180, 8
Way = Callable[[float], tuple[float, float] | None]
COLORS = {"person": (30, 60, 210), "dog": (30, 170, 50), "car": (210, 30, 30)}


class Painted:
    """Blue is a person, green a dog, red a car. Counts the pictures that it was shown."""

    name = "painted"
    open_vocabulary = False

    def __init__(self, stamp: str = "painted 1") -> None:
        self.stamp = stamp
        self.labels = tuple(COLORS)
        self.looked = 0

    def detect(
        self, images: Sequence[np.ndarray], *, labels: Sequence[str] | None = None, least: float = LEAST
    ) -> list[list[Detection]]:
        self.looked += len(images)
        return [[one for label in labels or self.labels for one in _find(image, label)] for image in images]


def _find(image: np.ndarray, label: str) -> list[Detection]:
    off = np.abs(image.astype(int) - COLORS[label]).max(axis=2) if label in COLORS else np.full(image.shape[:2], 255)
    count, _, stats, _ = cv2.connectedComponentsWithStats((off < 60).astype(np.uint8))
    height, width = image.shape[:2]
    return [
        Detection(label, 0.9, Box(left / width, top / height, (left + wide) / width, (top + high) / height))
        for left, top, wide, high, area in stats[1:count]
        if area > 60
    ]


def write(path: Path, seconds: float, things: Sequence[tuple[str, Way]]) -> Path:
    """A video of rectangles: each thing gives its centre in pixels at a time, None where it is not there."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(seconds * FPS)):
            picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
            for label, where in things:
                at = where(number / FPS)
                if at is not None:
                    x, y = round(at[0]), round(at[1])
                    picture[max(y - 24, 0) : max(y + 24, 0), max(x - 12, 0) : max(x + 12, 0)] = COLORS[label]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def across(start: float, end: float, y: float = 90, *, back: bool = False) -> Way:
    """Through the picture from left to right (or back) between two times."""

    def where(time: float) -> tuple[float, float] | None:
        if not start <= time < end:
            return None
        share = (time - start) / (end - start)
        return (WIDTH * (1 - share if back else share), y)

    return where
