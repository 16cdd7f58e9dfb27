"""What of a video has been worked off, channel by channel: what is not covered is not known yet, never absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .span import Span, clock, merge_spans
from .types import FACES, OBJECTS, SUMMARY, VOICES

_NAMES = {
    "visual": "pictures", "speech": "speech", "screen_text": "screen text", OBJECTS: "objects",
    VOICES: "voices", FACES: "faces",
}  # fmt: skip
_SECOND = 1.0  # a rest shorter than that is not worth a word


@dataclass(frozen=True, slots=True)
class Coverage:
    """The spans of a video that each of its channels covers; times are seconds of the video."""

    video: str
    whole: Span
    """The video as far as it is known: a recording that goes on grows."""
    channels: Mapping[str, tuple[Span, ...]]
    """Covered spans by channel, in order; a channel that was never asked for is not in it."""

    @property
    def complete(self) -> bool:
        """Return whether every channel covers all of the video."""
        return not any(self.missing(channel) for channel in self.channels)

    def missing(self, channel: str, within: Span | None = None) -> list[Span]:
        """Return the spans of the video that a channel does not cover, those of a second or more."""
        bounds = self.whole if within is None else within.within(self.whole)
        rest, at = [], bounds.start
        for span in self.channels.get(channel, ()):
            if span.start > at:
                rest.append(Span(at, min(span.start, bounds.end)) if span.start < bounds.end else Span(at, bounds.end))
            at = max(at, span.end)
            if at >= bounds.end:
                break
        if at < bounds.end:
            rest.append(Span(at, bounds.end))
        return [span for span in rest if span.duration >= min(_SECOND, bounds.duration)]

    def until(self, channel: str) -> float:
        """Return the second up to which a channel covers the video from its start without a gap."""
        missing = self.missing(channel)
        return missing[0].start if missing else self.whole.end

    def __str__(self) -> str:
        """Return the coverage as people read it: `pictures to 14:20, speech to 12:05 of 1:32:00`."""
        parts = [
            f"{_NAMES.get(channel, channel)} to {clock(self.until(channel))}"
            for channel in self.channels
            if channel != SUMMARY
        ]
        return f"{', '.join(parts) or 'nothing'} of {clock(self.whole.end)}"


def coverage(video: str, whole: Span, open_spans: Mapping[str, Iterable[Span]]) -> Coverage:
    """Return the coverage of a video, of whose channels these spans are still to do or have failed."""
    return Coverage(video, whole, {channel: tuple(_without(whole, spans)) for channel, spans in open_spans.items()})


def _without(whole: Span, spans: Iterable[Span]) -> list[Span]:
    covered, at = [], whole.start
    for span in merge_spans(spans):
        if span.start > at:
            covered.append(Span(at, min(span.start, whole.end)))
        at = max(at, span.end)
    if at < whole.end:
        covered.append(Span(at, whole.end))
    return covered
