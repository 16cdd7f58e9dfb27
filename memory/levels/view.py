"""The part of a memory's reading side that its levels are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..span import Span
from ..timeline.interval import TimelineSpan
from ..types import Hit, Text, VideoRecord


class LevelsView(Protocol):
    """A memory, or what of it is known at some moment; see `memory_view.MemoryView`, which is one."""

    def videos(self) -> list[VideoRecord]:
        """Every video that may be known."""

    def texts(self, video_id: str, *, between: Span | None = None) -> list[Text]:
        """Everything said, shown and described in a video, in time order."""

    def now_of(self, video_id: str) -> float:
        """The second of a video from which on nothing may be known; inf without a limit."""

    def search(
        self,
        query: Any,
        *,
        channels: Sequence[str] | None = None,
        videos: Sequence[str] | None = None,
        between: Span | TimelineSpan | None = None,
        k: int = 8,
        vector: Any = None,
    ) -> list[Hit]:
        """The clips that answer a query best."""
