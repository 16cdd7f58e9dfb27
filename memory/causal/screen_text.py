"""On-screen text as it was known at a moment: made anew of the looks up to then, or, without these, cut with care."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..ocr.blocks import BlockBuilder, as_data
from ..ocr.lines import overlap, same_place
from ..ocr.timeline import TextLog, readings_of
from ..span import Box
from ..store.database import Store
from ..store.units import BLOCKS_AT_ONCE, NewText
from ..types import Text

_CHANNEL = "screen_text"
_SLACK = 2.0  # seconds behind a text in which it may still have been followed, and is not known for sure
_REACH = 6.0  # seconds for which a text may be missing and still be one with the text before


def text_until(store: Store, video: str, aspect: float, now: float) -> tuple[list[NewText], float]:
    """Return the blocks of on-screen text, made of pictures before `now` alone, and up to when they are known.

    `aspect` is the width of its picture over the height, `now` seconds on its clock.
    """
    logged = bool(store.rows("SELECT 1 FROM sqlite_master WHERE name = 'logs'"))
    units = store.rows(
        f"SELECT u.start_s, u.end_s, u.status, {'l.log' if logged else 'NULL'} FROM units u "
        f"{'LEFT JOIN logs l ON l.unit = u.id ' if logged else ''}"
        "WHERE u.video = ? AND u.channel = ? AND u.start_s < ? ORDER BY u.start_s",
        (video, _CHANNEL, now),
    )
    if any(status == "done" and log is None for _, _, status, log in units):
        return _with_care(store.texts(video, channel=_CHANNEL), now)
    logged_units = [(start, end, log) for start, end, _, log in units]
    builder = BlockBuilder(aspect)
    found: list[NewText] = []
    for first in range(0, len(logged_units), BLOCKS_AT_ONCE):
        some = logged_units[first : first + BLOCKS_AT_ONCE]
        rest = logged_units[first + BLOCKS_AT_ONCE :]
        found += builder.add(_lines(some, now), rest[0][0] if rest else math.inf)
    return sorted(found, key=lambda row: (row.start, row.end)), now


def _lines(units: Sequence[tuple[float, float, str | None]], now: float) -> list[Text]:
    """The lines of some units, each over the samples that had shown it by `now`."""
    texts = []
    for _, end, log in units:
        if log is None:
            continue
        samples = TextLog.from_json(log)
        for reading in readings_of(samples if end <= now else samples.until(now), min(end, now)):
            data = as_data(reading)
            texts.append(Text(0, "", _CHANNEL, reading.start, reading.end, reading.text, data))
    return texts


def _with_care(rows: Sequence[Text], now: float) -> tuple[list[NewText], float]:
    """Of rows that do not tell when they were read: those none of whose lines was followed beyond `now`.

    A line's wording is chosen from all the time that it stood, in however many blocks: where it stands on, or comes
    back soon, it may have been read later.
    """
    kept: list[NewText] = []
    doubtful = now - _SLACK
    later: list[tuple[float, str, Box]] = []  # lines that were read after now, directly or through others: from when
    for row in sorted(rows, key=lambda each: -each.end):
        lines = [
            (line["text"], Box(*line["box"])) for line in row.data.get("lines") or [{"text": row.text, **row.data}]
        ]
        late = row.end > now - _SLACK
        reached = [since for since, text, box in later if since - row.end <= _REACH and _one_of(lines, text, box)]
        if late or reached:
            later += [(row.start, text, box) for text, box in lines]
            doubtful = min(doubtful, row.start)
        else:
            kept.append(NewText(row.start, row.end, row.text, row.data))
    return sorted(kept, key=lambda row: (row.start, row.end)), doubtful


def _one_of(lines: Sequence[tuple[str, Box]], text: str, box: Box) -> bool:
    """Return whether one of the lines may hold a piece of this one, read over all the time that both stood."""
    words = set(text.casefold().split())
    return any(
        own == text
        or (not words.isdisjoint(own.casefold().split()) and (same_place(place, box) or overlap(place, box) > 0))
        for own, place in lines
    )


def covered(store: Store, video: str, channel: str, now: float, margin: float, end: float) -> float:
    """Return the second up to which a channel was worked off by `now`.

    A unit looks `margin` seconds beyond its own end, and nothing beyond `end`, where the video ends.
    """
    units = store.rows(
        "SELECT start_s, end_s, status FROM units WHERE video = ? AND channel = ? ORDER BY start_s", (video, channel)
    )
    latest = -math.inf
    for _, stop, status in units:
        if status == "todo" or min(stop + margin, end) > now:
            break
        latest = stop
    return latest
