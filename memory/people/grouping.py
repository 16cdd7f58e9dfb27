"""Which of a video's voices, or faces, an appearance belongs to: told in the order of time, never moved later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..span import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Least cosines, in [-1, 1], of a model's vectors; each model has its own."""

    same: float
    """Between an appearance and the mean of the voice or face that it joins."""
    short: float
    """Likewise of an appearance too short to begin a voice, whose vector is less sure."""
    window: float
    """Mean cosine of windows in one turn (voices)."""
    suggest: float
    """Between the means of two identities that are suggested to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAppearance:
    """A speaker turn or a face track as it was told. Times are seconds of the video."""

    start: float
    end: float
    known: float
    """The second up to which the video was needed to tell it."""
    vector: np.ndarray
    """Unit vector [dim]."""
    founds: bool
    """Whether it is long enough to begin an identity of its own."""
    box: tuple[float, Box] | None = None
    """When a face is seen best, and where."""

    @property
    def weight(self) -> float:
        """Its weight in the mean of its identity: seconds, of a moment one."""
        return max(self.end - self.start, 1.0)


@dataclass(slots=True)
class Group:
    """What belongs to one identity within a video: the sum of its vectors, weighted by seconds."""

    identity: int
    total: np.ndarray

    def likeness(self, vector: np.ndarray) -> float:
        """Return the cosine between a unit vector and the mean, in [-1, 1]."""
        return float(unit(self.total) @ vector)

    def add(self, vector: np.ndarray, weight: float) -> None:
        """Take in one more."""
        self.total = self.total + vector * weight


def group_of(new: NewAppearance, groups: Sequence[Group], thresholds: Thresholds) -> Group | None:
    """Return the group that an appearance joins; None where it begins one, or is too short to tell.

    One that is long enough to begin a group joins another only where it is plainly the same: two people in one group
    are worse than one person in two, which are suggested to be joined. A shorter one goes to the nearest.
    """
    best = max(groups, key=lambda group: group.likeness(new.vector), default=None)
    least = thresholds.same if new.founds else thresholds.short
    return best if best is not None and best.likeness(new.vector) >= least else None


def mean_of(vectors: Iterable[tuple[np.ndarray, float]]) -> np.ndarray:
    """Return the unit vector of the mean of vectors with weights."""
    return unit(np.sum([vector * weight for vector, weight in vectors], axis=0))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `[…, dim]` scaled to length 1; those of length 0 stay."""
    result: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return result.astype(np.float32)
