"""When a video was recorded: what the person says, else what its file says, kept beside its record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

from ..protocol import VideoInfo
from ..store.database import Store
from ..timeline.moment import FORMS, is_dated, parse_moment, zone_written
from ..timeline.recording import Recording, chapter_of, find_recording
from ..types import MAIN, VideoRecord

_SAME = 2.0  # seconds between the times that the chapters of one recording carry
_LONGEST = 64  # characters of a timeline's name
_GIVEN = "as given"
_FOLLOWS = "it follows "


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
        found = find_recording(path, info.tags, info.duration)
    if found is None and known is not None:
        found = Recording(*known[1:])
    now = None if found is None and timeline is None else (name, *_columns(found))
    if now is not None and now != known:
        store.put_recording(video, *now)
        order_chapters(store, video)


def _columns(found: Recording | None) -> tuple[float | None, int | None, str]:
    return (None, None, "") if found is None else (found.start, found.zone, found.source)


@dataclass(slots=True)
class _Chain:
    """The chapters of one recording, as far as they were gone through."""

    number: int
    last: VideoRecord
    starts: list[float]
    """When each was said to begin, before it was put in its place."""
    ends: list[float]
    """When each was said to end, likewise."""


def order_chapters(store: Store, video: str) -> None:
    """Chapters of a GoPro's recording that carry the time of an earlier one follow one another, whichever came first.

    A chapter that is not here yet moves those behind it once it comes. Two cameras may have one number.
    """
    (own,) = store.records(video)
    of = chapter_of(own.name)
    if of is None or own.recorded is None:
        return
    named = [(chapter_of(record.name), record) for record in store.records() if record.timeline == own.timeline]
    chapters = [(chapter[1], record) for chapter, record in named if chapter and chapter[0] == of[0]]
    chains: list[_Chain] = []
    for number, record in sorted(chapters, key=lambda one: one[0]):
        said = store.recording(record.id)
        if said is None or said[1] is None:
            continue
        start, source = said[1], said[3]
        times = attrgetter("ends" if source.startswith(_FOLLOWS) else "starts")
        chain = next((c for c in chains if c.number < number and any(abs(t - start) <= _SAME for t in times(c))), None)
        if chain is None or source == _GIVEN or chain.last.recorded is None:
            chains.append(_Chain(number, record, [start], [start + record.duration]))
            continue
        end = chain.last.recorded + chain.last.duration
        if end != start:
            store.put_recording(record.id, own.timeline, end, chain.last.zone, f"{_FOLLOWS}{chain.last.name}")
        (chain.last,), chain.number = store.records(record.id), number
        chain.starts.append(start)
        chain.ends += [start + record.duration, end + record.duration]
