"""The `Detector` interface, and what detectors find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ..span import Box

LEAST = 0.25
"""Score from which a detection is reported: ultralytics' default. Trackers also use weaker ones, as ByteTrack does."""
WEAK = 0.1
"""Lowest score that a tracker uses: the low threshold of ByteTrack (arXiv 2110.06864)."""
_SAME_OBJECT = 0.6  # IoU from which two detections of one frame are one object; ultralytics suppresses from 0.7 a label


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one picture: its label, the score of that (0 to 1), and its place."""

    label: str
    score: float
    box: Box
    colors: tuple[float, ...] = ()
    """Share of each basic color, from detectors that know the object's pixels."""


@dataclass(frozen=True, slots=True)
class MergedDetection:
    """One object in one picture, with the score of every label that it was given."""

    box: Box
    score: float
    votes: dict[str, float]
    colors: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """The label with the highest score."""
        return max(self.votes, key=lambda label: self.votes[label])


@runtime_checkable
class Detector(Protocol):
    """Finds objects in pictures. Any object with these may be given wherever a detector is taken."""

    @property
    def name(self) -> str:
        """Return what people call it."""

    @property
    def stamp(self) -> str:
        """Name, version and content of the weights: two detectors with one stamp find the same."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows."""

    @property
    def open_vocabulary(self) -> bool:
        """True if it can be asked for labels that are not among `labels`."""

    def detect(
        self, images: Sequence[np.ndarray], *, labels: Sequence[str] | None = None, least: float = LEAST
    ) -> list[list[Detection]]:
        """Return the objects in each picture, highest score first.

        Args:
            images: `[H, W, 3]` uint8 RGB.
            labels: only these labels (None: all of `labels`).
            least: score from which an object is reported.
        """


def merge_detections(detections: Sequence[Detection]) -> list[MergedDetection]:
    """Make one object of detections of one frame that cover each other, whatever their labels."""
    merged: list[MergedDetection] = []
    for one in sorted(detections, key=lambda detection: -detection.score):
        same = next((other for other in merged if other.box.iou(one.box) >= _SAME_OBJECT), None)
        if same is None:
            merged.append(MergedDetection(one.box, one.score, {one.label: one.score}, one.colors))
        else:
            same.votes[one.label] = max(same.votes.get(one.label, 0.0), one.score)
    return merged
