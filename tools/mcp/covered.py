"""What of the videos is indexed, as clients are told it: per channel, with the time that the rest will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ...memory import ClipMemory, Moment, VideoRecord
from ...memory.store.units import seconds_by_status
from ...memory.types import SUMMARY
from ..sanitize import named
from .index_queue import IndexQueue, Working

_NOTED = 4  # videos that an answer says this of
_ENOUGH = 5.0  # seconds of work from which on what was measured counts


def is_unfinished(record: VideoRecord) -> bool:
    """Return whether something of a video is still to do or to come; at first it has no channel at all."""
    return record.growing or not record.complete or not record.channels


def coverage_row(
    memory: ClipMemory, record: VideoRecord, queue: IndexQueue, now: float | Moment | None = None
) -> dict[str, Any]:
    """Return the coverage of a video as JSON values: in words, as spans in seconds by channel, and the time left.

    With `now` it is that of the part before it, and no time is told: it would tell how long the rest is.
    """
    covered = (memory if now is None else memory.until(now)).coverage(record.id)
    left = seconds_left(memory, record, queue) if now is None else None
    return {
        "video": record.id,
        "name": named(record.name),
        "partial": is_unfinished(record),
        "growing": record.growing,
        "text": str(covered),
        "channels": {channel: [[s.start, s.end] for s in spans] for channel, spans in covered.channels.items()},
        "seconds_left": left,
    }


def coverage_note(rows: Sequence[dict[str, Any]], told: str = "") -> str:
    """Return one line that says of unfinished videos what is covered; empty where all are finished.

    What stands in `told` already, as tools say it themselves, is not said again.
    """
    partial = [row for row in rows if row["partial"]]
    if not partial:
        return ""
    parts = [f"{row['name']}: {row['text']}" for row in partial[:_NOTED] if row["text"] not in told]
    more = f"; {len(partial) - _NOTED} more are unfinished" if len(partial) > _NOTED else ""
    times = [row["seconds_left"] for row in partial if row["seconds_left"] is not None]
    idle = not all(row["growing"] for row in partial)
    rest = "later, once it is being indexed (add_video)" if idle else "later: it is still being recorded"
    rest = f"in about {in_words(max(times))}" if times else rest
    covered = f"Covered so far: {'; '.join(parts)}{more}. " if parts else ""
    return f"({covered}What is not covered is not known yet, not absent: ask again for the rest {rest}.)"


def seconds_left(memory: ClipMemory, record: VideoRecord, queue: IndexQueue) -> float | None:
    """Return how long the rest of a video will take; None where nobody here is at it.

    By what earlier videos took, and by how fast this one has gone so far.
    """
    working = queue.working
    if not is_unfinished(record):
        return 0.0
    if working is None or working.entry.path != record.path:
        return None
    rates, _ = memory.work_rates(working.entry.channels)
    by_channel = seconds_by_status(memory.store, record.id)
    by_channel.pop(SUMMARY, None)
    for channel, stamp in record.channels.items():
        if stamp.startswith(("subtitles:", "unavailable")):
            rates[channel] = 0.0  # reading them takes no time
    if not by_channel:
        return round(sum(rates.values()) * record.duration, 1)
    left = sum(rates.get(channel, 0.0) * seconds.get("todo", 0.0) for channel, seconds in by_channel.items())
    expected = sum(rates.get(channel, 0.0) * seconds for channel, seconds in _new(working, by_channel).items())
    took = time.monotonic() - working.began
    if expected > 0 and took > _ENOUGH:  # of the first pieces little is to be told: models are loaded meanwhile
        left *= (took + _ENOUGH) / (expected + _ENOUGH)
    return round(left, 1)


def speeds(memory: ClipMemory, record: VideoRecord, working: Working) -> dict[str, float]:
    """Return the seconds of video that each channel has gone through a second, since this server is at it."""
    took = max(time.monotonic() - working.began, 0.001)
    done = _new(working, seconds_by_status(memory.store, record.id))
    return {channel: round(seconds / took, 2) for channel, seconds in done.items() if channel != SUMMARY}


def expected_seconds(memory: ClipMemory, duration: float, channels: Sequence[str] | None) -> tuple[float, bool]:
    """Return how long a new video of that many seconds will take, and whether earlier videos tell."""
    rates, measured = memory.work_rates(channels)
    return round(sum(rates.values()) * duration, 1), measured


def in_words(seconds: float) -> str:
    """Return `8 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _new(working: Working, by_channel: dict[str, dict[str, float]]) -> dict[str, float]:
    """Seconds of each channel that were done since the work began."""
    return {
        channel: max(seconds.get("done", 0.0) - working.before.get(channel, 0.0), 0.0)
        for channel, seconds in by_channel.items()
    }
