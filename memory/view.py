"""A memory as it was at some moment: what happens later cannot be read, searched, seen or heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .clip_memory import ClipMemory, find_video
from .media import Frame, VideoInfo, VideoSource, grid
from .records import CLIP, SUMMARY, Clip, Failure, Hit, Text, VideoRecord
from .search import Scope
from .spans import Span

if TYPE_CHECKING:
    from pathlib import Path


class MemoryUntil:
    """The reading side of `ClipMemory`, without anything that starts at or after `now` (seconds of each video)."""

    def __init__(self, memory: ClipMemory, now: float) -> None:
        self._memory = memory
        self.now = float(now)
        self.folder = memory.folder

    def __repr__(self) -> str:
        return f"MemoryUntil({str(self.folder)!r}, now={self.now:g})"

    def until(self, now: float) -> MemoryUntil:
        """An earlier view; a later `now` changes nothing."""
        return MemoryUntil(self._memory, min(now, self.now))

    def videos(self) -> list[VideoRecord]:
        """Videos that have begun, each ending at `now` at the latest."""
        return [
            replace(record, end=min(record.end, self.now), failures=tuple(_begun(record, self.now)))
            for record in self._memory.videos()
            if record.start < self.now
        ]

    def video(self, id_or_name_or_path: str | Path) -> VideoRecord:
        """See `ClipMemory.video`."""
        return find_video(self.videos(), id_or_name_or_path, self.folder)

    def open(self, video_id: str) -> VideoSource:
        """A video that ends at `now`."""
        return VideoUntil(self._memory.open(self.video(video_id).id), self.now)

    def search(
        self,
        query: str,
        *,
        channels: Sequence[str] | None = None,
        videos: Sequence[str] | None = None,
        between: Span | None = None,
        level: str = CLIP,
        k: int = 8,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """See `ClipMemory.search`; what is still going on at `now` is only found where all of it was seen."""
        names = None if videos is None else tuple(self.video(video).id for video in videos)
        scope = Scope(tuple(channels) if channels is not None else None, names, between, self.now)
        hits = self._memory._searcher.search(query, scope, level=level, k=k, vector=vector)
        return [replace(hit, texts=tuple(self._cut(hit.texts))) for hit in hits]

    def texts(self, video_id: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """See `ClipMemory.texts`; of what is being said at `now`, only the words that are over."""
        texts = self._memory.texts(self.video(video_id).id, channel=channel, between=between)
        return list(self._cut(texts))

    def clips(self, video_id: str, *, level: str = CLIP, between: Span | None = None) -> list[Clip]:
        """See `ClipMemory.clips`; the last one ends at `now`."""
        clips = self._memory.clips(self.video(video_id).id, level=level, between=between)
        return [replace(clip, end=min(clip.end, self.now)) for clip in clips if clip.start < self.now]

    def _cut(self, texts: Iterable[Text]) -> Iterator[Text]:
        for text in texts:
            if text.end <= self.now:
                yield text
            elif text.start < self.now:
                cut = _cut_text(text, self.now)
                if cut is not None:
                    yield cut


def _begun(record: VideoRecord, now: float) -> Iterator[Failure]:
    return (failure for failure in record.failures if failure.span.start < now)


def _cut_text(text: Text, now: float) -> Text | None:
    """A text that is still going on at `now`, without what is not known yet; None when nothing is left."""
    if text.channel == "screen_text":
        return replace(text, end=now)
    words = text.data.get("words")
    if text.channel in ("visual", SUMMARY) or words is None:
        return None  # made from frames of the whole span, the later ones too
    spoken = [word for word in words if word[1] <= now]
    if not spoken:
        return None
    said = " ".join(str(word[2]).strip() for word in spoken)
    return replace(text, end=spoken[-1][1], text=said, data={**text.data, "words": spoken})


class VideoUntil:
    """A video of which nothing after `now` can be seen or heard; its file is not named, since that goes on."""

    def __init__(self, video: VideoSource, now: float) -> None:
        self._video = video
        self._bounds = Span(video.info.start, max(video.info.start, min(now, video.info.end)))
        # A frame that appears at `now` is not seen yet; times of frames are exact to a microsecond.
        self._last = self._bounds.end - 1e-5 if now < video.info.end else video.info.end

    @property
    def info(self) -> VideoInfo:
        """Facts about the video up to `now`."""
        info = self._video.info
        return replace(info, end=self._bounds.end, path="", size=0, frames=None, subtitle_streams=())

    @property
    def content_id(self) -> str:
        """That of the whole video."""
        return self._video.content_id

    def times(self) -> np.ndarray:
        """Times of the frames before `now`, float64 [frames]."""
        times: np.ndarray = self._video.times()  # type: ignore[attr-defined]
        return times[times <= self._last]

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """See `VideoSource`; times after `now` give the last frame before it."""
        return self._video.frames_at([min(time, self._last) for time in times], size=size)

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        """See `VideoSource`."""
        return self.frames_at(grid(span, fps, self._bounds).tolist(), size=size)

    def frame(self, time: float, *, size: int | None = None) -> Frame:
        """The frame on screen at `time`."""
        return next(self.frames_at([time], size=size))

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """See `VideoSource`."""
        inside = (span or self._bounds).within(self._bounds)
        return (frame for frame in self._video.keyframes(inside, size=size) if frame.time <= self._last)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """See `VideoSource`; silence after `now`."""
        wanted = span or self._bounds
        heard = self._video.audio(wanted, rate=rate)
        known = max(0, int((self._bounds.end - wanted.start) * rate))
        if known < len(heard):
            heard = heard.copy()
            heard[known:] = 0
        return heard

    def close(self) -> None:
        """Close the video."""
        close = getattr(self._video, "close", None)
        if close is not None:
            close()


MemoryView = ClipMemory | MemoryUntil
"""What tools read from: a whole memory, or what of it is known by now."""
