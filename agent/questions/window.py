"""The part of the videos that counts for an answer about this moment, or about what is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LAST_SECONDS = 10.0
"""Seconds up to now that are `now`: a clip of the usual length."""


def last_seconds(videos: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the facts of the videos that run up to now, each with `since`, where its last seconds begin.

    Of dated videos only those run that end where the last one does; those without a date all do.
    """
    ends = [_clock(video, video["end"]) for video in videos if video.get("recorded") is not None]
    running = [
        video
        for video in videos
        if video.get("recorded") is None or _clock(video, video["end"]) >= max(ends) - LAST_SECONDS
    ]
    return tuple({**video, "since": max(video["start"], video["end"] - LAST_SECONDS)} for video in running)


def from_position(videos: Sequence[Mapping[str, Any]], position: float, *, dated: bool) -> tuple[dict[str, Any], ...]:
    """Return the facts with `since` at a position: seconds of the timeline's clock (`dated`), or of each video."""
    since = [position - _clock(video, 0.0) if dated else position for video in videos]
    return tuple(
        {**video, "since": round(min(max(video["start"], begin), video["end"]), 6)}
        for video, begin in zip(videos, since, strict=True)
    )


def _clock(video: Mapping[str, Any], time: float) -> float:
    return float(video["recorded"] + time - video["start"])
