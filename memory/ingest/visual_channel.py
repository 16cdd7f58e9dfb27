"""From the frames of a clip to rows: what it looks like, and the text on screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..encoders import VisualEncoder, pool
from ..errors import VideoError
from ..ocr.blocks import as_data
from ..protocol import Frame, VideoSource, grid
from ..span import Span
from ..store.units import NewText, NewVector, Rows
from ..video.shape import shrink
from .planning import worth_looking_at

if TYPE_CHECKING:
    from ..ocr.changes import ChangedTextReader
    from ..ocr.lines import TextReader

FPS = 1.0
"""Frames a second at which clips are encoded, and at which moving text is read."""

_READS = 4  # `read_span` looks for changes that many times as often; one decode serves both
_LARGEST = 1920  # pixels of the longest side at which text is read
_SMALL = 512  # pixels of the longest side for encoders, which see a few hundred


class VisualRun:
    """Frames of consecutive clips from one pass of the decoder, clip by clip.

    The passes with and without text are at other rates but give the encoder the very same frames, so that it does not
    matter which channels of a clip are done together.
    """

    def __init__(self, video: VideoSource, spans: Sequence[Span], *, texts: bool) -> None:
        self.fps = FPS * _READS if texts else FPS
        self._step = _READS if texts else 1
        self.video = video
        self._spans = list(spans)
        self._stream: Iterator[Frame] | None = None
        self._screen: ChangedTextReader | None = None
        self._signalling: _Signalling | None = None

    def clip(self, span: Span, alive: Callable[[], None]) -> ClipFrames:
        """Return the next clip, in time order; `alive` is called before each frame is decoded."""
        at = self._spans.index(span)
        rest, self._spans = self._spans[at:], self._spans[at + 1 :]
        if self._stream is None:
            times = [time for one in rest for time in self._times(one)]
            self._stream = iter(self.video.frames_at(times, size=_LARGEST))
        count = len(self._times(span))
        return ClipFrames(self, span, count, self._step, alive)

    def _times(self, span: Span) -> list[float]:
        info, part = self.video.info, worth_looking_at(self.video, span)
        times: list[float] = grid(part, self.fps, info.span).tolist()
        return times or [part.start]

    def screen(self, reader: TextReader, alive: Callable[[], None]) -> tuple[ChangedTextReader, TextReader]:
        """Return the reader that follows the screen over all clips, and the one that signals before every picture."""
        from ..ocr.changes import ChangedTextReader

        if self._screen is None or self._signalling is None or self._signalling.reader is not reader:
            self._signalling = _Signalling(reader)
            self._screen = ChangedTextReader(self._signalling)
        self._signalling.alive = alive
        return self._screen, self._signalling

    def next(self) -> Frame:
        """Return the next frame. After an error the decoder starts afresh with the next clip."""
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
        """Return lines of text on screen, each over the span for which it stays; `memory.ocr` makes blocks of them.

        The log says at which picture each was read, so that a later reading does not count for an earlier moment. Text
        that stands since an earlier clip of the run is not read again.
        """
        from ..ocr.timeline import TextLog, read_span

        screen, signalling = self._run.screen(reader, alive)
        log = TextLog()
        readings = read_span(cast(VideoSource, self), self._span, signalling, fps=FPS, screen=screen, log=log)
        texts = [NewText(reading.start, reading.end, reading.text, as_data(reading)) for reading in readings]
        return Rows(texts, log=log.as_json())

    def small(self) -> list[Frame]:
        """Return the frames at `FPS`, at most 512 pixels long; decodes what was not decoded yet."""
        for _ in self._pass():
            pass
        return self._small

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        """Frames of a span at a rate."""
        if (span, fps, size, self._taken) == (self._span, self._run.fps, None, 0):
            return self._pass()
        return self._run.video.frames(span, fps, size=size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run.video, name)


def encode_clip(span: Span, frames: Sequence[Frame], encoder: VisualEncoder) -> Rows:
    """Return one vector for the clip, and a description where the encoder has one."""
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
