"""From the frames of a clip to rows: what it looks like, and the text on screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders import VisualEncoder, pool
from ..errors import VideoError
from ..ocr.rows import as_data
from ..protocol import Frame, VideoInfo, VideoSource, grid
from ..span import Span
from ..store.units import NewText, NewVector, Rows
from ..video.shape import shrink
from .planning import worth_looking_at

if TYPE_CHECKING:
    from ..ocr.screen_text import Sweep, TextReader

FPS = 1.0
"""Frames a second at which clips are encoded, and at which moving text is read."""

_LOOKS = 4  # `read_span` looks that many times as often for changes; one decode serves both
_LARGEST = 1920  # pixels of the longest side at which text is read
_SMALL = 512  # pixels of the longest side for encoders, which see a few hundred


class VisualRun:
    """Frames of consecutive clips from one pass of the decoder, clip by clip.

    The passes with and without text are at other rates but give the encoder the very same frames, so that it does not
    matter which channels of a clip are done together.
    """

    def __init__(self, video: VideoSource, spans: Sequence[Span], *, texts: bool) -> None:
        self.fps = FPS * _LOOKS if texts else FPS
        self._step = _LOOKS if texts else 1
        self.video = video
        self._spans = list(spans)
        self._stream: Iterator[Frame] | None = None
        self._sweep: Sweep | None = None
        self._signalling: _Signalling | None = None

    def clip(self, span: Span, alive: Callable[[], None]) -> ClipFrames:
        """The next clip, in time order; `alive` is called before each frame is decoded."""
        at = self._spans.index(span)
        rest, self._spans = self._spans[at:], self._spans[at + 1 :]
        if self._stream is None:
            times = [time for one in rest for time in self._times(one)]
            self._stream = iter(self.video.frames_at(times, size=_LARGEST))
        count = len(self._times(span))
        return ClipFrames(self, span, count, self._step, alive)

    def _times(self, span: Span) -> list[float]:
        return _times(worth_looking_at(self.video, span), self.fps, self.video.info)

    def sweep(self, reader: TextReader, alive: Callable[[], None]) -> tuple[Sweep, TextReader]:
        """What stands on screen, followed over all clips, and the reader with a sign of life before every picture."""
        from ..ocr.screen_text import Sweep

        if self._sweep is None or self._signalling is None or self._signalling.reader is not reader:
            self._signalling = _Signalling(reader)
            self._sweep = Sweep(self._signalling)
        self._signalling.alive = alive
        return self._sweep, self._signalling

    def next(self) -> Frame:
        """The next frame. After an error the decoder starts afresh with the next clip."""
        stream, self._stream = self._stream, None
        if stream is None:
            raise VideoError(f"{self.video.info.path or 'The video'} cannot be decoded here.")
        frame = next(stream)
        self._stream = stream
        return frame


class ClipFrames:
    """The frames of one clip as they are decoded; small copies at `FPS` are kept for encoders.

    It is a `VideoSource`, whose `frames` of just this clip come from the running pass.
    """

    def __init__(self, run: VisualRun, span: Span, count: int, step: int, alive: Callable[[], None]) -> None:
        self._run = run
        self._span = span
        self._count = count
        self._step = step
        self._alive = alive
        self._taken = 0
        self._small: list[Frame] = []

    def _pass(self) -> Iterator[Frame]:
        while self._taken < self._count:
            self._alive()
            frame = self._run.next()
            if self._taken % self._step == 0:
                self._small.append(Frame(frame.time, shrink(frame.image, _SMALL), frame.full))
            self._taken += 1
            yield frame

    def read(self, reader: TextReader, alive: Callable[[], None]) -> Rows:
        """Lines of text on screen, each over the span for which it stays; `memory.ocr` makes blocks of them.

        The log says at which look each was read, so that what is read later does not count for an earlier moment.

        What stands since an earlier clip of the run is not read again.
        """
        from ..ocr.screen_text import TextLog, read_span

        sweep, signalling = self._run.sweep(reader, alive)
        log = TextLog()
        readings = read_span(self, self._span, signalling, fps=FPS, sweep=sweep, log=log)
        texts = [NewText(reading.start, reading.end, reading.text, as_data(reading)) for reading in readings]
        return Rows(texts, log=log.as_json())

    def small(self) -> list[Frame]:
        """The frames at `FPS`, at most 512 pixels long; decodes what was not decoded yet."""
        for _ in self._pass():
            pass
        return self._small

    @property
    def info(self) -> VideoInfo:
        """Facts about the video."""
        return self._run.video.info

    @property
    def content_id(self) -> str:
        """See `VideoSource`."""
        return self._run.video.content_id

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        """Frames of a span at a rate."""
        if (span, fps, size, self._taken) == (self._span, self._run.fps, None, 0):
            return self._pass()
        return self._run.video.frames(span, fps, size=size)

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """See `VideoSource`."""
        return self._run.video.frames_at(times, size=size)

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """See `VideoSource`."""
        return self._run.video.keyframes(span, size=size)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """See `VideoSource`."""
        return self._run.video.audio(span, rate=rate)


def _times(span: Span, fps: float, info: VideoInfo) -> list[float]:
    times: list[float] = grid(span, fps, info.span).tolist()
    return times or [span.start]


def see(span: Span, frames: Sequence[Frame], encoder: VisualEncoder) -> Rows:
    """One vector for the clip, and a description where the encoder has one."""
    vector = pool(encoder.encode_frames(frames))
    text = encoder.describe(frames)
    return Rows(
        [NewText(span.start, span.end, text)] if text else [],
        [NewVector(span.start, span.end, vector, 0 if text else None)],
        encoder.stamp,
    )


class _Signalling:
    """A reader that gives a sign of life before every picture."""

    def __init__(self, reader: TextReader) -> None:
        self.reader = reader
        self.alive: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def read(self, *arguments: Any, **options: Any) -> Any:
        self.alive()
        return self.reader.read(*arguments, **options)
