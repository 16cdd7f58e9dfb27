"""Estimates of indexing time from earlier videos: seconds of waiting for a second of video."""

from __future__ import annotations

from collections.abc import Sequence

from ..store.database import Store
from ..types import OBJECTS

_USUAL = {"visual": 0.02, "speech": 0.04, "screen_text": 0.12, OBJECTS: 0.4}
"""On one core, before anything was measured."""
_PAUSE = 300.0  # seconds between two units that are no work
_ENOUGH = 30.0  # seconds of video from which on what was measured counts
_LOOKED_AT = 3000  # units, the newest ones


def work_rates(store: Store, channels: Sequence[str], cores: int) -> tuple[dict[str, float], bool]:
    """Seconds of waiting for a second of video by channel, and whether all of them were measured in this memory.

    A unit took as long as it was finished after the one before it, in whichever process. Subtitles that were taken
    instead of listening are left out.
    """
    rows = store.rows(
        "SELECT u.video, u.channel, u.finished_at, v.end_s - v.start_s, c.stamp FROM units u "
        "JOIN videos v ON v.id = u.video JOIN channels c ON c.video = u.video AND c.channel = u.channel "
        "WHERE u.finished_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM units w WHERE w.video = u.video AND "
        "w.status = 'todo') ORDER BY u.finished_at DESC LIMIT ?",
        (_LOOKED_AT,),
    )
    worked: dict[str, float] = {}
    lengths: dict[tuple[str, str], float] = {}
    for (video, channel, finished, length, stamp), (*_, before, _, _) in zip(rows, rows[1:], strict=False):
        if stamp.startswith("subtitles:") or finished - before > _PAUSE:
            continue
        worked[channel] = worked.get(channel, 0.0) + finished - before
        lengths[video, channel] = length
    rates: dict[str, float] = {}
    for channel in channels:
        length = sum(seconds for (_, name), seconds in lengths.items() if name == channel)
        if length >= _ENOUGH:
            rates[channel] = worked[channel] / length
    usual = {channel: _USUAL.get(channel, 0.0) / max(cores, 1) for channel in channels}
    return {**usual, **rates}, len(rates) == len(channels)
