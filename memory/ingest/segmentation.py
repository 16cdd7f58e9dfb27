"""The bounds of clips: fixed windows, shots between cuts, and the coarse levels above them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..span import Span
from ..video.shots import detect_shots
from .planning import STILL, Busy, windows

if TYPE_CHECKING:
    from ..protocol import VideoInfo, VideoSource

LEVELS = {"chapter": 600.0, "hour": 3600.0, "day": 86400.0}
"""Length in seconds of the windows of each coarse level, shortest first."""
_SHORTEST_SHOT = 2.0  # seconds below which a shot joins a neighbor


def fixed_windows(info: VideoInfo, seconds: float = 10.0, *, busy: Busy | None = None) -> list[Span]:
    """Windows of `seconds` that cover `[info.start, info.end)` without gap or overlap.

    One begins with the first picture, where sound leads it by more. A last piece shorter than 1 s or than a fifth of a
    window joins the one before it.
    """
    shortest = shortest_last(seconds)
    first = min(info.seen_from, info.end)
    if first - info.start < shortest:
        return windows(info.span, seconds, shortest=shortest, busy=busy)
    sound_only, pictures = Span(info.start, first), Span(first, info.end)
    return [
        *windows(sound_only, seconds, shortest=shortest, busy=busy),
        *windows(pictures, seconds, shortest=shortest, busy=busy),
    ]


def shortest_last(seconds: float) -> float:
    """Return the length in seconds below which a last window of that length joins the one before it."""
    return max(1.0, 0.2 * seconds)


def coarse_windows(
    info: VideoInfo, clip_seconds: float = 10.0, *, clips: Sequence[Span] | None = None
) -> dict[str, list[Span]]:
    """The windows of each coarse level (`LEVELS`) that says more than the level below it.

    Chapters are always there (a short video is one chapter), hours where there is more than one chapter, days where
    there is more than one hour; a level whose windows are no longer than a clip is left out. Where `clips` are given,
    windows in which none begins are joined as in `planning.windows`.
    """
    busy = None if clips is None else Busy(np.array([clip.start for clip in clips]))
    levels: dict[str, list[Span]] = {}
    for level, seconds in LEVELS.items():
        if seconds <= clip_seconds:
            continue
        below = list(levels.values())
        if below and len(below[-1]) == 1:
            break
        levels[level] = windows(info.span, seconds, shortest=max(1.0, 0.2 * seconds), busy=busy)
    return levels


def shot_clips(video: VideoSource, seconds: float = 10.0, *, busy: Busy | None = None) -> list[Span]:
    """Return clips that begin and end at cuts where they can: short shots joined with the shorter neighbour.

    A shot of more than twice `seconds` is split evenly into pieces of at most this; one that stands still and silent
    for long, by `busy`, is not.
    """
    if not seconds > 0:
        raise ValueError(f"Clips need a positive length in seconds, got {seconds}.")
    longest = 2 * seconds
    clips: list[Span] = []
    for shot in _join_short(detect_shots(video), min(_SHORTEST_SHOT, longest)):
        pieces = math.ceil(shot.duration / seconds - 1e-9) if shot.duration > longest else 1
        if pieces > STILL:
            clips += windows(shot, shot.duration / pieces, shortest=0.5 * seconds, busy=busy)
            continue
        bounds = [shot.start + shot.duration * index / pieces for index in range(pieces)] + [shot.end]
        clips += [Span(start, end) for start, end in pairwise(bounds)]
    return clips


def _join_short(shots: list[Span], shortest: float) -> list[Span]:
    """Join the shortest shot with its shorter neighbour until none is too short, or one is left."""
    shots = list(shots)
    while len(shots) > 1:
        index = min(range(len(shots)), key=lambda place: shots[place].duration)
        if shots[index].duration >= shortest:
            break
        neighbors = [place for place in (index - 1, index + 1) if 0 <= place < len(shots)]
        other = min(neighbors, key=lambda place: shots[place].duration)
        first, last = sorted((index, other))
        shots[first : last + 1] = [Span(shots[first].start, shots[last].end)]
    return shots
