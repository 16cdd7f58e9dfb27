"""The interface of videos: frames, facts about a file, and the source that a memory can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from .errors import VideoError
from .span import Span, Timed

_PICTURE_SUBTITLES = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"}
# Times of one request: two days at 30 frames a second.
_MOST_TIMES = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture and the moment it appears.

    `time` is its presentation time in seconds on the container's own clock; `image` is `[H, W, 3]` uint8 RGB, upright,
    with square pixels.
    """

    time: float
    image: np.ndarray
    full: tuple[int, int] | None = None
    """Width and height of the picture before it was made smaller; None where `image` is all that there is."""

    def __repr__(self) -> str:
        return f"Frame(time={self.time:.3f}, image={self.image.shape[1]}x{self.image.shape[0]})"

    @property
    def whole(self) -> tuple[int, int]:
        """Width and height in pixels at full size. Pictures of one video may differ."""
        return self.full or (self.image.shape[1], self.image.shape[0])


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of sound or subtitles inside a container; `language` is what the file says (`eng`), or None."""

    index: int
    """Its number among all streams of the file, from 0."""
    codec: str
    language: str | None
    number: int = 1
    """Its number among the streams of its kind, from 1, as players count."""
    title: str = ""
    flags: frozenset[str] = frozenset()
    """Its purposes as the file states them: `default`, `forced`, `comment`, `hearing_impaired`, … (FFmpeg)."""


@dataclass(frozen=True, slots=True)
class SubtitleStream(Stream):
    """A subtitle stream."""

    @property
    def pictures(self) -> bool:
        """Return whether it holds pictures of words (DVD, Blu-ray, DVB), which are not read."""
        return self.codec in _PICTURE_SUBTITLES


@dataclass(frozen=True, slots=True)
class SoundTrack(Stream):
    """A sound track that can be decoded."""

    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo(Timed):
    """Facts about a video that need no decoding of it all. Times are seconds on the container's own clock."""

    path: str
    size: int
    """Bytes on disk (0 where there is no file)."""
    start: float
    """Start of the first of picture and sound. A lead of the sound of less than 0.1 s, the padding of encoders, does
    not count."""
    end: float
    """End of the last frame or the last sound, whichever is later."""
    width: int
    """Square pixels across, after rotation, of the first picture."""
    height: int
    """Square pixels down, after rotation, of the first picture."""
    rotation: int = 0
    """Degrees clockwise by which the stored pictures are turned to stand upright: 0, 90, 180 or 270."""
    pixel_aspect: float = 1.0
    """Width of a stored pixel by its height, before rotation; frames are handed out with square pixels."""
    fps: float
    """Frames a second on average; a hint only, since many files vary."""
    frames: int | None = None
    """Frames by the header, which may be wrong; None where it says nothing."""
    codec: str
    pixel_format: str
    has_audio: bool = False
    audio_codec: str | None = None
    sound_tracks: tuple[SoundTrack, ...] = ()
    """Every sound track that can be decoded."""
    sound_track: int | None = None
    """`index` of the one that `audio` gives; None where there is no sound, or the source has but one."""
    subtitle_streams: tuple[SubtitleStream, ...] = ()
    first_picture: float | None = None
    """Time of the first frame where it is not `start`."""
    zero: float | None = None
    """The time from which players, and so a subtitle file beside the video, count; None for
    `start`."""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What the container says of the recording and the device, by name in lower case (`creation_time`)."""
    damage: str | None = None
    """The damage of a file that can be used only in part, else None."""

    @property
    def seen_from(self) -> float:
        """Time of the first frame."""
        return self.start if self.first_picture is None else self.first_picture


@runtime_checkable
class VideoSource(Protocol):
    """Anything that can be put into a memory: a file, an array, a stream, a video rendered as it is watched."""

    @property
    def info(self) -> VideoInfo:
        """Facts about the video."""

    @property
    def content_id(self) -> str:
        """A name that is the same for the same content wherever it lies (hexadecimal)."""

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """One frame for each time (seconds), in ascending order: the last one that appeared at or before it."""

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        """Frames on screen at `span.start + k / fps`, up to `span.end`."""

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """The frames of `span` that are cheap to get."""

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Mono float32 `[round(span.duration * rate)]` in [-1, 1] from `span.start` on; empty if there is no sound."""


class TimedFrames:
    """The methods that every source derives from its `info` and `frames_at`."""

    __slots__ = ()

    def frames(self: VideoSource, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        """Return the frames on screen at `span.start + k / fps` before `span.end`, as far as the video goes."""
        return self.frames_at(grid(span, fps, self.info.span), size=size)

    def frame(self: VideoSource, time: float, *, size: int | None = None) -> Frame:
        """Return the frame on screen at `time` (seconds)."""
        return next(iter(self.frames_at([time], size=size)))


def grid(span: Span, fps: float, bounds: Span) -> np.ndarray:
    """Times `span.start + k / fps` (float64, seconds) that lie in both `span` and `bounds`.

    Raises:
        ValueError: if `fps` is not a positive number.
        VideoError: if these are more times than can be held.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a positive number, got {fps}.")
    end = min(span.end, bounds.end)
    # Start counting near the bounds, so that a span far too long costs nothing.
    first = max(0, int(np.ceil((bounds.start - span.start) * fps - 1e-6)))
    last = int(np.ceil((end - span.start) * fps - 1e-6))
    if last - first > _MOST_TIMES:
        raise VideoError(
            f"{last - first} frames are asked for at once ({span} at {fps:g} a second), more than {_MOST_TIMES}: ask "
            "for a shorter span, or fewer a second."
        )
    return span.start + np.arange(first, max(first, last)) / fps


def sorted_times(times: Iterable[float]) -> np.ndarray:
    """`times` as a sorted float64 array.

    Raises:
        ValueError: if one is not a finite number.
    """
    array = np.sort(np.asarray(list(times), dtype=np.float64).reshape(-1))
    if not np.isfinite(array).all():
        raise ValueError("Times must be finite seconds.")
    return array
