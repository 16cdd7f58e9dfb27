"""A video that ends at `now`: nothing that begins later can be seen or heard through it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from ..errors import VideoError
from ..protocol import Frame, TimedFrames, VideoInfo, VideoSource, sorted_times
from ..span import Span
from .packets import TOLERANCE


class TruncatedVideo(TimedFrames):
    """`source` as it was known at `now`."""

    def __init__(self, source: VideoSource, now: float) -> None:
        self._source = source
        self.now = now

    @property
    def info(self) -> VideoInfo:
        """Facts of the source that end at `now`: no frame count, no damage, no file or subtitles to read on in."""
        info = self._source.info
        end = max(info.start, min(info.end, self.now))
        return replace(info, end=end, path="", size=0, frames=None, subtitle_streams=(), tags={}, damage=None)

    @property
    def content_id(self) -> str:
        """Differs from the source's and every other cut's, so that nothing cached for one is used for another."""
        return hashlib.sha256(f"{self._source.content_id}@{self.now!r}".encode()).hexdigest()

    def times(self) -> np.ndarray:
        """Return times of the frames before `now`, float64 `[frames]`, of a source that can list them."""
        times: np.ndarray = self._source.times()  # type: ignore[attr-defined]
        return times[times < self.now - TOLERANCE]

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """As the source's; a time at or after `now` gives the last frame before it.

        Raises:
            VideoError: if the video begins at or after `now`.
        """
        # Sources read times to a microsecond: a frame that appears at `now` must stay out of reach.
        early = np.minimum(sorted_times(times), self.now - 2 * TOLERANCE)
        for frame in self._source.frames_at(early, size=size):
            if frame.time >= self.now:
                raise VideoError(f"{self._source.info.path} begins after {self.now:.3f} s: nothing of it is known yet.")
            yield frame

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """Yield the source's keyframes before `now`."""
        past = self.info.span
        span = past if span is None else span.within(past)
        for frame in self._source.keyframes(span, size=size):
            if frame.time >= self.now:
                return
            yield frame

    def sounding(self) -> list[Span]:
        """Return where there is sound at all by `now`; see `Video.sounding`."""
        found = getattr(self._source, "sounding", None)
        parts = [self.info.span] if found is None else found()
        return [Span(part.start, min(part.end, self.now)) for part in parts if part.start < self.now]

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """As the source's, silent from `now` on."""
        span = span or self.info.span
        past = Span(span.start, max(span.start, min(span.end, self.now)))
        sound = self._source.audio(past, rate=rate)
        if not self._source.info.has_audio:
            return sound
        samples = np.zeros(round(span.duration * rate), dtype=np.float32)
        count = min(int(np.ceil(past.duration * rate - TOLERANCE)), len(sound), len(samples))
        samples[:count] = sound[:count]
        return samples

    def close(self) -> None:
        """Close the source."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
