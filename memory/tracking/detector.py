"""Object detectors: what is in a picture, and where, by weights that a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ..span import Box

LEAST = 0.25
"""Score from which a detection is told; trackers also use weaker ones, where a track expects them."""
WEAK = 0.1
"""Score from which a detection is looked at at all."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one picture: what it is taken for, how sure that is (0 to 1), and where."""

    label: str
    score: float
    box: Box


@runtime_checkable
class Detector(Protocol):
    """Finds objects in pictures. Any object with these may be given wherever a detector is taken."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def stamp(self) -> str:
        """Name, version and content of the weights: two detectors with one stamp find the same."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds that it knows."""
        ...

    @property
    def open_vocabulary(self) -> bool:
        """Whether it can be asked for kinds that are not among `labels`."""
        ...

    def detect(
        self, images: Sequence[np.ndarray], *, labels: Sequence[str] | None = None, least: float = LEAST
    ) -> list[list[Detection]]:
        """The objects in each picture, surest first.

        Args:
            images: `[H, W, 3]` uint8 RGB.
            labels: only these kinds (None: all of `labels`).
            least: score from which an object is told.
        """
        ...


def detector(name: str | Detector, *, threads: int | None = None) -> Detector:
    """The detector called `name`.

    Args:
        name: path of weights (`.pt`, `.onnx`), the name of some (`yolo11n.pt`, or `yolo11n`) that lie in the current
            folder or in the folder of weights, or a detector, which is given back.
        threads: threads on the CPU (None: as the runtime likes).

    Raises:
        CapabilityError: if the weights are not on this disk, or the package that runs them is not installed.
    """
    if not isinstance(name, str):
        return name
    from .detector_weights import find_weights
    from .ultralytics_detector import UltralyticsDetector

    return UltralyticsDetector(find_weights(name), threads=threads)
