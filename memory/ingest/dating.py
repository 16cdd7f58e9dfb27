"""When a video was recorded: what the person says, else what its file says, kept beside its record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ..protocol import VideoInfo
from ..store.database import Store
from ..timeline.moment import FORMS, is_dated, parse_moment, zone_written
from ..timeline.recording import Recording, chapter_of, find_recording
from ..types import MAIN

_SAME = 2.0  # seconds between the times that the chapters of one recording carry
_LONGEST = 64  # characters of a timeline's name
_GIVEN = "as given"


def recording_given(recorded: str | datetime) -> Recording:
    """Return when a person says that a video was recorded; `"none"` says that nobody knows.

    Raises:
        ValueError: if it names no moment.
    """
    if isinstance(recorded, datetime):
        recorded = recorded.isoformat()
    if recorded.strip().lower() == "none":
        return Recording(None, None, _GIVEN)
    try:
        moment = parse_moment(recorded)
    except ValueError:
        raise ValueError(f"recorded is {recorded[:80]!r}: give {FORMS}; or none.") from None
    return Recording(moment.seconds, zone_written(recorded) if is_dated(moment.seconds) else None, _GIVEN)


def check_timeline(name: str) -> str:
    """Return the name of a timeline.

    Raises:
        ValueError: if it can be none.
    """
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise ValueError(f"timeline is {name[:80]!r}: give a name of 1 to {_LONGEST} characters.")
    return name.strip()


def date_video(
    store: Store,
    video: str,
    given: Recording | None,
    timeline: str | None,
    path: Path | None = None,
    info: VideoInfo | None = None,
) -> None:
    """Keep when a video was recorded; what is known already stays, unless the person says otherwise.

    Args:
        store: holds the video's record; the caller holds the writer lock.
        video: its id.
        given: what the person says.
        timeline: the timeline that the person names.
        path: its file, whose name is read.
        info: facts of the file, whose tags are read.
    """
    known = store.recording(video)
    name, found = timeline or (known[0] if known else MAIN), given
    if found is None and known is None and path is not None and info is not None:
        found = _of_chapter(store, path, name, find_recording(path, info.tags, info.duration))
    if found is None and known is not None:
        found = Recording(*known[1:])
    now = None if found is None and timeline is None else (name, *_columns(found))
    if now is not None and now != known:
        store.put_recording(video, *now)


def _columns(found: Recording | None) -> tuple[float | None, int | None, str]:
    return (None, None, "") if found is None else (found.start, found.zone, found.source)


def _of_chapter(store: Store, path: Path, timeline: str, found: Recording | None) -> Recording | None:
    """A later chapter of a GoPro's recording that carries the time of an earlier one follows the one before it."""
    own = chapter_of(path.name)
    if own is None or found is None or found.start is None:
        return found
    others = [(chapter_of(record.name), record) for record in store.records() if record.timeline == timeline]
    chapters = {of[1]: record for of, record in others if of is not None and of[0] == own[0] and of[1] < own[1]}
    before = chapters.get(own[1] - 1)
    starts = [record.recorded for record in chapters.values() if record.recorded is not None]
    if before is None or before.recorded is None or not any(abs(start - found.start) <= _SAME for start in starts):
        return found
    return Recording(before.recorded + before.duration, before.zone, f"it follows {before.name}")
