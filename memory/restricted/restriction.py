"""What of a memory may be seen and heard, as data: another process can be told it, and views can be kept by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..span import Span, merge_spans
from ..types import FACES, OBJECTS, VOICES, VideoRecord

Pictures = Literal["all", "without_text", "text", "none"]
"""All of each picture; what is written covered; nothing but what is written; black."""

STILL = 1.0
"""Seconds for which the picture of a single moment stands."""
_BASICS = {"visual": ("all", "without_text"), "screen_text": ("all", "text")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What may be seen and heard. The default hides nothing."""

    pictures: Pictures = "all"
    sound: bool = True
    spans: tuple[tuple[str, Span], ...] | None = None
    """The only parts that there are, each a video (id) and its span, in their own seconds; a video with none is not
    there. A span without length is a moment, whose picture stands for `STILL` seconds in silence."""
    shuffle: int | None = None
    """Seed by which the pictures change places; sound stays where it is."""
    blank: bool = False
    """Whether there is nothing at all: one black and silent video whose facts are those of no other."""

    def keeps(self, channel: str) -> bool:
        """Return whether a channel may be known; the rest of what a memory holds is made of such channels."""
        if channel in (OBJECTS, FACES):  # tracks would tell the order of pictures
            return self.pictures in _BASICS["visual"] and self.shuffle is None
        if channel in ("speech", VOICES):
            return self.sound
        return channel not in _BASICS or self.pictures in _BASICS[channel]

    @property
    def moves(self) -> bool:
        """Return whether times are hidden or change places, so that rows are made anew."""
        return self.spans is not None or self.shuffle is not None

    def visible(self, record: VideoRecord) -> tuple[Span, ...]:
        """Return the parts of a video that there are, in order."""
        if self.spans is None:
            return (record.span,)
        own = [span for video, span in self.spans if video == record.id]
        moments = [span.start for span in own if span.duration == 0 and record.start <= span.start < record.end]
        parts = [Span(max(span.start, record.start), min(span.end, record.end)) for span in _lasting(own, record)]
        shown = [Span(time, min(time + STILL, record.end)) for time in moments]
        return tuple(merge_spans([*parts, *shown]))

    def is_moment(self, video: str, span: Span) -> bool:
        """Return whether a visible part is the picture of one moment."""
        return any(id_ == video and one.duration == 0 and one.start == span.start for id_, one in self.spans or ())


def _lasting(spans: Iterable[Span], record: VideoRecord) -> list[Span]:
    return [span for span in spans if span.duration > 0 and span.start < record.end and span.end > record.start]
