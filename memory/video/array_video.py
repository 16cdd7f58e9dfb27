"""Frames and samples in memory as a video: for pictures that were rendered or streamed rather than read from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from ..protocol import Frame, TimedFrames, VideoInfo, sorted_times
from ..span import Span
from .packets import TOLERANCE
from .shape import shrink


class ArrayVideo(TimedFrames):
    """A video source over pictures that are held in memory.

    Args:
        images: `[frames, H, W, 3]` uint8 RGB, or a sequence of `[H, W, 3]`, which may differ in size; at least one.
        fps: frames a second; frame `k` appears at `start + k / fps`.
        sound: mono samples `[n]` float in [-1, 1], from `start` on; None where there is no sound.
        sound_rate: samples a second.
        start: time of the first frame, in seconds.
        name: what stands for the path.

    Raises:
        ValueError: if there is no picture, one is empty or of another kind, or `fps` is not positive.
    """

    def __init__(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        fps: float,
        *,
        sound: np.ndarray | None = None,
        sound_rate: int = 16000,
        start: float = 0.0,
        name: str = "array",
    ) -> None:
        if not len(images):
            raise ValueError("An ArrayVideo needs at least one picture.")
        if not (np.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be a positive number, got {fps}.")
        shape = images[0].shape
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
                raise ValueError(f"Pictures must all be [H, W, 3] uint8, got {image.shape} {image.dtype}.")
        self._images = images
        self._fps = float(fps)
        self._sound = None if sound is None else np.asarray(sound, dtype=np.float32).reshape(-1)
        self._sound_rate = sound_rate
        sound_length = 0.0 if self._sound is None else len(self._sound) / sound_rate
        self.info = VideoInfo(
            path=name,
            size=0,
            start=start,
            end=start + max(len(images) / fps, sound_length),
            width=shape[1],
            height=shape[0],
            fps=self._fps,
            frames=len(images),
            codec="rawvideo",
            pixel_format="rgb24",
            has_audio=self._sound is not None,
            audio_codec=None if self._sound is None else "pcm_f32le",
        )

    @cached_property
    def content_id(self) -> str:
        """SHA-256 of pictures, sound and timing, hexadecimal."""
        digest = hashlib.sha256(repr((self.info.start, self._fps, len(self._images), self._images[0].shape)).encode())
        for image in self._images:
            if image.shape != self._images[0].shape:
                digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).tobytes())
        if self._sound is not None:
            digest.update(repr(self._sound_rate).encode())
            digest.update(self._sound.tobytes())
        return digest.hexdigest()

    def times(self) -> np.ndarray:
        """Time in seconds of every frame, float64 `[frames]`."""
        return self.info.start + np.arange(len(self._images)) / self._fps

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """Yield one frame for each time, in ascending order: the last at or before it, else the first."""
        requested = sorted_times(times)
        own = self.times()
        for place in np.maximum(np.searchsorted(own, requested + TOLERANCE, side="right") - 1, 0):
            image = self._images[place]
            small = shrink(image, size)
            small = small.copy() if small is image else small
            yield Frame(float(own[place]), small, (image.shape[1], image.shape[0]))

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """Return the first frame of every second that begins in `span`: all frames cost the same here."""
        span = span or self.info.span
        own = self.times()
        every = max(1, round(self._fps))
        chosen = own[::every]
        return self.frames_at(chosen[(chosen >= span.start - TOLERANCE) & (chosen < span.end)], size=size)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Return mono float32 `[round(span.duration * rate)]` in [-1, 1] from `span.start`; empty without sound."""
        if self._sound is None:
            return np.zeros(0, dtype=np.float32)
        span = span or self.info.span
        at = (span.start - self.info.start + np.arange(round(span.duration * rate)) / rate) * self._sound_rate
        return np.interp(at, np.arange(len(self._sound)), self._sound, left=0.0, right=0.0).astype(np.float32)
