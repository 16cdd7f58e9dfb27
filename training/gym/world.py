"""Procedural videos of known truth: what is seen, written and said, and when; drawn as they are watched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pysubs2

from ...memory import Box, Frame, Span, VideoInfo
from ...memory.protocol import TimedFrames, sorted_times
from ...memory.video.shape import shrink
from .render import COLORS, TONES, lettering, paste, plate, shape_mask

_EARLY = 1e-6
"""Seconds by which a time may miss a frame's own (as files are read too)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A colored shape that is on screen for a while, still or moving along a line at an even speed."""

    color: str
    shape: str
    span: Span
    at: tuple[float, float] = (0.5, 0.5)
    """Center (x, y) as fractions of the picture, when it appears; may lie outside."""
    to: tuple[float, float] | None = None
    """Center when it is gone; None for a still one."""
    size: float = 0.3
    """Height as a fraction of the picture's."""

    def center(self, time: float) -> tuple[float, float]:
        """Its center at `time` (seconds)."""
        if self.to is None or self.span.duration == 0:
            return self.at
        share = (time - self.span.start) / self.span.duration
        return (self.at[0] + share * (self.to[0] - self.at[0]), self.at[1] + share * (self.to[1] - self.at[1]))

    def box(self, time: float) -> Box | None:
        """Its place in a square picture at `time`; None where it is out of sight."""
        (x, y), half = self.center(time), self.size / 2
        box = Box(max(x - half, 0.0), max(y - half, 0.0), min(x + half, 1.0), min(y + half, 1.0))
        return box if self.span.contains(time) and box.right > box.left and box.bottom > box.top else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A small square with a pattern that only a look at full resolution tells."""

    pattern: str
    span: Span
    at: tuple[float, float]
    size: float = 1 / 8
    """Side as a fraction of the picture's height."""
    pitch: int = 4
    """Pixels of one dark and one light stripe."""

    @property
    def box(self) -> Box:
        """Its place in a square picture, a little widened."""
        (x, y), half = self.at, self.size * 0.75
        return Box(max(x - half, 0.0), max(y - half, 0.0), min(x + half, 1.0), min(y + half, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Words on a board."""

    text: str
    span: Span
    at: tuple[float, float] = (0.5, 0.5)
    size: float = 0.12
    """Height of capitals as a fraction of the picture's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something said; it is given to the memory as a subtitle, and is not in the sound."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldScene:
    """A plain background for a while."""

    tone: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class World(TimedFrames):
    """A video source (`memory.VideoSource`) that draws its frames when they are asked for, so it may last for days.

    Every field is part of its identity: two equal worlds are one video.
    """

    name: str
    span: Span
    """The video's clock, in seconds; a day may begin at eight in the morning."""
    scenes: tuple[WorldScene, ...] = ()
    things: tuple[Thing, ...] = ()
    plates: tuple[Plate, ...] = ()
    signs: tuple[Sign, ...] = ()
    lines: tuple[Line, ...] = ()
    fps: float = 4.0
    side: int = 64
    """Pixels of the square picture's side."""

    @property
    def info(self) -> VideoInfo:
        """Facts about the video."""
        return VideoInfo(
            path=self.name,
            size=0,
            start=self.span.start,
            end=self.span.end,
            width=self.side,
            height=self.side,
            fps=self.fps,
            frames=self._count,
            codec="rawvideo",
            pixel_format="rgb24",
        )

    @property
    def _count(self) -> int:
        return max(1, round(self.span.duration * self.fps))

    @property
    def content_id(self) -> str:
        """SHA-256 of all that is in it, hexadecimal."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def times(self) -> np.ndarray:
        """Time in seconds of every frame, float64 `[frames]`."""
        return self.span.start + np.arange(self._count) / self.fps

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """One frame for each time, in ascending order: the last at or before it, else the first."""
        last = self._count - 1
        for query in sorted_times(times):
            number = min(max(int(np.floor((query - self.span.start + _EARLY) * self.fps)), 0), last)
            time = self.span.start + number / self.fps
            yield Frame(time, shrink(self.draw(time), size))

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """A frame every second: all cost the same."""
        return self.frames(span or self.span, 1.0, size=size)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Nothing: what is said stands in the subtitles."""
        return np.zeros(0, dtype=np.float32)

    def draw(self, time: float) -> np.ndarray:
        """The picture at a moment (seconds), `[side, side, 3]` uint8; later things lie on top of earlier ones."""
        tone = next((scene.tone for scene in reversed(self.scenes) if scene.span.contains(time)), "grey")
        image = np.empty((self.side, self.side, 3), dtype=np.uint8)
        image[:] = TONES[tone]
        for thing in self.things:
            if thing.span.contains(time):
                mask = shape_mask(thing.shape, self.side, self.side, center=thing.center(time), size=thing.size)
                image[mask] = COLORS[thing.color]
        for each in self.plates:
            if each.span.contains(time):
                side = round(each.size * self.side / each.pitch) * each.pitch
                paste(image, plate(each.pattern, side, each.pitch), each.at, grid=each.pitch)
        for sign in self.signs:
            if sign.span.contains(time):
                paste(image, lettering(sign.text, max(4, round(sign.size * self.side))), sign.at)
        return image

    def subtitles(self) -> str:
        """The utterances as an .srt file; empty where there are none."""
        file = pysubs2.SSAFile()
        file.events = [
            pysubs2.SSAEvent(round(line.span.start * 1000), round(line.span.end * 1000), line.text)
            for line in self.lines
        ]
        return file.to_string("srt").removesuffix("\n") if self.lines else ""
