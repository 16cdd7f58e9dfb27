"""`Track`: one object over time, whatever detector found it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..span import Box, Timed
from .track_colors import color_name


@dataclass(frozen=True, slots=True)
class TrackedBox:
    """A track at one moment: seconds, place, and score of the detection."""

    time: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(Timed):
    """One object over time.

    `start` and `end` are when it comes into view and when it is gone, in seconds: half a step of the frame rate before
    the first box and after the last one, or the bounds of what was watched. `votes` has the share of each label that
    the detector gave it, `label` the one that fits best (empty where nothing tells what it is), `colors` the share of
    each of the eleven basic colors (empty where colors were not measured).
    """

    id: int
    label: str
    score: float
    start: float
    end: float
    boxes: tuple[TrackedBox, ...]
    votes: dict[str, float] = field(default_factory=dict)
    colors: tuple[float, ...] = ()

    @property
    def color(self) -> str | None:
        """The basic color that most of it has; None where colors were not measured."""
        return color_name(self.colors) if self.colors else None

    @property
    def area(self) -> float:
        """Mean share of the picture that it covers."""
        return float(np.mean([one.box.area for one in self.boxes]))

    def box_at(self, time: float) -> Box:
        """The place at `time`, interpolated between the boxes around it."""
        times = [one.time for one in self.boxes]
        sides = np.array([one.box for one in self.boxes])
        return Box(*(float(np.interp(time, times, sides[:, side])) for side in range(4)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; memories store tracks in this form."""
        return {
            "label": self.label, "score": self.score, "span": [round(self.start, 3), round(self.end, 3)],
            "votes": self.votes, "colours": list(self.colors),
            "sights": [[one.time, *(round(x, 4) for x in one.box), round(one.score, 2)] for one in self.boxes],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Track:
        """The track that `to_dict` wrote, with the id 0."""
        return cls(
            id=0, label=data["label"], score=data["score"], start=data["span"][0], end=data["span"][1],
            boxes=tuple(TrackedBox(row[0], Box(*row[1:5]), row[5]) for row in data["sights"]),
            votes=data["votes"], colors=tuple(data["colours"]),
        )  # fmt: skip
