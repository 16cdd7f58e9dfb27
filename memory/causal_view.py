"""A memory as it was at some moment: what happens later cannot be read, searched, seen or heard."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import VideoError
from .memory_view import MemoryView, Picture, at_same_time, overlaps
from .people.view import PeopleView
from .protocol import VideoSource
from .span import MediaURI, Span, merge_spans
from .timeline.cut import Cut
from .timeline.interval import TimelineSpan, recorded_in
from .timeline.moment import Moment
from .types import CLIP, Clip, Hit, Summary, Text, VideoRecord
from .video.open import find_video
from .video.truncated_video import TruncatedVideo
from .view_models import ViewModels
from .view_search import search_view

if TYPE_CHECKING:
    from .causal.past import Past
    from .coverage import Coverage
    from .levels.levels import Levels


class CausalView(ViewModels):
    """The reading side of `ClipMemory`, as it was at some moment; `ClipMemory.until` makes one.

    Every video ends at its own second (see `now_of`): every row is made of pictures and sound before that alone (see
    `Past`), only those are searched and counted, and videos that are opened end there.
    """

    def __init__(
        self,
        memory: MemoryView,
        past: Callable[[Cut], Past],
        levels: Callable[[MemoryView, Cut | None, Sequence[str] | None], Levels],
        cut: Cut,
    ) -> None:
        self._memory = memory
        self._past_at = past
        self._levels_of = levels
        self._cut = cut
        self.folder = memory.folder
        self.people: PeopleView = memory.people.until(self.now_of)
        """See `ClipMemory.people`: turns that were over by now, and identities that had one."""

    def __repr__(self) -> str:
        return f"CausalView({str(self.folder)!r}, now={self.now})"

    @property
    def now(self) -> float | Moment:
        """The moment for which it was made; where each video ends is told by `now_of`."""
        return self._cut.now

    def now_of(self, video_id: str) -> float:
        """The second of a video at which it ends here; -inf where nothing of it may be known, or there is none."""
        try:
            return self._cut.second_of(self._memory.video(video_id))
        except VideoError:
            return -math.inf

    def until(self, now: float | Moment) -> CausalView:
        """An earlier view; a later `now` changes nothing.

        Raises:
            ValueError: if the moments are not on one clock.
        """
        return CausalView(self._memory, self._past_at, self._levels_of, self._cut.earlier(now))

    def videos(self) -> list[VideoRecord]:
        """Videos that have begun, each ending at its own second of `now` at the latest."""
        return [self._so_far(record) for record in self._memory.videos() if record.start < self._cut.second_of(record)]

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """See `ClipMemory.video`."""
        with suppress(VideoError):
            record = self._memory.video(id_or_name_or_path)
            if record.start < self._cut.second_of(record):
                return self._so_far(record)
        # An older one of that name, or why there is none.
        return find_video(self.videos(), id_or_name_or_path, self.folder)

    def _so_far(self, record: VideoRecord) -> VideoRecord:
        # Nothing opens the file but through the view; notes on how it was read are about all of it.
        now = self._cut.second_of(record)
        failures = tuple(failure for failure in record.failures if failure.span.end <= now)
        return replace(record, path="", notes=(), end=min(record.end, now), failures=failures)

    def open(self, video_id: str) -> VideoSource:
        """A video that ends at its second of `now`."""
        record = self.video(video_id)
        return TruncatedVideo(self._memory.open(record.id), self._cut.second_of(record))

    def search(
        self,
        query: str | Picture,
        *,
        channels: str | Sequence[str] | None = None,
        videos: str | Path | Sequence[str | Path] | None = None,
        between: Span | TimelineSpan | None = None,
        level: str = CLIP,
        k: int = 8,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """See `ClipMemory.search`: among what was known, and by how often words occur in that."""
        return search_view(
            self, self._past_at(self._cut).searcher, query, channels=channels, videos=videos, between=between,
            level=level, k=k, vector=vector,
        )  # fmt: skip

    def levels(self, videos: Sequence[str] | None = None) -> Levels:
        """See `ClipMemory.levels`: made of what was known, and of the days that were over."""
        return self._levels_of(self, self._cut, videos)

    def summaries(self, level: str, between: Span | None = None, *, timeline: str | None = None) -> list[Summary]:
        """See `ClipMemory.summaries`: those of what was known; a day holds no more than its part before `now`."""
        return self.levels().summaries(level, between, timeline=timeline)

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """See `ClipMemory.texts`; of what is being said and shown at `now`, what was made out by then."""
        texts = self._past_at(self._cut).texts(self.video(video_id).id, () if channel is None else (channel,))
        return [text for text in texts if overlaps(text, between)]

    def recorded_in(self, interval: TimelineSpan) -> list[MediaURI]:
        """See `ClipMemory.recorded_in`; as far as it is known."""
        return recorded_in(interval, self.videos())

    def at_same_time(self, video_id: str, span: Span) -> list[MediaURI]:
        """See `ClipMemory.at_same_time`; as far as it is known."""
        return at_same_time(self, self.video(video_id), span)

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """See `ClipMemory.clips`; the last one ends at `now`, and in place of shots there are windows of one length."""
        clips = self._past_at(self._cut).clips(self.video(video_id).id, level)
        return [clip for clip in clips if overlaps(clip, between)]

    def coverage(self, video_id: str) -> Coverage:
        """See `ClipMemory.coverage`: what of it lies before `now`."""
        record = self.video(video_id)
        return self._memory.coverage(record.id).up_to(record.end)

    def unknown_spans(self, video_id: str, channel: str, span: Span) -> list[Span]:
        """See `ClipMemory.unknown_spans`; what could not be made out by `now` is unknown too."""
        record = self.video(video_id)
        spans = self.coverage(record.id).missing(channel, span)
        known = self.known_until(record.id, channel)
        if known < min(span.end, record.end) - 1e-6:
            spans.append(Span(max(known, span.start), min(span.end, record.end)))
        return merge_spans(spans)

    def known_until(self, video_id: str, channel: str) -> float:
        """The second up to which a channel is known in full: what was not worked off by `now` is not known yet."""
        return self._past_at(self._cut).known_until(self.video(video_id).id, channel)
