"""The pictures and the sound of a restricted video."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..protocol import Frame, TimedFrames, VideoInfo, VideoSource, grid, sorted_times
from ..span import Span
from ..video.packets import TOLERANCE

Mask = Callable[[np.ndarray, float], np.ndarray]
"""From a picture and its second in the source to what may be seen of it."""
_CHEAP = 1.0  # pictures a second that stand for keyframes, whose own times would tell what was hidden


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a video, and which stretch of the source is shown there."""

    shown: Span
    source: float
    """Second of the source at the start."""
    still: bool = False
    """Whether the picture at that second stands all the time."""

    @property
    def end(self) -> float:
        """The second of the source at its end."""
        return self.source + self.shown.duration


class RestrictedVideo(TimedFrames):
    """A video of which only some is shown: pieces, perhaps in another order, covered or black, with or without sound.

    Args:
        source: the whole video.
        pieces: what is shown, in order of time; between them, and without any, it is black.
        span: the seconds that it has.
        mask: covers each picture.
        audible: where its sound is heard, as it is in the source; nowhere: it has none.
        stamp: tells apart what is shown of one source.
    """

    def __init__(
        self,
        source: VideoSource,
        pieces: Sequence[Piece],
        span: Span,
        *,
        mask: Mask | None = None,
        audible: Sequence[Span] = (),
        stamp: str = "",
    ) -> None:
        self._source = source
        self._pieces = tuple(pieces)
        self._starts = [piece.shown.start for piece in self._pieces]
        self._span = span
        self._mask = mask
        self._audible = tuple(audible)
        self._stamp = stamp

    @property
    def info(self) -> VideoInfo:
        """Facts of the source, without what would tell of the hidden parts: no file to read on in, no subtitles."""
        info = self._source.info
        silent: dict[str, Any] = {"has_audio": False, "audio_codec": None, "sound_tracks": (), "sound_track": None}
        return replace(
            info,
            start=self._span.start,
            end=self._span.end,
            path="",
            size=0,
            frames=None,
            subtitle_streams=(),
            first_picture=None,
            zero=None,
            tags={},
            damage=None,
            **({} if self._audible and info.has_audio else silent),
        )

    @property
    def content_id(self) -> str:
        """Another one than the source's, so that nothing kept for that is taken for this."""
        return hashlib.sha256(f"{self._source.content_id}{self._stamp}".encode()).hexdigest()

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """Yield what is on screen at `times`; see `VideoSource.frames_at`."""
        # A black picture too comes before the end.
        wanted = np.clip(sorted_times(times), self._span.start, max(self._span.start, self._span.end - 2 * TOLERANCE))
        places = [self._place(time) for time in wanted.tolist()]
        first = 0
        while first < len(wanted):
            last = first
            while last < len(wanted) and places[last] == places[first]:
                last += 1
            place = places[first]
            if place is None:
                yield from (Frame(time, *self._black(size)) for time in wanted[first:last].tolist())
            else:
                yield from self._shown(self._pieces[place], wanted[first:last], size)
            first = last

    def _place(self, time: float) -> int | None:
        """The number of the piece that is on screen; None between two."""
        if not self._pieces:
            return None
        number = max(0, bisect.bisect_right(self._starts, time + TOLERANCE) - 1)
        return number if time < self._pieces[number].shown.end else None

    def _shown(self, piece: Piece, times: np.ndarray, size: int | None) -> Iterator[Frame]:
        start = piece.shown.start
        wanted = np.full(len(times), piece.source) if piece.still else piece.source + (times - start)
        # The picture that appears at the end of a piece is not shown any more.
        wanted = np.clip(wanted, piece.source, piece.end - 2 * TOLERANCE)
        for frame in self._source.frames_at(wanted, size=size):
            time = start if piece.still else start + max(0.0, frame.time - piece.source)
            image = frame.image if self._mask is None else self._mask(frame.image, max(frame.time, piece.source))
            yield Frame(time, image, frame.full)

    def _black(self, size: int | None) -> tuple[np.ndarray, tuple[int, int]]:
        width, height = self._source.info.width, self._source.info.height
        scale = min(1.0, (size or max(width, height)) / max(width, height))
        shape = (max(1, round(height * scale)), max(1, round(width * scale)), 3)
        return np.zeros(shape, np.uint8), (width, height)

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """Yield pictures at an even rate."""
        return self.frames_at(grid(span or self._span, _CHEAP, self._span), size=size)

    def sounding(self) -> list[Span]:
        """Return where there is sound at all; see `Video.sounding`."""
        found = getattr(self._source, "sounding", None)
        parts = [self._source.info.span] if found is None else found()
        return [
            Span(max(part.start, heard.start), min(part.end, heard.end))
            for heard in self._audible
            for part in parts
            if part.overlap(heard) > 0
        ]

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Return the source's sound where it may be heard, and silence elsewhere; see `VideoSource.audio`."""
        span = span or self._span
        if not (self._audible and self._source.info.has_audio):
            return np.zeros(0, dtype=np.float32)
        samples = np.zeros(round(span.duration * rate), dtype=np.float32)
        for heard in self._audible:
            part = Span(max(span.start, heard.start), max(span.start, heard.start, min(span.end, heard.end)))
            if part.duration == 0:
                continue
            sound = self._source.audio(part, rate=rate)
            first = round((part.start - span.start) * rate)
            count = min(len(sound), len(samples) - first)
            samples[first : first + count] = sound[:count]
        return samples

    def close(self) -> None:
        """Close the source."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
