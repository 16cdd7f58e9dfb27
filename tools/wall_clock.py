"""Wall-clock times in the calls of tools: read into the right video and its seconds, and told with what was found."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..memory import MediaURI, MemoryView, Moment, TimelineSpan, VideoError, VideoRecord, wall_clock
from ..memory.timeline.interval import timeline_span
from ..memory.timeline.moment import local_clock, parse_moment
from ..memory.timeline.now import moment_in
from .errors import BadArguments
from .observation import Observation
from .times import parse_seconds

_LATER = ("end", "end_time", "to", "until", "stop", "t_end")
_OPEN = ("start", "start_time", "begin", "from", "t_start")  # without an end they mean all that follows
_EARLIER = ("start", "time", "start_time", "begin", "from", "timestamp", "t", "at", "t_start")
_RANGES = ("span", "range", "interval", "time_range", "timespan", "time_span", "segment", *_EARLIER)
_WITH_DAY = re.compile(r"\s*\W?(?:\d{4}-\d{1,2}-\d{1,2}|day\s*_?\d)", re.IGNORECASE)
_OF_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?")
_TO = re.compile(r"\s*(?:-->|->|–|—|\bto\b|\s-\s|(?<=\d)-(?=DAY))\s*", re.IGNORECASE)
_LONGEST = 120  # characters of a range
_LISTED = 4  # recordings that an error names


@dataclass(frozen=True, slots=True)
class ClockArguments:
    """The arguments of a call in which wall-clock times have become seconds of a video."""

    arguments: dict[str, Any]
    video: str | None = None
    """The video in which they lie; None where the call is about several."""
    between: TimelineSpan | None = None
    """The span of the timeline that is meant, where the call is about several videos."""
    notes: tuple[str, ...] = ()


def read_wall_clock(
    written: Mapping[str, Any], memory: MemoryView, videos: Sequence[str], *, many: bool
) -> ClockArguments | None:
    """Return a call's arguments with its wall-clock times read; None where it has none.

    `DAY1 09:30` and `2026-05-03 09:14` are always such; `09:14` is where no video lasts until 9 minutes 14, and means
    the day of the question.

    Args:
        written: what the policy wrote, with `video` where it names one.
        memory: what the run may see.
        videos: ids of the videos that the call may be about.
        many: whether the tool looks into several videos at once where none is named.

    Raises:
        BadArguments: if nothing was recorded then, as far as may be known; the text says what was.
    """
    named_times = {name: value for name, value in written.items() if name.lower() in (*_RANGES, *_LATER)}
    texts = {name: value for name, value in named_times.items() if isinstance(value, str) and len(value) <= _LONGEST}
    if not any(_WITH_DAY.match(text) or _OF_DAY.search(text) for text in texts.values()):
        return None
    video = written.get("video")
    named = video.removeprefix("video:").split("#")[0] if isinstance(video, str) else ""
    asked = [named] if named in videos else list(videos)
    records = [record for record in memory.videos() if record.id in asked and record.recorded is not None]
    if not records:
        return None
    moments, read = _moments(texts, records)
    if not moments:
        return None
    interval = _interval(moments, records[0].timeline)
    inside = [record for record in records if interval.in_video(record) is not None]
    if not inside:
        raise BadArguments(_nothing_then(interval, records))
    rest = {name: value for name, value in written.items() if name not in read}
    if many and len(inside) > 1:
        return ClockArguments(rest, between=interval, notes=(f"looked from {interval.told(records[0].zone)}",))
    record = inside[0]
    seconds = {name: _seconds(moment, record) for name, moment in moments.items()}
    note = f"read as {', '.join(f'{name} {value:g} s' for name, value in seconds.items())} of video {record.id}"
    if len(inside) > 1:
        note += f"; {', '.join(one.id for one in inside[1:])} recorded then too"
    return ClockArguments({**rest, **seconds}, video=record.id, notes=(note,))


def _moments(texts: Mapping[str, str], records: Sequence[VideoRecord]) -> tuple[dict[str, Moment], list[str]]:
    """The moments that arguments name, and which arguments; a range in one of them becomes `start` and `end`."""
    moments: dict[str, Moment] = {}
    read: list[str] = []
    for name, value in texts.items():
        parts = _TO.split(value.strip().strip("[]()"))
        first = _moment(parts[0], records)
        if first is None or len(parts) > 2:
            continue
        if len(parts) == 2:
            last = _moment(parts[1], records) or _on_day(parts[1], first, records)
            if last is None:
                continue
            moments |= {"start": first, "end": last}
        else:
            moments[name] = first
        read.append(name)
    return moments, read


def _moment(text: str, records: Sequence[VideoRecord]) -> Moment | None:
    if _WITH_DAY.match(text):
        try:
            return moment_in(text, records)
        except ValueError:
            return None
    if not _OF_DAY.fullmatch(text.strip()):
        return None
    seconds = parse_seconds(text)
    if any(record.start <= seconds <= record.end for record in records):
        return None  # a time of a video, as it always was
    latest = max(records, key=lambda record: record.timeline_time(record.end) or 0.0)
    return _on_day(text, Moment(latest.timeline_time(latest.end) or 0.0, latest.timeline), records)


def _on_day(text: str, day: Moment, records: Sequence[VideoRecord]) -> Moment | None:
    zones = [record.zone for record in records if record.zone is not None]
    try:
        return parse_moment(text, zone=zones[0] if zones else None, now=day)
    except ValueError:
        return None


def _interval(moments: Mapping[str, Moment], timeline: str) -> TimelineSpan:
    firsts = [moment.seconds for name, moment in moments.items() if name.lower() not in _LATER]
    lasts = [moment.seconds for name, moment in moments.items() if name.lower() in _LATER]
    if firsts and not lasts:
        lasts = [math.inf] if any(name.lower() in _OPEN for name in moments) else firsts
    start, end = min(firsts, default=-math.inf), max(lasts)
    return TimelineSpan(min(start, end), max(start, end), timeline)


def _seconds(moment: Moment, record: VideoRecord) -> float:
    seconds = record.video_time(moment.seconds)
    assert seconds is not None
    return round(min(max(seconds, record.start), record.end), 3)


def _nothing_then(interval: TimelineSpan, records: Sequence[VideoRecord]) -> str:
    wholes = [(one.id, timeline_span(one, one.span)) for one in records[:_LISTED]]
    known = [f"{id_} {whole.told(records[0].zone)}" for id_, whole in wholes if whole is not None]
    more = f" and {len(records) - _LISTED} more" if len(records) > _LISTED else ""
    when = wall_clock(interval.start if math.isfinite(interval.start) else interval.end, records[0].zone)
    return f"Nothing that may be known was recorded at {when}. Recorded were {'; '.join(known)}{more}."


def with_wall_clock(observation: Observation, memory: MemoryView, asked: Sequence[str]) -> Observation:
    """The observation with the wall-clock time before each of its lines on a video asked about that has one.

    One without lines tells at its end when what it looked at was recorded.
    """
    if not observation.lines:
        when = next((_recorded(uri, memory, asked, whole=True) for uri in observation.uris[:1]), "")
        return replace(observation, text=f"{observation.text}\n(recorded {when})") if when else observation
    whens = {line.uri: _recorded(line.uri, memory, asked) for line in observation.lines}
    rows, left, lines = [], list(observation.lines), []
    for row in observation.text.split("\n"):
        place = next((k for k, line in enumerate(left) if line.text == row), None)
        if place is not None:
            when = whens[left[place].uri]
            row = f"{when} | {row}" if when else row
            lines += [*left[:place], replace(left[place], text=row)]
            left = left[place + 1 :]
        rows.append(row)
    return replace(observation, text="\n".join(rows), lines=(*lines, *left))


def _recorded(uri: str, memory: MemoryView, asked: Sequence[str], *, whole: bool = False) -> str:
    """When a place was recorded, by the wall clock: its beginning, or all of it; empty if nobody knows."""
    try:
        place = MediaURI.parse(uri)
        record = memory.video(place.video) if place.video in asked else None
    except (ValueError, VideoError):  # a tool of anybody's may name anything
        return ""
    interval = None if record is None or place.span is None else timeline_span(record, place.span)
    if record is None or interval is None:
        return ""
    ends = [interval.start, *([interval.end] if whole else [])]
    return " to ".join(dict.fromkeys(local_clock(seconds, record.zone) for seconds in ends))
