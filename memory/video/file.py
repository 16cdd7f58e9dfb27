"""A video file: exact frames, keyframes and sound by time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import CapabilityError, VideoError
from ..protocol import Frame, TimedFrames, VideoInfo, sorted_times
from ..span import Span
from .audio import read_audio, sounding
from .decode import PyAVReader
from .packets import PacketIndex
from .probe import probe
from .shape import resize, scaled_size

_USE_PYAV = "Use backend='pyav'."


class Video(TimedFrames):
    """A video file on disk, by time.

    A frame at `t` is the last one whose presentation time is at or before `t` (to a microsecond), on the container's
    own clock; before the first frame it is the first one. Frames are exact: equal to decoding the whole file. Only the
    pictures that are wanted, or that a wanted one needs, are decoded. Where a picture is damaged beyond decoding, the
    last good one stands. Pictures are upright with square pixels, each in the size that the stream has at that moment,
    which may change in the middle (`Frame.full`); `info` has the first one's. The first request lists the file's
    packets (about a second of CPU for an hour), so keep a video open while you ask it more than once; calls may be
    nested and left half-way.

    `backend="decord"` lets decord decode the frames of `frames_at`, `frames` and `frame`; times, keyframes and sound
    still come from PyAV, so the container's clock holds. It is slower, cannot open AV1, is refused where it miscounts
    the frames and where their size changes, and gives **wrong pictures, silently, on open groups of pictures**: it is
    never chosen by itself.

    Args:
        source: the file.
        backend: "pyav", or "decord" where it is installed.
        audio: index in the file of the sound track that `audio` gives (see `VideoInfo.sound_tracks`); None for the one
            that FFmpeg holds for the main one.

    Raises:
        VideoError: if the file is missing or cannot be used; the text is one line with the remedy.
        CapabilityError: if `backend` is not installed.
    """

    def __init__(
        self, source: str | Path, *, backend: Literal["pyav", "decord"] = "pyav", audio: int | None = None
    ) -> None:
        if backend not in ("pyav", "decord"):
            raise ValueError(f"backend must be 'pyav' or 'decord', got {backend!r}.")
        self._path = Path(source)
        self.info: VideoInfo
        self._index: PacketIndex | None
        self.info, self._index = probe(self._path, audio)
        if backend == "decord":
            check_decord(self._path, self.info.codec)
        self._sounding: list[Span] | None = None
        self._idle: list[PyAVReader] = []
        self.backend = backend

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        info = self.info
        return f"Video({info.path!r}, {info.width}x{info.height}, {info.duration:.1f} s, {info.codec})"

    @cached_property
    def content_id(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def times(self) -> np.ndarray:
        """Return the presentation times in seconds of all frames, ascending, float64 `[frames]`; decodes nothing."""
        return self._packets().seconds

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """Return one frame for each time, in ascending order of time.

        Args:
            times: seconds on the container's clock, in any order.
            size: longest side in pixels; frames are never enlarged. None gives them in full.

        Raises:
            ValueError: if a time is not finite or `size` is not positive.
            VideoError: if no frame at all can be decoded.
        """
        _check_size(size)
        return self._frames_at(sorted_times(times), size)

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """Return the frames of `span` (all by default) that decode without any other: a cheap skim, seconds apart."""
        _check_size(size)
        return self._keyframes(span or self.info.span, size)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Return mono sound `[round(span.duration * rate)]` float32 in [-1, 1]; sample 0 lies at `span.start`.

        Silence stands where there is no sound or none that can be decoded. Empty if there is no audio stream.
        """
        if not self.info.has_audio:
            return np.zeros(0, dtype=np.float32)
        return read_audio(self._path, span or self.info.span, rate, self.info.sound_track)

    def take_sound(self, track: int) -> None:
        """Let `audio` give another sound track from now on: that of this index in the file.

        Raises:
            VideoError: if the file has no such track.
        """
        found = next((one for one in self.info.sound_tracks if one.index == track), None)
        if found is None:
            raise VideoError(f"{self._path} has no sound track of index {track}.")
        self._sounding = None
        self.info = replace(self.info, sound_track=track, audio_codec=found.codec)

    def sounding(self) -> list[Span]:
        """Return where the sound track has sound at all (silence counts), in order; gaps under a minute are bridged.

        Lists the packets of the track once (half a second of CPU for an hour); decodes nothing.
        """
        if self._sounding is None:
            self._sounding = sounding(self._path, self.info.sound_track) if self.info.has_audio else []
        return self._sounding

    def close(self) -> None:
        """Give open files back; the video can still be used and opens them again."""
        while self._idle:
            self._idle.pop().close()

    def _packets(self) -> PacketIndex:
        if self._index is None:
            reader = self._borrow()
            try:
                self._index = reader.index()
            finally:
                self._give_back(reader)
            if not len(self._index.seconds):
                raise VideoError(f"{self._path}: its video stream shows no frame. Copy it again.")
        return self._index

    def _borrow(self) -> PyAVReader:
        # Opening parses the whole header: one reader is kept for the next call; nested calls get their own.
        try:
            return self._idle.pop()
        except IndexError:
            return PyAVReader(self._path)

    def _give_back(self, reader: PyAVReader) -> None:
        if self._idle:
            reader.close()
        else:
            self._idle.append(reader)

    def _frames_at(self, times: np.ndarray, size: int | None) -> Iterator[Frame]:
        if not len(times):
            return
        index = self._packets()
        positions, counts = np.unique(index.at(times), return_counts=True)
        repeats = dict(zip(positions.tolist(), counts.tolist(), strict=True))
        decoded = 0
        for position, image, full in self._images(index, positions.tolist(), size):
            time = float(index.seconds[position])
            yield Frame(time, image, full)
            for _ in range(repeats[position] - 1):
                yield Frame(time, image.copy(), full)
            decoded += 1
        if decoded < len(positions):
            raise VideoError(f"{self._path}: its frames cannot be decoded; it is damaged. Copy it again.")

    def _images(
        self, index: PacketIndex, positions: list[int], size: int | None
    ) -> Iterator[tuple[int, np.ndarray, tuple[int, int]]]:
        if self.backend == "decord":
            full = (self.info.width, self.info.height)
            if not self._one_shape:
                raise VideoError(f"{self._path}: its picture size changes, which decord hides. Use backend='pyav'.")
            for position, image in decord_images(self._path, index, positions, full, size):
                yield position, image, full
            return
        reader = self._borrow()
        try:
            for position, frame in reader.pictures(index, positions):
                yield position, frame.image(size), frame.full
        finally:
            self._give_back(reader)

    @cached_property
    def _one_shape(self) -> bool:
        """True if all keyframes are of one size and one way up."""
        first = (self.info.width, self.info.height)
        return all(frame.full == first for frame in self._keyframes(self.info.span, 16))

    def _keyframes(self, span: Span, size: int | None) -> Iterator[Frame]:
        reader = self._borrow()
        try:
            for time, frame in reader.keyframes(span):
                yield Frame(time, frame.image(size), frame.full)
        finally:
            self._give_back(reader)


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}.")


