"""Opened videos that nobody is using just now: a decoder serves one reader at a time, and opening costs a probe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .media import VideoSource

if TYPE_CHECKING:
    from .clip_memory import ClipMemory
    from .view import MemoryUntil


class IdleVideos:
    """Hands out opened videos, one reader each, and takes them back. Safe between threads."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, float | None, str, str], list[VideoSource]] = {}
        self._lock = threading.Lock()

    def take(self, memory: ClipMemory | MemoryUntil, video_id: str) -> VideoSource:
        """An opened video of the memory, for the caller alone.

        Raises:
            VideoError: if its file is gone.
        """
        with self._lock:
            waiting = self._idle.get(place(memory, video_id))
            if waiting:
                return waiting.pop()
        return memory.open(video_id)

    def put_back(self, memory: ClipMemory | MemoryUntil, video_id: str, source: VideoSource | None) -> None:
        """Give back what `take` gave, once nothing reads from it any more."""
        if source is not None:
            with self._lock:
                self._idle.setdefault(place(memory, video_id), []).append(source)


def place(memory: ClipMemory | MemoryUntil, video_id: str) -> tuple[str, float | None, str, str]:
    """What tells apart the same video in two memories, before two moments, or as two detectors see it."""
    return str(memory.folder), getattr(memory, "now", None), video_id, getattr(memory, "detector_stamp", "")
