"""From the frames of a clip to rows: what it looks like, and the text on screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..encoders import VisualEncoder, pool
from ..errors import VideoError
from ..ocr.blocks import as_data
from ..protocol import Frame, VideoSource, grid
from ..span import Span
from ..store.units import NewText, NewVector, Rows
from ..video.shape import shrink
from ..video.thumbnail import Thumbnail, without_repeats
from .planning import worth_looking_at
from .segmentation import LEVELS

if TYPE_CHECKING:
    from ..ocr.changes import ChangedTextReader
    from ..ocr.lines import TextReader

FPS = 1.0
"""Frames a second at which clips are encoded, and at which moving text is read."""

_READS = 4  # `read_span` looks for changes that many times as often; one decode serves both
_LARGEST = 1920  # pixels of the longest side at which text is read
_SMALL = 512  # pixels of the longest side for encoders, which see a few hundred


Encoded = tuple[np.ndarray, str | None]
"""The vector of a clip, and its description where the encoder has one."""


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


class ClipEncoder:
    """Encodes the clips of one video; frames that look the same as earlier ones are encoded once.

    A clip that shows nothing but the picture with which its chapter began has the vector and the text of that picture,
    and its text says so. It is compared with the beginning of the chapter, not with the clip before it: its rows
    depend on the video alone, whatever else was encoded, and slow changes add up until they count.
    """

    def __init__(self, video: VideoSource, encoder: VisualEncoder) -> None:
        self._video = video
        self._encoder = encoder
        self._chapter: tuple[float, _StillPicture | None] | None = None

    def rows(self, span: Span, frames: Sequence[Frame]) -> Rows:
        """Return one vector for the clip, and a description where the encoder has one."""
        frames = without_repeats(frames)
        data: dict[str, Any] = {}
        if len(frames) > 1 and all(frame is frames[0] for frame in frames):
            look = _StillPicture(frames[0], self._encode)
            first = self._beginning(span)
            if first is not None and first.time <= look.time and look.thumbnail.same(first.thumbnail):
                look = first
                if not span.contains(first.time):
                    data = {"same_as": round(first.time, 3)}
            vector, text = look.encoded
        else:
            vector, text = self._encode(frames)
        return Rows(
            [NewText(span.start, span.end, text, data)] if text else [],
            [NewVector(span.start, span.end, vector, 0 if text else None)],
            self._encoder.stamp,
        )

    def _beginning(self, span: Span) -> _StillPicture | None:
        """Return the first picture of the chapter in which a clip begins; None if it cannot be read."""
        seconds = LEVELS["chapter"]
        start = self._video.info.start
        start += (span.start - start) // seconds * seconds
        if self._chapter is None or self._chapter[0] != start:
            try:
                frame = next(iter(self._video.frames_at([start], size=_LARGEST)))
            except VideoError:  # damaged there
                self._chapter = start, None
            else:
                small = Frame(frame.time, shrink(frame.image, _SMALL), frame.full)
                self._chapter = start, _StillPicture(small, self._encode)
        return self._chapter[1]

    def _encode(self, frames: Sequence[Frame]) -> Encoded:
        return pool(self._encoder.encode_frames(frames)), self._encoder.describe(frames)


class _StillPicture:
    """A picture that stands for a while; compared and encoded when that is first asked for."""

    def __init__(self, frame: Frame, encode: Callable[[Sequence[Frame]], Encoded]) -> None:
        self.time = frame.time
        self._frame = frame
        self._encode = encode

    @cached_property
    def thumbnail(self) -> Thumbnail:
        """The picture as it is compared."""
        return Thumbnail.of(self._frame.image)

    @cached_property
    def encoded(self) -> Encoded:
        """Its vector and its description as two frames, so that it is known to stand still."""
        return self._encode([self._frame] * 2)


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
