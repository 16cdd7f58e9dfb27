"""What a person means by `now`: seconds of what is asked about, or a moment on its timeline."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import VideoRecord
from .moment import Moment, is_dated, parse_moment, wall_clock


def resolve_now(now: float | str | Moment, records: Sequence[VideoRecord]) -> float | Moment:
    """Return `now` as `ClipMemory.until` takes it, for a question about some videos.

    A text names a moment (see `parse_moment`) in the zone of the videos. A number is seconds of the video; where all
    videos that are asked about are dated and lie on one timeline, it is the instant at which the first of them is at
    that second, so that whatever else was recorded ends there too.

    Raises:
        ValueError: if the text names no moment, or the videos have no clock in common; the text says what to do.
    """
    if isinstance(now, Moment):
        return now
    dated = [record for record in records if record.recorded is not None]
    if isinstance(now, str) and dated:
        with_date = is_dated(parse_moment(now, timeline=dated[0].timeline).seconds)
        alike = [record for record in dated if is_dated(record.recorded or 0.0) == with_date]
        if not alike:
            knows = (
                "a date, and of the videos only numbers of days are"
                if with_date
                else "the number of a day, and of the videos dates are"
            )
            raise ValueError(f"now is {now!r}: that is {knows} known: write {_like(dated[0])!r}, for example.")
        dated = alike
    timelines = sorted({record.timeline for record in dated})
    if isinstance(now, str):
        if not dated:
            try:
                parse_moment(now)
            except ValueError:
                raise ValueError(f"now is {now[:80]!r}: give seconds of the video, such as 12.5.") from None
            raise ValueError(
                f"now is {now!r}, and nobody knows when the videos were recorded: give seconds of the video, or say it "
                "with `rewatch index FILE --recorded WHEN`."
            )
        if len(timelines) > 1:
            raise ValueError(
                f"now is {now!r}, and the videos lie on the timelines {', '.join(timelines)}: ask about those of one."
            )
        return moment_in(now, dated)
    if len(dated) < len(records) or len(timelines) != 1 or not dated:
        return float(now)
    first = min(dated, key=lambda record: record.recorded or 0.0)
    instant = first.timeline_time(float(now))
    assert instant is not None
    return Moment(instant, timelines[0])


def _like(record: VideoRecord) -> str:
    return wall_clock(record.recorded or 0.0, record.zone)


def moment_in(text: str, dated: Sequence[VideoRecord]) -> Moment:
    """Return the moment that a text names, in the zone in which the dated videos of a timeline were recorded then.

    Raises:
        ValueError: if it names none.
    """
    timeline = dated[0].timeline
    floating = parse_moment(text, timeline=timeline)
    return parse_moment(text, zone=zone_at(floating.seconds, dated), timeline=timeline)


def zone_at(local: float, dated: Sequence[VideoRecord]) -> int | None:
    """Return the zone of the last video that had begun at a local time (seconds, as if UTC), else of the first one."""
    begun = [record for record in dated if (record.recorded or 0.0) + (record.zone or 0) <= local]
    if begun:
        return max(begun, key=lambda record: (record.recorded or 0.0) + (record.zone or 0)).zone
    return min(dated, key=lambda record: record.recorded or 0.0).zone if dated else None


def latest_zone(seconds: float, dated: Sequence[VideoRecord]) -> int | None:
    """Return the zone of the last video that had begun by a moment of the timeline, else of the first one."""
    begun = [record for record in dated if (record.recorded or 0.0) <= seconds] or list(dated)
    return max(begun, key=lambda record: record.recorded or 0.0).zone if begun else None
