"""Pieces of work that follow what a file holds: where nothing new is shown and nothing sounds, one long piece does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import VideoError
from ..span import Span, clock

if TYPE_CHECKING:
    from ..protocol import VideoSource

_LONG, _STAYS = 60.0, 10.0  # seconds of a long clip, and for which a picture in it that stays is looked at
STILL = 60
"""Windows in a row without anything new from which on they are one."""
MOST = 250_000
"""Pieces of one kind that a video may have: a month in pieces of 10 s."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The times of something new in a video: `pictures` in seconds `[n]`, ascending, and the spans of `sound`."""

    pictures: np.ndarray
    sound: Sequence[Span] = ()

    @classmethod
    def of(cls, video: VideoSource) -> Busy | None:
        """From the packets of a video, none of which is decoded; None for a source that cannot list its pictures."""
        times = getattr(video, "times", None)
        if times is None:
            return None
        sounding = getattr(video, "sounding", None)
        if sounding is not None:
            return cls(times(), sounding())
        return cls(times(), [video.info.span] if video.info.has_audio else [])

    def seconds(self, span: Span, within: float = 60.0) -> float:
        """Return the seconds of `span` that hold something: a picture counts for `within` seconds at most."""
        inside = self.pictures[(self.pictures >= span.start) & (self.pictures < span.end)]
        visible = float(np.minimum(np.diff(np.append(inside, span.end)), within).sum()) if len(inside) else 0.0
        return min(span.duration, max(visible, sum(each.overlap(span) for each in self.sound)))


def worth_looking_at(video: VideoSource, span: Span) -> Span:
    """`span` without the end of a long one over which one picture stands."""
    times = getattr(video, "times", None)
    if span.duration <= _LONG or times is None:
        return span
    picture_times = times()
    last = int(np.searchsorted(picture_times, span.end)) - 1
    newest = max(span.start, float(picture_times[last])) if last >= 0 else span.start
    return Span(span.start, min(span.end, newest + _STAYS))


def windows(span: Span, seconds: float, *, shortest: float, busy: Busy | None = None) -> list[Span]:
    """Windows of `seconds` that cover `span` without gap or overlap.

    Args:
        span: what to cover.
        seconds: length of a window.
        shortest: a last piece below this joins the one before it.
        busy: when there is something new; windows without, `STILL` or more in a row, are joined (all of them where
            these would still be more than `MOST`).
    """
    if not seconds > 0:
        raise ValueError(f"Windows need a positive length in seconds, got {seconds}.")
    count = max(1, int(span.duration // seconds))
    if span.duration - count * seconds >= shortest:
        count += 1
    if busy is None or count <= STILL:
        if count > MOST:
            raise VideoError(_too_many(span, seconds))
        edges: Sequence[int] = range(count)
    else:
        edges = _edges(_active(span, seconds, count, busy), count, span, seconds)
    # Each bound is computed from the start, so that long videos do not gather rounding errors.
    bounds = [*(span.start + index * seconds for index in edges), span.end]
    return [Span(start, end) for start, end in zip(bounds, bounds[1:], strict=False)]


def _active(span: Span, seconds: float, count: int, busy: Busy) -> np.ndarray:
    """Numbers of the windows that hold something new, ascending: int64 `[n]`."""

    def place(times: np.ndarray) -> np.ndarray:
        return np.clip(np.floor((times - span.start) / seconds + 1e-9), 0, count - 1).astype(np.int64)

    inside = busy.pictures[(busy.pictures >= span.start) & (busy.pictures < span.end)]
    found = [np.unique(place(inside))]
    total = len(found[0])
    for one in busy.sound:
        if one.end <= span.start or one.start >= span.end:
            continue
        first, last = place(np.array([one.start, one.end])).tolist()
        total += last - first + 1
        if total > 2 * MOST:
            raise VideoError(_too_many(span, seconds))
        found.append(np.arange(first, last + 1))
    return np.unique(np.concatenate(found))


def _edges(active: np.ndarray, count: int, span: Span, seconds: float) -> list[int]:
    # Idle windows lie before the first active one, between two, and behind the last.
    before = np.concatenate([[-1], active])
    gaps = np.diff(np.append(before, count)) - 1
    for still in (STILL, 2):
        joined = gaps >= still
        if len(active) + int(np.where(joined, 1, gaps).sum()) <= MOST:
            break
    else:
        raise VideoError(_too_many(span, seconds))
    edges: list[int] = []
    for last, gap, one in zip(before.tolist(), gaps.tolist(), joined.tolist(), strict=True):
        if last >= 0:
            edges.append(last)
        edges += [last + 1] if one else range(last + 1, last + 1 + gap)
    return edges


def _too_many(span: Span, seconds: float) -> str:
    return (
        f"The video lasts {clock(span.duration)} hours, which makes more than {MOST} pieces of {seconds:g} s: take "
        "longer ones (--clip-seconds 60), or cut out a part: ffmpeg -ss START -t SECONDS -i IN -c copy OUT.mkv"
    )
