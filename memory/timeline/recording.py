"""When a video was recorded, as its file's name and its container tell it.

Sources, in this order (docs/clock.md names the devices): a date or a day's number with the time of day in the name; a
time with its zone in the metadata; `creation_time`; the time in a name that says when a file was sent or saved. A date
without a time of day counts for nothing, and neither do the file system's times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from .moment import DAY, is_dated, parse_moment, wall_clock, zone_written

RECORDED_TAGS = frozenset({
    "com.apple.quicktime.creationdate", "creation_time", "date", "encoder", "handler_name", "make", "firmware",
})  # fmt: skip
"""Names of the tags of a container that say when it was recorded, or by what; besides those of Android."""
ANDROID = "com.android."
"""Beginning of the names of tags that Android writes."""
_LOCAL_MAKERS = ("gopro", "dji")  # cameras that write their local time as if it were UTC
# Programs that edit, convert or publish leave these names: their `creation_time` is when the file was made.
_EXPORTERS = ("avc coding", "mainconcept", "l-smash", "handbrake", "produced by google", "adobe", "davinci")
_CONFLICT = 60.0  # seconds by which two sources may differ before it is said
_SAME_START = 15.0  # seconds between a name and the metadata of one recording, where both tell its zone
_QUARTER = 900  # zones lie whole quarters of an hour apart
_WEST, _EAST = -12 * 3600, 14 * 3600
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()  # clocks that were never set say 1904, 1970 or 1980

_DATE = r"(?P<year>19\d\d|20\d\d)[-_.]?(?P<month>0[1-9]|1[0-2])[-_.]?(?P<date>0[1-9]|[12]\d|3[01])"
_TIME = r"(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)[-_.:m]?(?P<second>[0-5]\d)"
_STAMP = re.compile(rf"(?<!\d){_DATE}[T_\-. ]*{_TIME}(?:[._]?\d{{3}})?(?P<zone>Z|\+\d{{4}})?(?!\d)")
_AT = re.compile(
    rf"(?<!\d){_DATE} at (?P<hour>\d{{1,2}})[.:](?P<minute>[0-5]\d)[.:](?P<second>[0-5]\d)(?:\s?(?P<half>[AP])M)?",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    rf"(?<![a-z])day[\s_-]?(?P<day>\d{{1,4}})[\s_-](?:[a-z]\w*?_)?{_TIME}(?P<frame>\d{{2}})?(?!\d)", re.IGNORECASE
)
_DAY_FOLDER = re.compile(r"day[\s_-]?(\d{1,4})", re.IGNORECASE)
_OF_DAY = re.compile(rf"(?:.*_)?{_TIME}(?P<frame>\d{{2}})")
_TIME_ALONE, _DATE_ALONE = re.compile(_TIME), re.compile(_DATE)
_PIXEL = re.compile(r"PXL_\d{8}_\d{6}")
_SAVED = re.compile(r"whatsapp|telegram|signal-", re.IGNORECASE)
_CHAPTER = re.compile(
    r"G[HXLS](?P<chapter>\d{2})(?P<number>\d{4})|GOPR(?P<first>\d{4})|GP(?P<later>\d{2})(?P<of>\d{4})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Recording:
    """When a recording began: `start` in seconds of a timeline's clock, and the zone in seconds east of UTC.

    Either is None where nobody knows it. `source` says where that was read, and what contradicts it.
    """

    start: float | None
    zone: int | None
    source: str


@dataclass(frozen=True, slots=True)
class _Reading:
    seconds: float
    zone: int | None
    source: str
    local: bool = False
    """True if it is the time of a place whose zone it does not tell."""


def find_recording(path: PurePath, tags: Mapping[str, str], duration: float) -> Recording | None:
    """Return when a file says that it was recorded; None where it says nothing.

    Args:
        path: the file; its name and those of its folders are read.
        tags: of the container, by name in lower case (see `RECORDED_TAGS`).
        duration: seconds that it lasts, for devices whose `creation_time` is the end of the recording.
    """
    named, written = _of_name(path), _of_tags(path.name, tags, duration)
    if named is None or (written is not None and _SAVED.search(path.name)):
        return None if written is None else Recording(written.seconds, written.zone, written.source)
    if written is None or not is_dated(named.seconds):
        return Recording(named.seconds, named.zone, named.source)
    return _together(named, written, duration)


def chapter_of(name: str) -> tuple[str, int] | None:
    """Return the number of a GoPro's recording and that of the chapter, of a file's name; None for any other."""
    found = _CHAPTER.fullmatch(PurePath(name).stem)
    if found is None:
        return None
    if found["first"]:
        return found["first"], 0
    return found["number"] or found["of"], int(found["chapter"] or found["later"])


def _together(named: _Reading, written: _Reading, duration: float) -> Recording:
    """Hold a name's time against the metadata's: the one may tell the zone of the other, or contradict it."""
    start, zone, agrees = named.seconds, named.zone, True
    if named.local and not written.local:
        zone = written.zone or _zone_between(named.seconds, written.seconds, duration)
        agrees, start = zone is not None, named.seconds - (zone or 0)
    elif not named.local and not written.local:
        zone = named.zone or written.zone
    comparable = named.local or not written.local
    if comparable and agrees:
        apart = start - written.seconds
        agrees = min(abs(apart), abs(apart + duration)) <= _CONFLICT
    other = "" if agrees else f"; {written.source} says {wall_clock(written.seconds, written.zone)}"
    return Recording(start, zone, named.source + other)


def _zone_between(local: float, utc: float, duration: float) -> int | None:
    """Return the zone in which a local time is that of a UTC time, of the start or the end; None where it is none."""
    for start in (utc, utc - duration):
        zone = round((local - start) / _QUARTER) * _QUARTER
        if abs(local - start - zone) <= _SAME_START and _WEST <= zone <= _EAST:
            return zone
    return None


def _of_name(path: PurePath) -> _Reading | None:
    name, source = path.name, "its file name"
    if found := _NUMBERED.search(name):
        return _Reading(int(found["day"]) * DAY + _time_of(found), None, source, local=True)
    folder = path.parent.name
    numbered, time = _DAY_FOLDER.fullmatch(folder), _OF_DAY.fullmatch(path.stem)
    if numbered and time:
        return _Reading(int(numbered[1]) * DAY + _time_of(time), None, f"its name in {folder}", local=True)
    found = _STAMP.search(name) or _AT.search(name)
    if found is not None:
        start = _date_of(found)
        zone = found.groupdict().get("zone")
        if start is None:
            return None
        if _PIXEL.match(name) or zone:
            east = 0 if not zone or zone == "Z" else int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
            return _Reading(start + _time_of(found) - east, east, source)
        saved = " (when it was sent or saved)" if _SAVED.search(name) else ""
        return _Reading(start + _time_of(found), None, source + saved, local=True)
    dated, time = _DATE_ALONE.fullmatch(folder), _TIME_ALONE.fullmatch(path.stem)
    start = _date_of(dated) if dated and time else None
    if start is None or time is None:
        return None
    return _Reading(start + _time_of(time), None, f"its name in {folder}", local=True)


def _date_of(found: re.Match[str]) -> float | None:
    try:
        return datetime(int(found["year"]), int(found["month"]), int(found["date"]), tzinfo=UTC).timestamp()
    except ValueError:  # the 31st of April
        return None


def _time_of(found: re.Match[str]) -> float:
    parts = found.groupdict()
    hour = int(parts["hour"])
    if parts.get("half"):
        hour = hour % 12 + (12 if parts["half"].upper() == "P" else 0)
    # Frames are twentieths of a second, as Ego-R1 writes them.
    return hour * 3600.0 + int(parts["minute"]) * 60 + int(parts["second"]) + min(int(parts.get("frame") or 0), 19) / 20


def _of_tags(name: str, tags: Mapping[str, str], duration: float) -> _Reading | None:
    made_by = " ".join(tags.values()).lower()
    for tag in ("com.apple.quicktime.creationdate", "creation_time", "date"):
        text = tags.get(tag, "")
        try:
            seconds, zone = parse_moment(text).seconds, zone_written(text)
        except ValueError:
            continue
        if ":" not in text or _never_set(seconds):
            continue
        source = f"its metadata ({tag})"
        if tag == "creation_time" and any(program in made_by for program in _EXPORTERS):
            continue
        if tag == "creation_time" and zone == 0:
            if chapter_of(name) or any(maker in f"{made_by} {name.lower()}" for maker in _LOCAL_MAKERS):
                return _Reading(seconds, None, source, local=True)
            if any(tag.startswith(ANDROID) for tag in tags):
                return _Reading(seconds - duration, 0, "its metadata (creation_time, the end of the recording)")
        return _Reading(seconds, zone, source, local=zone is None)
    return None


def _never_set(seconds: float) -> bool:
    """Return whether a clock shows what clocks show that nobody has set: the distant past, or a New Year's midnight."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return seconds < _EARLIEST or (moment.month, moment.day, moment.hour, moment.minute) == (1, 1, 0, 0)
