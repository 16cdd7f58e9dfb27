"""`last_sighting`: where a thing was last spoken of, written or seen, and which spans since then nobody looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...memory import MediaURI, MemoryView, Span, Text, VideoRecord
from ...memory.store.full_text import words
from ...memory.tracking.detector_labels import COCO_LABELS, labels_for
from ...memory.types import OBJECTS
from ..context import VideoContext
from ..observation import Observation
from ..tool import tool
from .evidence_lines import box_of, excerpt, line

MOST = 12
"""Sightings that are given at most, the latest ones."""
_LINES = 4  # of them a policy reads
_VIDEOS = 20  # videos of which it is told what was looked at
_FEW = 8  # videos that are read without a search before
_CHANNELS = ("speech", "screen_text", OBJECTS)


@tool(many=True)
def last_sighting(what: str, video: VideoContext) -> Observation:
    """Find where a thing or a person was last mentioned, written or seen, the latest place first.

    Args:
        what: its name, in a word or a few.
    """
    memory, wanted = video.memory, words(what)
    records = sorted((memory.video(one) for one in video.videos or (video.video_id,)), key=_begin)
    found: list[tuple[VideoRecord, Text]] = []
    for record in _worth_reading(memory, records, what) if wanted else ():
        texts = [text for text in memory.texts(record.id) if text.channel in _CHANNELS and _mentions(text.text, wanted)]
        found += [(record, text) for text in texts]
    found.sort(key=lambda row: (_begin(row[0])[0], _moment(row[0], row[1].start)), reverse=True)
    found = _without_repeats(found)[:MOST]
    names = {record.id: record.name for record in records} if len(records) > 1 else {}
    lines = [
        line(_place(text), text.channel, excerpt(text.text, what), video=names.get(record.id, ""))
        for record, text in found[:_LINES]
    ]
    rows = [_row(record, text) for record, text in found]
    head = "Latest first:" if lines else f"Not found in what was said and written: {what}."
    return Observation(
        text="\n".join([head, *(one.text for one in lines)]),
        uris=tuple(row["uri"] for row in rows),
        data={"what": what, "sightings": rows, "looked_at": _looked_at(memory, records, found, wanted)},
        lines=tuple(lines),
    )


def _begin(record: VideoRecord) -> tuple[bool, float]:
    """What is dated comes after what is not, in the order of its clock; the rest in the order of adding."""
    return record.recorded is not None, record.recorded or 0.0


def _moment(record: VideoRecord, time: float) -> float:
    at = record.timeline_time(time)
    return time if at is None else at


def _worth_reading(memory: MemoryView, records: Sequence[VideoRecord], what: str) -> list[VideoRecord]:
    """The videos to read, from the last one back; of many, those back to the earliest that a search finds it in."""
    latest = list(reversed(records))
    if len(records) <= _FEW:
        return latest
    hits = memory.search(what, videos=[record.id for record in records], channels=["speech", "screen_text"], k=50)
    named = {hit.video for hit in hits if any(name.endswith(".bm25") for name in hit.channels)}
    places = [place for place, record in enumerate(latest) if record.id in named]
    return latest[: places[min(len(places), MOST) - 1] + 1] if places else []


def _mentions(text: str, wanted: Sequence[str]) -> bool:
    """Return whether all words stand in a text, inflections allowed for."""
    there = set(re.findall(r"[^\W_]+", text.lower()))
    return all(any(_same(word, one) for one in there) for word in wanted)


def _same(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return (
        short == long
        or (long in (f"{short}s", f"{short}es"))
        or (len(short) >= 4 and len(long) - len(short) <= 2 and long.startswith(short))
    )


def _without_repeats(found: Sequence[tuple[VideoRecord, Text]]) -> list[tuple[VideoRecord, Text]]:
    """Objects are told clip by clip: of one run of the same words the latest is enough."""
    kept: list[tuple[VideoRecord, Text]] = []
    for record, text in found:
        last = kept[-1] if kept else None
        if last is None or text.channel != OBJECTS or (last[0].id, last[1].text) != (record.id, text.text):
            kept.append((record, text))
    return kept


def _row(record: VideoRecord, text: Text) -> dict[str, Any]:
    return {
        "video": record.id,
        "uri": str(_place(text)),
        "span": Span(text.start, max(text.start, text.end)),
        "channel": text.channel,
        "text": text.text,
    }


def _place(text: Text) -> MediaURI:
    box = box_of(text.data) if text.channel == "screen_text" else None
    return MediaURI(text.video, Span(text.start, max(text.start, text.end)), box)


def _looked_at(
    memory: MemoryView,
    records: Sequence[VideoRecord],
    found: Sequence[tuple[VideoRecord, Text]],
    wanted: Sequence[str],
) -> list[dict[str, Any]]:
    """What each channel covers of the videos from the earliest sighting on, oldest first: where it could have shown."""
    since = min((_begin(record) for record, _ in found), default=(False, 0.0))
    known = any(labels_for(word, COCO_LABELS) for word in wanted)
    rows = []
    for record in [record for record in records if _begin(record) >= since][-_VIDEOS:]:
        channels = {
            channel: list(spans)
            for channel, spans in memory.coverage(record.id).channels.items()
            if channel in _CHANNELS and (channel != OBJECTS or known)
        }
        silent = {"speech"} if not record.has_audio else set()
        silent |= {"screen_text"} if not record.width else set()
        channels |= {channel: [record.span] for channel in silent}  # nothing is to be heard or read there
        rows.append(
            {
                "video": record.id,
                "name": record.name,
                "start": record.start,
                "end": record.end,
                "recorded": record.recorded,
                "zone": record.zone,
                "channels": channels,
            }
        )
    return rows
