"""A search over some rows of a memory and nothing else: only they are found, and only they are counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..types import Clip, Text
from .database import Store
from .full_text import indexed_form, marks
from .search import Encoders, Searcher


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector of a space, over a span, and the id of its text (None for pictures); float16, as it is stored."""

    channel: str
    stamp: str
    start: float
    end: float
    text: int | None
    vector: bytes


@dataclass(frozen=True, slots=True)
class VideoRows:
    """The rows of one video that a search may find."""

    video: str
    channels: Iterable[str]
    texts: Sequence[Text]
    clips: Sequence[Clip]
    vectors: Sequence[Vector]


def searcher_over(store: Store, encoders: Encoders, videos: Iterable[VideoRows]) -> Searcher:
    """Return a searcher over a database in memory that holds these rows of a memory, so that nothing else counts."""
    held = Store(store.folder, read_only=False, in_memory=True)
    for rows in videos:
        _fill(held, rows)
    held.writable = False
    return Searcher(held, encoders)


def _fill(held: Store, rows: VideoRows) -> None:
    video = rows.video
    with held.transaction() as db:
        # Only what searches read; the rest of a record is asked of the memory itself.
        db.execute("INSERT INTO videos VALUES (?, ?, '', '', 0, 0, '{}', '', '')", (video, video))
        db.executemany("INSERT INTO channels VALUES (?, ?, '')", [(video, channel) for channel in rows.channels])
        clips = [(clip.id, clip.video, clip.level, clip.start, clip.end) for clip in rows.clips]
        db.executemany("INSERT INTO clips VALUES (?, ?, ?, ?, ?)", clips)
        for text in rows.texts:
            row = (text.id, video, text.channel, text.start, text.end, text.text, json.dumps(text.data))
            db.execute("INSERT INTO texts VALUES (?, 0, ?, ?, ?, ?, ?, ?)", row)
            words = indexed_form(text.text) + marks(text.data)
            db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (text.id, words))
        for one in rows.vectors:
            space = (one.channel, one.stamp)
            dim = len(one.vector) // 2
            db.execute("INSERT OR IGNORE INTO spaces (channel, stamp, dim) VALUES (?, ?, ?)", (*space, dim))
            db.execute(
                "INSERT INTO vectors (space, unit, video, text, start_s, end_s, vector) VALUES "
                "((SELECT id FROM spaces WHERE channel = ? AND stamp = ?), 0, ?, ?, ?, ?, ?)",
                (*space, video, one.text, one.start, one.end, one.vector),
            )


def picture_vectors(store: Store, video: str, texts: Sequence[Text], now: float) -> list[Vector]:
    """Return the vectors of clips that are over by `now`, with their descriptions where they have any."""
    rows = store.rows(
        "SELECT s.stamp, v.start_s, v.end_s, v.vector, t.start_s, t.end_s, t.text FROM vectors v "
        "JOIN spaces s ON s.id = v.space JOIN units u ON u.id = v.unit LEFT JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel = 'visual' AND u.end_s <= ?",
        (video, now),
    )
    ids = {(text.start, text.end, text.text): text.id for text in texts if text.channel == "visual"}
    return [
        Vector("visual", stamp, start, end, ids.get((first, last, words)), vector)
        for stamp, start, end, vector, first, last, words in rows
    ]


def text_vectors(store: Store, encoders: Encoders, video: str, texts: Sequence[Text]) -> list[Vector]:
    """Return the vectors of texts: a text's vector is that of its words, whenever they were read."""
    texts = [text for text in texts if text.channel != "visual"]
    if not texts:
        return []
    by_stamp: dict[str, dict[str, bytes]] = {encoders.text.stamp: {}}
    for stamp, words, vector in store.rows(
        "SELECT s.stamp, t.text, v.vector FROM vectors v JOIN spaces s ON s.id = v.space JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel != 'visual'",
        (video,),
    ):
        by_stamp.setdefault(stamp, {})[words] = vector
    current = by_stamp[encoders.text.stamp]
    missing = list(dict.fromkeys(text.text for text in texts if text.text not in current))
    if missing:
        rows = encoders.text.encode(missing)
        current |= {words: np.asarray(row, np.float16).tobytes() for words, row in zip(missing, rows, strict=True)}
    return [
        Vector(text.channel, stamp, text.start, text.end, text.id, vectors[text.text])
        for stamp, vectors in by_stamp.items()
        for text in texts
        if text.text in vectors
    ]
