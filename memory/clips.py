"""Where clips begin and end: fixed windows, shots between cuts, and the coarse levels above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .spans import Span

if TYPE_CHECKING:
    from .video import VideoInfo

LEVELS = {"chapter": 600.0, "hour": 3600.0, "day": 86400.0}
"""Length in seconds of the windows of each coarse level, shortest first."""


def fixed_windows(info: VideoInfo, seconds: float = 10.0) -> list[Span]:
    """Windows of `seconds` that cover `[info.start, info.end)` without gap or overlap.

    A last piece shorter than 1 s or than a fifth of a window joins the one before it.

    Raises:
        ValueError: `seconds` is not positive.
    """
    return _windows(Span(info.start, info.end), seconds, shortest=max(1.0, 0.2 * seconds))


def coarse_windows(info: VideoInfo, clip_seconds: float = 10.0) -> dict[str, list[Span]]:
    """The windows of each coarse level (`LEVELS`) that says more than the level below it.

    Chapters are always there (a short video is one chapter), hours where there is more than one chapter, days where
    there is more than one hour; a level whose windows are no longer than a clip is left out.
    """
    levels: dict[str, list[Span]] = {}
    for level, seconds in LEVELS.items():
        if seconds <= clip_seconds:
            continue
        below = list(levels.values())
        if below and len(below[-1]) == 1:
            break
        levels[level] = fixed_windows(info, seconds)
    return levels


def _windows(span: Span, seconds: float, shortest: float) -> list[Span]:
    if not seconds > 0:
        raise ValueError(f"Windows need a positive length in seconds, got {seconds}.")
    count = max(1, int(span.duration // seconds))
    rest = span.duration - count * seconds
    if rest >= shortest:
        count += 1
    # Each bound is computed from the start, so that long videos do not gather rounding errors.
    bounds = [*(span.start + index * seconds for index in range(count)), span.end]
    return [Span(start, end) for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