def check_decord(path: Path, codec: str) -> None:
    """Make sure that decord is here and can open this codec."""
    try:
        import decord  # noqa: F401
    except ImportError:
        raise CapabilityError(
            "The decord backend needs the package decord (Linux on x86-64): pip install 'rewatch[decord]', "
            "or leave backend='pyav'."
        ) from None
    if codec == "av1":
        raise VideoError(f"{path}: decord cannot open AV1. {_USE_PYAV}")


def decord_images(
    path: Path, index: PacketIndex, positions: list[int], full: tuple[int, int], size: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield `(position, image)` for ascending display positions; images are `[H, W, 3]` uint8 RGB, upright.

    decord knows no pixel aspect: pictures are brought to `full` (width, height), the size that they have with square
    pixels. It counts time from its own zero, so frames are asked for by their place in the container's list.
    """
    import decord

    try:
        reader = decord.VideoReader(str(path.absolute()), num_threads=1)
    except (decord.DECORDError, RuntimeError, UnicodeEncodeError):
        raise VideoError(f"{path} cannot be opened by decord. {_USE_PYAV}") from None
    if len(reader) != len(index.seconds):
        raise VideoError(
            f"{path}: decord finds {len(reader)} frames where the container lists {len(index.seconds)}. {_USE_PYAV}"
        )
    for position in positions:
        try:
            yield position, resize(reader[position].asnumpy(), scaled_size(*full, size))
        except (decord.DECORDError, RuntimeError):
            raise VideoError(f"{path}: decord cannot decode frame {position}. {_USE_PYAV}") from None
