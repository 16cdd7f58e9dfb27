"""Search in what was known at a moment: a memory of its own that holds nothing else, so that nothing else counts."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..store.database import Store
from ..store.full_text import indexed_form, marks
from ..store.search import Encoders, Searcher
from ..types import Clip, Text


@dataclass(frozen=True, slots=True)
class Piece:
    """A stored vector: of which space, over which span, and the row that it is of (None for pictures)."""

    channel: str
    stamp: str
    start: float
    end: float
    text: int | None
    vector: bytes
    """float16, as it is stored."""


class PastStore(Store):
    """A store in memory alone; filled once, then only read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self.holds_writer_lock = False
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.writable = True
        self._create()
        self.writable = False

    def fill(self, video: str, channels: Iterable[str], texts: Sequence[Text], clips: Sequence[Clip]) -> None:
        """Put in what is known of a video."""
        with self.transaction() as db:
            # Only what searches read; the rest of a record is asked of the memory itself.
            db.execute("INSERT INTO videos VALUES (?, ?, '', '', 0, 0, '{}', '', '')", (video, video))
            db.executemany("INSERT INTO channels VALUES (?, ?, '')", [(video, channel) for channel in channels])
            db.executemany(
                "INSERT INTO clips VALUES (?, ?, ?, ?, ?)",
                [(clip.id, clip.video, clip.level, clip.start, clip.end) for clip in clips],
            )
            db.executemany(
                "INSERT INTO texts VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
                [
                    (text.id, video, text.channel, text.start, text.end, text.text, json.dumps(text.data))
                    for text in texts
                ],
            )
            db.executemany(
                "INSERT INTO words (rowid, text) VALUES (?, ?)",
                [(text.id, indexed_form(text.text) + marks(text.data)) for text in texts],
            )

    def put(self, video: str, pieces: Iterable[Piece]) -> None:
        """Put in vectors of a video."""
        spaces: dict[tuple[str, str], int] = {}
        with self.transaction() as db:
            for piece in pieces:
                key = (piece.channel, piece.stamp)
                if key not in spaces:
                    dim = len(piece.vector) // 2
                    db.execute("INSERT OR IGNORE INTO spaces (channel, stamp, dim) VALUES (?, ?, ?)", (*key, dim))
                    (spaces[key],) = db.execute("SELECT id FROM spaces WHERE channel = ? AND stamp = ?", key).fetchone()
                db.execute(
                    "INSERT INTO vectors (space, unit, video, text, start_s, end_s, vector) "
                    "VALUES (?, 0, ?, ?, ?, ?, ?)",
                    (spaces[key], video, piece.text, piece.start, piece.end, piece.vector),
                )


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """What is known of a video at the moment of the search."""

    video: str
    channels: tuple[str, ...]
    texts: tuple[Text, ...]
    clips: tuple[Clip, ...]


def searcher_of(store: Store, encoders: Encoders, videos: Sequence[KnownVideo], now: float) -> Searcher:
    """A searcher over some videos as they are known at `now`; vectors of texts that are stored are taken over.

    Args:
        store: the memory's.
        encoders: its encoders.
        videos: what is known of them.
        now: seconds on the clock of each.
    """
    past = PastStore(store.folder)
    for known in videos:
        past.fill(known.video, known.channels, known.texts, known.clips)
        past.put(known.video, _pictures(store, known, now))
        past.put(known.video, _of_texts(store, encoders, known))
    return Searcher(past, encoders)


def _pictures(store: Store, known: KnownVideo, now: float) -> list[Piece]:
    """Vectors of clips that are over, with their descriptions where they have any."""
    rows = store.rows(
        "SELECT s.stamp, v.start_s, v.end_s, v.vector, t.start_s, t.end_s, t.text FROM vectors v "
        "JOIN spaces s ON s.id = v.space JOIN units u ON u.id = v.unit LEFT JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel = 'visual' AND u.end_s <= ?",
        (known.video, now),
    )
    own = {(text.start, text.end, text.text): text.id for text in known.texts if text.channel == "visual"}
    return [
        Piece("visual", stamp, start, end, own.get((first, last, words)), vector)
        for stamp, start, end, vector, first, last, words in rows
    ]


def _of_texts(store: Store, encoders: Encoders, known: KnownVideo) -> list[Piece]:
    """Vectors of texts: a text's vector is that of its words, whenever they were read."""
    rows = store.rows(
        "SELECT s.stamp, t.text, v.vector FROM vectors v JOIN spaces s ON s.id = v.space JOIN texts t ON t.id = v.text "
        "WHERE v.video = ? AND s.channel != 'visual'",
        (known.video,),
    )
    stored: dict[str, dict[str, bytes]] = {}
    for stamp, words, vector in rows:
        stored.setdefault(stamp, {})[words] = vector
    texts = [text for text in known.texts if text.channel != "visual"]
    if not texts:
        return []
    stamp = encoders.text.stamp
    vectors = stored.setdefault(stamp, {})
    missing = list(dict.fromkeys(text.text for text in texts if text.text not in vectors))
    if missing:
        made = encoders.text.encode(missing)
        vectors |= {w: np.asarray(row, np.float16).tobytes() for w, row in zip(missing, made, strict=True)}
    return [piece for stamp, vectors in stored.items() for piece in _pieces(texts, stamp, vectors)]


def _pieces(texts: Sequence[Text], stamp: str, vectors: Mapping[str, bytes]) -> list[Piece]:
    return [
        Piece(text.channel, stamp, text.start, text.end, text.id, vectors[text.text])
        for text in texts
        if text.text in vectors
    ]
