"""Opened videos that nobody is using just now: a decoder serves one reader at a time, and opening costs a probe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..protocol import VideoSource

if TYPE_CHECKING:
    from ..memory_view import MemoryView


MOST = 8
"""Opened videos that are kept; a decoder of a large picture holds tens of megabytes."""


class VideoPool:
    """Hands out opened videos, one reader each, and takes them back. Safe between threads."""

    def __init__(self) -> None:
        self._idle: list[tuple[tuple[str, float | None, str, str], VideoSource]] = []  # the last used at the end
        self._lock = threading.Lock()

    def take(self, memory: MemoryView, video_id: str) -> VideoSource:
        """An opened video of the memory, for the caller alone.

        Raises:
            VideoError: if its file is gone.
        """
        wanted = place(memory, video_id)
        with self._lock:
            for n in reversed(range(len(self._idle))):
                if self._idle[n][0] == wanted:
                    return self._idle.pop(n)[1]
        return memory.open(video_id)

    def put_back(self, memory: MemoryView, video_id: str, source: VideoSource | None) -> None:
        """Give back what `take` gave, once nothing reads from it any more; the one unused for longest makes room."""
        if source is not None:
            with self._lock:
                self._idle.append((place(memory, video_id), source))
                del self._idle[:-MOST]


def place(memory: MemoryView, video_id: str) -> tuple[str, float | None, str, str]:
    """What tells apart the same video in two memories, before two moments, or as two detectors see it."""
    return str(memory.folder), getattr(memory, "now", None), video_id, getattr(memory, "detector_stamp", "")
