"""The sound of a video cut for recognizers: windows that cut no word, and speech without its pauses."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import VideoError
from ..ingest.planning import MOST
from ..protocol import VideoSource
from ..span import Span, clock
from .vad import HOP, RATE, speech_probability, voiced

WINDOW = 30.0
# A window may be this much shorter or longer, so that it ends where nobody speaks.
_SLACK = 4.0
# Seconds at which the first of many long windows is cut up, so that what is said first is soon known.
_EARLY = (30.0, 120.0)
# Heard on both sides of a span, so that a word cut by its edge is understood; its middle says to whom it belongs.
_MARGIN = 0.5
# Seconds of a span from which on it is asked where there is sound at all, and that lie before the first sound at most.
_LONG, _LONGEST_LEAD = 600.0, 60.0
# Kept of a pause on each side of speech; recognizers take the noise floor from it.
_PAUSE = 0.3


@dataclass(frozen=True, slots=True)
class SpeechSound:
    """The speech of a span: `samples` (mono, 16 kHz) without long pauses, and where on the video's clock they lie."""

    samples: np.ndarray
    edges: np.ndarray
    """Seconds into `samples` at which each piece begins, and where the last ends."""
    shifts: np.ndarray
    """What to add to seconds in `samples` to get the video's, for each piece."""

    def span(self, start: float, end: float) -> Span:
        """Turn seconds in `samples` into the video's; what reaches over a joint is cut there."""
        piece = int(np.searchsorted(self.edges, (start + end) / 2, side="right")) - 1
        piece = min(max(piece, 0), len(self.shifts) - 1)
        inside = Span(max(start, 0.0), max(end, start, 0.0)).within(Span(*self.edges[piece : piece + 2].tolist()))
        shift = float(self.shifts[piece])
        return Span(inside.start + shift, inside.end + shift)


def around(video: VideoSource, span: Span) -> Span:
    """Return `span` and half a second on both sides, as far as the video goes."""
    return Span(span.start - _MARGIN, span.end + _MARGIN).within(video.info.span)


def speech_sound(video: VideoSource, span: Span) -> SpeechSound | None:
    """Return the speech in and just around `span`, or None where nobody speaks."""
    wider = around(video, span)
    samples = video.audio(wider, rate=RATE)
    pieces: list[tuple[int, int]] = []
    for start, end in voiced(samples):
        first, last = max(0, round((start - _PAUSE) * RATE)), min(len(samples), round((end + _PAUSE) * RATE))
        if pieces and first <= pieces[-1][1]:
            first = pieces.pop()[0]
        pieces.append((first, last))
    return cut_out(samples, pieces, wider.start) if pieces else None


def cut_out(samples: np.ndarray, pieces: Sequence[tuple[int, int]], start: float) -> SpeechSound:
    """Return some pieces (first, last sample; in order, at least one) of `samples`, which begin at `start` seconds."""
    edges = np.cumsum([0] + [last - first for first, last in pieces]) / RATE
    shifts = start + np.array([first for first, _ in pieces]) / RATE - edges[:-1]
    return SpeechSound(np.concatenate([samples[first:last] for first, last in pieces]), edges, shifts)


def windows(video: VideoSource, span: Span, length: float = WINDOW, *, part: Span | None = None) -> list[Span]:
    """Cut `span`, as far as the video has sound, into pieces of about `length` seconds, where nobody speaks.

    A cut depends only on the sound within 4 s of it. Where a source says so (`sounding`), a minute and more without any
    sound is left out. With `part`, only the pieces that have a piece of it are given, and only their cuts are looked
    for.
    """
    if not video.info.has_audio:
        return []
    span = span.within(video.info.span)
    sounding = getattr(video, "sounding", None)
    if sounding is None or span.duration <= _LONG:
        return _windows(video, span, length, part)
    # What is left of a gap at either end is no gap.
    heard = [_widened(each, span) for each in sounding() if each.end > span.start and each.start < span.end]
    return [window for each in heard for window in _windows(video, each, length, part)]


def next_windows(video: VideoSource, span: Span, since: float, length: float = WINDOW) -> list[Span]:
    """Return the windows of `span` from `since` on, where one ends, that no later sound can change.

    They are those that `windows` gives for the same span, however far it goes on, but for the first one: `windows` cuts
    it up (`_EARLY`) where it knows that the whole is long.
    """
    if not video.info.has_audio or span.duration < 2 * _SLACK:
        return []
    edges = [since]
    number = round((since - span.start) / length) + 1
    while span.start + number * length + 2 * _SLACK < span.end:
        middle = span.start + number * length
        edges.append(_quietest(video, Span(middle - _SLACK, middle + _SLACK)))
        number += 1
    return [Span(start, end) for start, end in zip(edges, edges[1:], strict=False) if end > start]


def _widened(part: Span, span: Span) -> Span:
    start = span.start if part.start - span.start < _LONGEST_LEAD else part.start
    end = span.end if span.end - part.end < _LONGEST_LEAD else part.end
    return Span(start, max(start, end)).within(span)


def _windows(video: VideoSource, span: Span, length: float, part: Span | None) -> list[Span]:
    if span.duration / length > MOST:
        raise VideoError(
            f"{video.info.path or 'The video'} has {clock(span.duration)} hours of sound: cut it up first."
        )
    cuts = [number * length for number in range(1, int(span.duration // length) + 1)]
    if span.start == video.info.start and length >= 2 * _EARLY[-1] and span.duration >= 2 * length:
        cuts = [*_EARLY, *cuts]
    cuts = [span.start + cut for cut in cuts]
    cuts = [middle for middle in cuts if middle + 2 * _SLACK < span.end]
    edges: list[float | None] = [span.start, *([None] * len(cuts)), span.end]

    def edge(number: int) -> float:
        found = edges[number]
        if found is None:
            middle = cuts[number - 1]
            found = edges[number] = _quietest(video, Span(middle - _SLACK, middle + _SLACK))
        return found

    wanted = range(len(cuts) + 1)
    if part is not None:
        first = bisect.bisect_left(cuts, part.start - _SLACK)
        wanted = range(first, bisect.bisect_right(cuts, part.end + _SLACK) + 1)
    found = [Span(edge(number), edge(number + 1)) for number in wanted if edge(number + 1) > edge(number)]
    return [window for window in found if part is None or window.overlap(part) > 0]


def _quietest(video: VideoSource, around: Span) -> float:
    """Return the middle of the 0.3 s in which speech is least likely, then the least loud."""
    samples = video.audio(around, rate=RATE)
    count = len(samples) // HOP
    if count < 10:
        return around.middle
    speech = speech_probability(samples)[:count]
    level = np.sqrt(np.mean(samples[: count * HOP].reshape(count, HOP) ** 2, axis=1))
    cost = np.convolve(speech + 0.1 * level / max(float(level.max()), 1e-6), np.ones(9) / 9, mode="valid")
    cost += 0.01 * np.abs(np.linspace(-1, 1, len(cost)))  # Of equally quiet places the one nearest the middle.
    return around.start + (int(np.argmin(cost)) + 4.5) * HOP / RATE
