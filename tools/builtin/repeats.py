"""Frames that look the same as the one before, in one call: they are looked at, and not shown to a model again.

What comes back after something else is shown again, so that the order in which things happen stays to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...memory import Frame, clock

COMPARED_SIZE = 640
"""Longest side, in pixels, from which on a larger picture is compared no more finely."""
_LISTED = 6
"""Times that are named one by one."""


@dataclass(frozen=True, slots=True)
class ShownFrames:
    """Frames of one call, in ascending order of time, each with the one that is shown for it."""

    frames: tuple[Frame, ...]
    shown_for: tuple[Frame, ...]
    """Per frame: the earlier one that it looks the same as, or itself."""

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> ShownFrames:
        """Compare each frame with the last one that is shown."""
        from ...memory.video.thumbnail import without_repeats

        return cls(tuple(frames), tuple(without_repeats(frames, kept=1)))

    @property
    def distinct(self) -> tuple[Frame, ...]:
        """The frames that are shown, in order."""
        return tuple(frame for frame, shown in zip(self.frames, self.shown_for, strict=True) if frame is shown)

    @property
    def note(self) -> str:
        """One sentence on the frames that are not shown; empty where all are."""
        groups: dict[float, list[float]] = {}
        for frame, shown in zip(self.frames, self.shown_for, strict=True):
            if frame is not shown and frame.time > shown.time:
                groups.setdefault(shown.time, []).append(frame.time)
        parts = [f"{_times(times)} as {clock(first)}" for first, times in groups.items()]
        return f"Not shown again, since nothing new is in them: {'; '.join(parts)}." if parts else ""


def _times(times: Sequence[float]) -> str:
    if len(times) > _LISTED:
        return f"{len(times)} frames from {clock(times[0])} to {clock(times[-1])} look the same"
    listed = ", ".join(clock(time) for time in times)
    return f"{listed} {'looks' if len(times) == 1 else 'look'} the same"
