"""Spans, boxes and media URIs: how every part of rewatch names a place in a video."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open interval `[start, end)` in seconds on the video's own clock; `start == end` is one moment.

    Raises:
        ValueError: if a bound is not finite, or `end` lies before `start`.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise ValueError(f"A span needs finite seconds, got [{self.start}, {self.end}).")
        if self.end < self.start:
            raise ValueError(f"A span must not end before it starts, got [{self.start}, {self.end}).")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The time half-way, in seconds."""
        return (self.start + self.end) / 2

    def contains(self, time: float) -> bool:
        """Return whether `time` (seconds) lies inside; a moment contains itself."""
        return self.start <= time < self.end or time == self.start

    def overlap(self, other: Span) -> float:
        """Seconds that both spans share (0 when they are apart)."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: Span) -> float:
        """Temporal intersection over union (tIoU) in [0, 1]; 0 when both are moments."""
        shared = self.overlap(other)
        union = self.duration + other.duration - shared
        return shared / union if union > 0 else 0.0

    def within(self, bounds: Span) -> Span:
        """This span clamped into `bounds`."""
        start = min(max(self.start, bounds.start), bounds.end)
        return Span(start, max(start, min(self.end, bounds.end)))

    def __str__(self) -> str:
        return f"{clock(self.start)}-{clock(self.end)}"


class Timed:
    """Anything that has a `start` and an `end`, in seconds."""

    __slots__ = ()
    start: float
    end: float

    @property
    def span(self) -> Span:
        """From the first to the last moment."""
        return Span(self.start, self.end)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


def merge_spans(spans: Iterable[Span], gap: float = 0.0) -> list[Span]:
    """The spans in order of time, those that overlap or lie at most `gap` seconds apart as one."""
    union: list[Span] = []
    for span in sorted(spans):
        if union and span.start - union[-1].end <= gap:
            union[-1] = Span(union[-1].start, max(union[-1].end, span.end))
        else:
            union.append(span)
    return union


class Box(NamedTuple):
    """A rectangle as fractions of the picture in [0, 1]: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Share of the picture that it covers."""
        return (self.right - self.left) * (self.bottom - self.top)

    def intersection(self, other: Box) -> float:
        """Area that both boxes share (0 when they are apart)."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return max(across, 0.0) * max(min(self.bottom, other.bottom) - max(self.top, other.top), 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union in [0, 1]; 0 when both are empty."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def expanded(self, share: float) -> Box:
        """The box with a margin of that share of its size on each side; it may reach beyond the picture."""
        across, down = share * (self.right - self.left), share * (self.bottom - self.top)
        return Box(self.left - across, self.top - down, self.right + across, self.bottom + down)


def clock(seconds: float) -> str:
    """Seconds as people read them: `07:41`, `07:41.5`, `1:02:03`; tenths only where there are some.

    A few videos begin before zero: `-00:01.5`.
    """
    tenths = round(abs(seconds) * 10)
    whole, tenth = divmod(tenths, 10)
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    if hours:
        text = f"{hours}:{text}"
    text = f"{text}.{tenth}" if tenth else text
    return f"-{text}" if tenths and seconds < 0 else text


_TIME = r"-?\d+(?:\.\d+)?"
_NUMBER = r"\d+(?:\.\d+)?"
_URI = re.compile(
    rf"video:(?P<video>[\w-]+)"
    rf"(?:#t=(?P<start>{_TIME})(?:,(?P<end>{_TIME}))?"
    rf"(?:&xywh=percent:(?P<box>{_NUMBER}(?:,{_NUMBER}){{3}}))?)?"
)


@dataclass(frozen=True, slots=True)
class MediaURI:
    """A place in a video, written as W3C Media Fragments: `video:<id>#t=10,20&xywh=percent:10,20,30,40`.

    A frame has `span.start == span.end` and is written `#t=12.5`; the whole video has no span.
    """

    video: str
    span: Span | None = None
    box: Box | None = None

    @classmethod
    def frame(cls, video: str, time: float, box: Box | None = None) -> MediaURI:
        """The frame that is on screen at `time` (seconds)."""
        return cls(video, Span(time, time), box)

    @classmethod
    def parse(cls, text: str) -> MediaURI:
        """Read one URI.

        Raises:
            ValueError: if `text` is not a media URI, or its region lies outside the picture.
        """
        match = _URI.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"Not a media URI: {text[:200]!r}. Write video:<id>#t=12.5 or video:<id>#t=10,20.")
        return cls._from_match(match)

    @classmethod
    def find_all(cls, text: str) -> list[MediaURI]:
        """Every media URI that stands in `text`, in order; malformed ones are passed over."""
        found = []
        for match in _URI.finditer(text):
            for with_box in (True, False):  # of a region outside the picture, the moment is kept
                try:
                    found.append(cls._from_match(match, with_box=with_box))
                    break
                except ValueError:
                    continue
        return found

    @classmethod
    def _from_match(cls, match: re.Match[str], *, with_box: bool = True) -> MediaURI:
        span = box = None
        if match["start"] is not None:
            start = float(match["start"])
            span = Span(start, float(match["end"]) if match["end"] else start)
        if match["box"] and with_box:
            x, y, width, height = (float(part) / 100 for part in match["box"].split(","))
            box = Box(min(x, 1.0), min(y, 1.0), min(x + width, 1.0), min(y + height, 1.0))
            if max(x, y) > 1:
                raise ValueError(f"Not a region of a picture: percent:{match['box']}. It lies outside.")
        return cls(match["video"], span, box)

    @property
    def is_frame(self) -> bool:
        """Return whether it names one moment."""
        return self.span is not None and self.span.start == self.span.end

    def __str__(self) -> str:
        text = f"video:{self.video}"
        if self.span is not None:
            # A moment is rounded up, so that it never names the frame before the one that was meant.
            start = math.ceil(self.span.start * 1000 - 1e-3) / 1000 if self.is_frame else self.span.start
            text += f"#t={_seconds(start)}"
            if not self.is_frame:
                text += f",{_seconds(self.span.end)}"
            if self.box is not None:
                left, top, right, bottom = self.box
                parts = (left, top, right - left, bottom - top)
                text += "&xywh=percent:" + ",".join(_seconds(100 * part) for part in parts)
        return text


def _seconds(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"
