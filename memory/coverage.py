"""What of a video has been worked off, channel by channel: what is not covered is not known yet, never absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .span import Span, clock, merge_spans
from .types import FACES, OBJECTS, SUMMARY, VOICES

_NAMES = {
    "visual": "pictures", "speech": "speech", "screen_text": "screen text", OBJECTS: "objects",
    VOICES: "voices", FACES: "faces",
}  # fmt: skip
_SECOND = 1.0  # a rest shorter than that is not worth a word
_LISTED = 3  # gaps that are named one by one


@dataclass(frozen=True, slots=True)
class Coverage:
    """The spans of a video that each of its channels covers; times are seconds of the video."""

    video: str
    whole: Span
    """The video as far as it is known: a recording that goes on grows."""
    channels: Mapping[str, tuple[Span, ...]]
    """Covered spans by channel, in order; a channel that was never asked for is not in it."""
    growing: bool = False
    """Whether the recording goes on, as far as is known."""

    @property
    def complete(self) -> bool:
        """Return whether every channel covers all of the video, and nothing more is to come."""
        return not self.growing and not any(self.missing(channel) for channel in self._told)

    @property
    def _told(self) -> list[str]:
        return [channel for channel in self.channels if channel != SUMMARY]  # gists are made of the others

    def missing(self, channel: str, within: Span | None = None) -> list[Span]:
        """Return the spans of the video that a channel does not cover, those of a second or more."""
        bounds = self.whole if within is None else within.within(self.whole)
        rest, at = [], bounds.start
        for span in self.channels.get(channel, ()):
            if span.start >= bounds.end:
                break
            if span.start > at:
                rest.append(Span(at, span.start))
            at = max(at, span.end)
        if at < bounds.end:
            rest.append(Span(at, bounds.end))
        return [span for span in rest if span.duration >= min(_SECOND, bounds.duration)]

    def until(self, channel: str) -> float:
        """Return the second up to which a channel covers the video from its start without a gap."""
        missing = self.missing(channel)
        return missing[0].start if missing else self.whole.end

    def up_to(self, now: float) -> Coverage:
        """Return what of it lies before `now` (seconds); nobody knows then whether more is to come."""
        if now >= self.whole.end:
            return self
        whole = Span(self.whole.start, max(self.whole.start, now))
        channels = {
            channel: tuple(Span(span.start, min(span.end, now)) for span in spans if span.start < now)
            for channel, spans in self.channels.items()
        }
        return replace(self, whole=whole, channels=channels, growing=False)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values: `text` is how people read it; spans in seconds."""
        return {
            "video": self.video,
            "start": self.whole.start,
            "end": self.whole.end,
            "growing": self.growing,
            "channels": {name: [[s.start, s.end] for s in self.channels[name]] for name in self._told},
            "text": str(self),
        }

    def __str__(self) -> str:
        """Return the coverage as people read it: `pictures to 14:20, speech to 12:05 of 1:32:00`."""
        parts = [f"{channel_name(channel)} {self._extent(channel)}" for channel in self._told]
        goes_on = ", and the recording goes on" if self.growing else ""
        return f"{', '.join(parts) or 'nothing'} of {clock(self.whole.end)}{goes_on}"

    def _extent(self, channel: str) -> str:
        missing = self.missing(channel)
        end = self.whole.end
        if missing and missing[-1].end >= end:
            end = missing.pop().start
        listed = ", ".join(str(span) for span in missing[:_LISTED])
        more = f" and {len(missing) - _LISTED} more gaps" if len(missing) > _LISTED else ""
        return f"to {clock(end)}" + (f" but for {listed}{more}" if missing else "")


def channel_name(channel: str) -> str:
    """Return how people call a channel: `pictures`."""
    return _NAMES.get(channel, channel)


def coverage(video: str, whole: Span, open_spans: Mapping[str, Iterable[Span]], *, growing: bool = False) -> Coverage:
    """Return the coverage of a video, of whose channels these spans are still to do or have failed."""
    channels = {channel: tuple(_without(whole, spans)) for channel, spans in open_spans.items()}
    return Coverage(video, whole, channels, growing)


def _without(whole: Span, spans: Iterable[Span]) -> list[Span]:
    covered, at = [], whole.start
    for span in merge_spans(spans):
        if span.start > at:
            covered.append(Span(at, min(span.start, whole.end)))
        at = max(at, span.end)
    if at < whole.end:
        covered.append(Span(at, whole.end))
    return covered
