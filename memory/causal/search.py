"""Search in what was known at a moment: a database in memory that holds nothing else, so that nothing else counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..store.database import Store
from ..store.full_text import indexed_form, marks
from ..store.search import Encoders, Searcher
from ..types import Clip, Text


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """The rows of a video that are known at the moment of the search."""

    video: str
    channels: tuple[str, ...]
    texts: tuple[Text, ...]
    clips: tuple[Clip, ...]


@dataclass(frozen=True, slots=True)
class _Vector:
    """A vector of a space, over a span, and the id of its text (None for pictures); float16, as it is stored."""

    channel: str
    stamp: str
    start: float
    end: float
    text: int | None
    vector: bytes


def searcher_of(store: Store, encoders: Encoders, videos: Sequence[KnownVideo], now: float) -> Searcher:
    """Return a searcher over some videos as they are known at `now`; stored vectors are taken over.

    Args:
        store: the memory's.
        encoders: its encoders.
        videos: the rows that are known of them.
        now: seconds on the clock of each.
    """
    past = Store.in_memory(store.folder)
    for known in videos:
        _fill(past, known, [*_of_pictures(store, known, now), *_of_texts(store, encoders, known)])
    past.writable = False
    return Searcher(past, encoders)


def _fill(past: Store, known: KnownVideo, vectors: Sequence[_Vector]) -> None:
    video = known.video
    with past.transaction() as db:
        # Only what searches read; the rest of a record is asked of the memory itself.
        db.execute("INSERT INTO videos VALUES (?, ?, '', '', 0, 0, '{}', '', '')", (video, video))
        db.executemany("INSERT INTO channels VALUES (?, ?, '')", [(video, channel) for channel in known.channels])
        clips = [(clip.id, clip.video, clip.level, clip.start, clip.end) for clip in known.clips]
        db.executemany("INSERT INTO clips VALUES (?, ?, ?, ?, ?)", clips)
        for text in known.texts:
            row = (text.id, video, text.channel, text.start, text.end, text.text, json.dumps(text.data))
            db.execute("INSERT INTO texts VALUES (?, 0, ?, ?, ?, ?, ?, ?)", row)
            words = indexed_form(text.text) + marks(text.data)
            db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (text.id, words))
        for one in vectors:
            space = (one.channel, one.stamp)
            dim = len(one.vector) // 2
            db.execute("INSERT OR IGNORE INTO spaces (channel, stamp, dim) VALUES (?, ?, ?)", (*space, dim))
            db.execute(
                "INSERT INTO vectors (space, unit, video, text, start_s, end_s, vector) VALUES "
                "((SELECT id FROM spaces WHERE channel = ? AND stamp = ?), 0, ?, ?, ?, ?, ?)",
                (*space, video, one.text, one.start, one.end, one.vector),
            )


def _of_pictures(store: Store, known: KnownVideo, now: float) -> list[_Vector]:
    """Vectors of clips that are over, with their descriptions where they have any."""
    rows = store.rows(
        "SELECT s.stamp, v.start_s, v.end_s, v.vector, t.start_s, t.end_s, t.text FROM vectors v "
        "JOIN spaces s ON s.id = v.space JOIN units u ON u.id = v.unit LEFT JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel = 'visual' AND u.end_s <= ?",
        (known.video, now),
    )
    ids = {(text.start, text.end, text.text): text.id for text in known.texts if text.channel == "visual"}
    return [
        _Vector("visual", stamp, start, end, ids.get((first, last, words)), vector)
        for stamp, start, end, vector, first, last, words in rows
    ]


def _of_texts(store: Store, encoders: Encoders, known: KnownVideo) -> list[_Vector]:
    """Vectors of texts: a text's vector is that of its words, whenever they were read."""
    texts = [text for text in known.texts if text.channel != "visual"]
    if not texts:
        return []
    by_stamp: dict[str, dict[str, bytes]] = {encoders.text.stamp: {}}
    for stamp, words, vector in store.rows(
        "SELECT s.stamp, t.text, v.vector FROM vectors v JOIN spaces s ON s.id = v.space JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel != 'visual'",
        (known.video,),
    ):
        by_stamp.setdefault(stamp, {})[words] = vector
    current = by_stamp[encoders.text.stamp]
    missing = list(dict.fromkeys(text.text for text in texts if text.text not in current))
    if missing:
        rows = encoders.text.encode(missing)
        current |= {words: np.asarray(row, np.float16).tobytes() for words, row in zip(missing, rows, strict=True)}
    return [
        _Vector(text.channel, stamp, text.start, text.end, text.id, vectors[text.text])
        for stamp, vectors in by_stamp.items()
        for text in texts
        if text.text in vectors
    ]
