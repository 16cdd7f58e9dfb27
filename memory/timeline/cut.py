"""The second of each video at which a memory ends, for one `now`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..types import VideoRecord
from .moment import Moment, is_dated


@dataclass(frozen=True, slots=True)
class Cut:
    """Where every video of a memory ends for one `now`.

    A moment ends each dated video of its timeline at that instant; undated videos, those of other timelines, and those
    that have a day's number where it has a date, are hidden, since nobody knows whether they came before. A number is
    seconds of each undated video; of a timeline it is the instant at which its first video is at that second.

    Raises:
        ValueError: if `now` is not a number.
    """

    now: float | Moment
    firsts: tuple[tuple[str, float], ...] = ()
    """Of each timeline the clock's seconds at which its first video is at second 0; read only for a number."""

    def __post_init__(self) -> None:
        if not isinstance(self.now, Moment) and math.isnan(self.now):
            raise ValueError("now is not a number: give seconds of the video, or a Moment.")

    def second_of(self, record: VideoRecord) -> float:
        """Return the second of a video (on its own clock) at which it ends; -inf where nothing of it may be known."""
        if isinstance(self.now, Moment):
            comparable = is_dated(self.now.seconds) == is_dated(record.recorded or 0.0)
            instant = self.now.seconds if self.now.timeline == record.timeline and comparable else None
        elif record.recorded is None:
            return self.now
        else:
            instant = next((first + self.now for name, first in self.firsts if name == record.timeline), None)
        second = None if instant is None else record.video_time(instant)
        return -math.inf if second is None else second

    def earlier(self, now: float | Moment) -> Cut:
        """Return the cut at the earlier of both.

        Raises:
            ValueError: if they cannot be compared: a number and a moment, or moments of two timelines.
        """
        mine, other = self.now, now
        if isinstance(mine, Moment) and isinstance(other, Moment) and mine.timeline == other.timeline:
            return self if mine.seconds <= other.seconds else Cut(other, self.firsts)
        if isinstance(mine, Moment) or isinstance(other, Moment):
            raise ValueError(f"A view that ends at {mine} cannot be cut at {other}: give both on one clock.")
        return Cut(min(other, mine), self.firsts)
