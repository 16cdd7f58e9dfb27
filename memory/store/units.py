"""Units of work: what is to do for a video, and the one transaction in which a unit's rows and its done-mark meet."""

from __future__ import annotations

import bisect
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..encoders import TextEncoder
from ..span import Span, merge_spans
from ..types import Text
from .database import Store
from .full_text import indexed_form, marks
from .schema import LOGS, PARTS

BLOCKS_AT_ONCE = 60
"""Units of which the texts are put together, and held in memory, at once."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work: a channel over a span of a video."""

    id: int
    video: str
    channel: str
    span: Span


@dataclass(frozen=True, slots=True)
class NewText:
    """A text that is not stored yet; `data` must be JSON."""

    start: float
    end: float
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewVector:
    """A unit vector [dim] over a span; `text` is the position of its text in the same commit, None for pictures."""

    start: float
    end: float
    vector: np.ndarray
    text: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a unit makes. `stamp` names the encoder of the vectors; empty when there are none.

    `log` says, as JSON, what was found at which moment, for channels whose texts come of several moments.
    """

    texts: Sequence[NewText] = ()
    vectors: Sequence[NewVector] = ()
    stamp: str = ""
    log: str = ""


def plan_clips(store: Store, video: str, clipping: str, spans: Iterable[Span]) -> None:
    """Replace the clips of a video; `clipping` says how they were cut."""
    with store.transaction() as db:
        replace_level(db, video, "clip", spans)
        db.execute("UPDATE videos SET clipping = ? WHERE id = ?", (clipping, video))


def plan_channel(store: Store, video: str, channel: str, stamp: str, spans: Iterable[Span]) -> None:
    """State what is to do for a channel. Another stamp than before drops all that it has; else spans that went do."""
    bounds = {(span.start, span.end) for span in spans}
    with store.transaction() as db:
        row = db.execute("SELECT stamp FROM channels WHERE video = ? AND channel = ?", (video, channel)).fetchone()
        units = db.execute(
            "SELECT id, start_s, end_s FROM units WHERE video = ? AND channel = ?", (video, channel)
        ).fetchall()
        same = row is not None and row[0] == stamp
        delete_units(db, [id_ for id_, start, end in units if not same or (start, end) not in bounds])
        db.executemany(
            "INSERT OR IGNORE INTO units (video, channel, start_s, end_s) VALUES (?, ?, ?, ?)",
            [(video, channel, start, end) for start, end in sorted(bounds)],
        )
        db.execute("INSERT OR REPLACE INTO channels VALUES (?, ?, ?)", (video, channel, stamp))


def plan_more(
    store: Store, video: str, channel: str, spans: Iterable[Span], *, left_out: Iterable[Span] = (), reason: str = ""
) -> None:
    """State what more is to do for a channel of a video that has grown; those left out are failed, for a reason."""
    rows: list[tuple[str, str, float, float, str, str | None]]
    rows = [(video, channel, span.start, span.end, "todo", None) for span in spans]
    rows += [(video, channel, span.start, span.end, "failed", reason) for span in left_out]
    with store.transaction() as db:
        db.executemany(
            "INSERT OR IGNORE INTO units (video, channel, start_s, end_s, status, reason) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )


def append_clips(store: Store, video: str, spans: Iterable[Span]) -> None:
    """Add clips to a video that has grown."""
    with store.transaction() as db:
        db.executemany(
            "INSERT OR IGNORE INTO clips (video, level, start_s, end_s) VALUES (?, 'clip', ?, ?)",
            [(video, span.start, span.end) for span in spans],
        )


def plan_again(
    store: Store, video: str, channels: Sequence[str], status: str, within: Sequence[Span] | None = None
) -> None:
    """Put the units of these channels that are `done` or `failed` back to do; what they found goes.

    Those that have no piece of these parts stay (None: none do).
    """
    with store.transaction() as db:
        units = db.execute(
            "SELECT id, video, channel, start_s, end_s FROM units WHERE video = ? AND status = ? "
            f"AND channel IN ({_marks(channels)})",
            (video, status, *channels),
        ).fetchall()
        units = [unit for unit in units if _touches(Span(*unit[3:]), within)]
        delete_units(db, [unit[0] for unit in units])
        db.executemany(
            "INSERT INTO units (video, channel, start_s, end_s) VALUES (?, ?, ?, ?)", [unit[1:] for unit in units]
        )


def parts(store: Store, video: str) -> list[Span] | None:
    """Return the parts of a video that are asked for, in order; None where all of it is."""
    if not store.rows("SELECT 1 FROM sqlite_master WHERE name = 'parts'"):
        return None
    rows = store.rows("SELECT start_s, end_s FROM parts WHERE video = ?", (video,))
    return merge_spans(Span(start, end) for start, end in rows) or None


def put_part(store: Store, video: str, part: Span | None) -> None:
    """Ask for a part of a video besides those before, or, with None, for all of it."""
    with store.transaction() as db:
        db.execute(PARTS)
        if part is None:
            db.execute("DELETE FROM parts WHERE video = ?", (video,))
        else:
            db.execute("INSERT OR IGNORE INTO parts VALUES (?, ?, ?)", (video, part.start, part.end))


def units_to_do(store: Store, video: str, channels: Sequence[str], within: Sequence[Span] | None = None) -> list[Unit]:
    """Units that are still to do, in time order: those that have a piece of these parts (None: all)."""
    rows = store.rows(
        "SELECT id, video, channel, start_s, end_s FROM units WHERE video = ? AND status = 'todo' "
        f"AND channel IN ({_marks(channels)}) ORDER BY start_s, channel",
        (video, *channels),
    )
    units = [Unit(id_, name, channel, Span(start, end)) for id_, name, channel, start, end in rows]
    return [unit for unit in units if _touches(unit.span, within)]


def touching(spans: Sequence[Span], parts: Sequence[Span] | None) -> list[Span]:
    """Return the spans that have a piece of these parts (None: all)."""
    return [span for span in spans if _touches(span, parts)]


def _touches(span: Span, parts: Sequence[Span] | None) -> bool:
    return parts is None or any(span.overlap(part) > 0 for part in parts)


def spans(store: Store, video: str, channel: str) -> list[Span]:
    """Return the spans of all units of a channel, in time order."""
    rows = store.rows(
        "SELECT start_s, end_s FROM units WHERE video = ? AND channel = ? ORDER BY start_s", (video, channel)
    )
    return [Span(start, end) for start, end in rows]


def count_units(store: Store, video: str) -> dict[str, tuple[int, int]]:
    """Per channel: units that are done or failed, and all."""
    rows = store.rows(
        "SELECT channel, sum(status != 'todo'), count(*) FROM units WHERE video = ? GROUP BY channel", (video,)
    )
    return {channel: (done, total) for channel, done, total in rows}


def open_spans(store: Store, video: str) -> dict[str, list[Span]]:
    """Per channel that was asked for: the spans of the units that are still to do, or failed, in time order."""
    spans: dict[str, list[Span]] = {}
    for (channel,) in store.rows("SELECT channel FROM channels WHERE video = ? ORDER BY channel", (video,)):
        spans[channel] = []
    rows = store.rows(
        "SELECT channel, start_s, end_s FROM units WHERE video = ? AND status != 'done' ORDER BY start_s", (video,)
    )
    for channel, start, end in rows:
        spans.setdefault(channel, []).append(Span(start, end))
    return spans


def seconds_by_status(store: Store, video: str) -> dict[str, dict[str, float]]:
    """Per channel that was asked for: the seconds of its units that are `todo`, `done` and `failed`."""
    seconds: dict[str, dict[str, float]] = {
        channel: {} for (channel,) in store.rows("SELECT channel FROM channels WHERE video = ?", (video,))
    }
    rows = store.rows(
        "SELECT channel, status, sum(end_s - start_s) FROM units WHERE video = ? GROUP BY channel, status", (video,)
    )
    for channel, status, length in rows:
        seconds.setdefault(channel, {})[status] = length
    return seconds


def finish(store: Store, unit: Unit, found: Rows, levels: dict[str, list[Span]] | None = None) -> None:
    """Commit what a unit found together with its done-mark; `levels` also replaces coarse levels of the video."""
    with store.transaction() as db:
        for level, spans in (levels or {}).items():
            replace_level(db, unit.video, level, spans)
        texts = [_insert_text(db, unit, text) for text in found.texts]
        insert_vectors(db, unit, found, texts)
        if found.log:
            db.execute(LOGS)
            db.execute("INSERT OR REPLACE INTO logs VALUES (?, ?)", (unit.id, found.log))
        db.execute(
            "UPDATE units SET status = 'done', reason = NULL, finished_at = ? WHERE id = ?", (time.time(), unit.id)
        )


def fail(store: Store, unit: Unit, reason: str) -> None:
    """Mark a unit that cannot be done."""
    with store.transaction() as db:
        db.execute(
            "UPDATE units SET status = 'failed', reason = ?, finished_at = ? WHERE id = ?",
            (reason, time.time(), unit.id),
        )


def embed_again(store: Store, unit: Unit, encoder: TextEncoder) -> None:
    """Replace the vectors of a unit's texts by those of another encoder, all or none."""
    rows = store.rows("SELECT id, start_s, end_s, text FROM texts WHERE unit = ? ORDER BY id", (unit.id,))
    encoded = encoder.encode([row[3] for row in rows])
    vectors = [
        NewVector(row[1], row[2], vector, at) for at, (row, vector) in enumerate(zip(rows, encoded, strict=True))
    ]
    with store.transaction() as db:
        _delete_vectors(db, unit.id)
        insert_vectors(db, unit, Rows((), vectors, encoder.stamp), [row[0] for row in rows])


def replace_texts(store: Store, video: str, channel: str, made: Callable[[list[Text], float], list[NewText]]) -> None:
    """Put other texts in place of all that a channel has of a video; each belongs to the unit in which it begins.

    Vectors are dropped: `embed_again` makes them.

    Args:
        store: where they are.
        video: its id.
        channel: of which all units are done.
        made: is given the texts of the next units, and the second up to which these go (infinity with the last ones);
            gives texts to be kept.
    """
    with store.transaction() as db:
        units = db.execute(
            "SELECT id, start_s FROM units WHERE video = ? AND channel = ? ORDER BY start_s", (video, channel)
        ).fetchall()
        starts = [start for _, start in units]
        for first in range(0, len(units), BLOCKS_AT_ONCE):
            some = [id_ for id_, _ in units[first : first + BLOCKS_AT_ONCE]]
            old = [text for id_ in some for text in store.texts_of_unit(id_)]
            for id_ in some:
                _delete_vectors(db, id_)
                _delete_texts(db, id_)
            last = first + BLOCKS_AT_ONCE
            end = starts[last] if last < len(starts) else math.inf
            for new in made(old, end):
                id_, start = units[max(0, bisect.bisect_right(starts, new.start + 1e-6) - 1)]
                _insert_text(db, Unit(id_, video, channel, Span(start, start)), new)


def replace_rows(store: Store, video: str, channel: str, old: Sequence[Text], made: Sequence[NewText]) -> None:
    """Put other texts in place of some of a channel; each belongs to the unit in which it begins. Vectors are dropped.

    Args:
        store: where they are.
        video: its id.
        channel: that of the texts.
        old: texts that go.
        made: texts that come.
    """
    with store.transaction() as db:
        rows = "SELECT id, start_s FROM units WHERE video = ? AND channel = ? ORDER BY start_s"
        units = db.execute(rows, (video, channel)).fetchall()
        starts = [start for _, start in units]
        for one in ((text.id,) for text in old):
            db.execute(
                "UPDATE spaces SET generation = generation + 1 WHERE id IN (SELECT space FROM vectors WHERE text = ?)",
                one,
            )
            db.execute("DELETE FROM vectors WHERE text = ?", one)
            db.execute("DELETE FROM words WHERE rowid = ?", one)
            db.execute("DELETE FROM texts WHERE id = ?", one)
        for new in made:
            id_, start = units[max(0, bisect.bisect_right(starts, new.start + 1e-6) - 1)]
            _insert_text(db, Unit(id_, video, channel, Span(start, start)), new)


def insert_vectors(db: sqlite3.Connection, unit: Unit, found: Rows, texts: Sequence[int]) -> None:
    """Insert the vectors of a unit, inside a transaction; `texts` are the ids that `NewVector.text` counts into."""
    if not found.vectors:
        return
    key = (unit.channel, found.stamp)
    db.execute(
        "INSERT OR IGNORE INTO spaces (channel, stamp, dim) VALUES (?, ?, ?)", (*key, len(found.vectors[0].vector))
    )
    (space,) = db.execute("SELECT id FROM spaces WHERE channel = ? AND stamp = ?", key).fetchone()
    db.executemany(
        "INSERT INTO vectors (space, unit, video, text, start_s, end_s, vector) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (space, unit.id, unit.video, None if new.text is None else texts[new.text], new.start, new.end,
             np.asarray(new.vector, np.float16).tobytes())
            for new in found.vectors
        ],
    )  # fmt: skip


def delete_units(db: sqlite3.Connection, units: Sequence[int]) -> None:
    """Delete units with all that they found, inside a transaction; index caches see it by the generation."""
    logged = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'logs'").fetchone()
    for unit in units:
        _delete_vectors(db, unit)
        _delete_texts(db, unit)
        if logged:
            db.execute("DELETE FROM logs WHERE unit = ?", (unit,))
        db.execute("DELETE FROM units WHERE id = ?", (unit,))


def remove_video(store: Store, video: str) -> None:
    """Forget a video with everything that was found in it."""
    with store.transaction() as db:
        delete_units(db, [row[0] for row in db.execute("SELECT id FROM units WHERE video = ?", (video,))])
        db.execute("DELETE FROM videos WHERE id = ?", (video,))


def replace_level(db: sqlite3.Connection, video: str, level: str, spans: Iterable[Span]) -> None:
    """Replace the clips of one level, inside a transaction."""
    db.execute("DELETE FROM clips WHERE video = ? AND level = ?", (video, level))
    db.executemany(
        "INSERT INTO clips (video, level, start_s, end_s) VALUES (?, ?, ?, ?)",
        [(video, level, span.start, span.end) for span in spans],
    )


def _insert_text(db: sqlite3.Connection, unit: Unit, new: NewText) -> int:
    cursor = db.execute(
        "INSERT INTO texts (unit, video, channel, start_s, end_s, text, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (unit.id, unit.video, unit.channel, new.start, new.end, new.text, json.dumps(new.data, ensure_ascii=False)),
    )
    row = cursor.lastrowid
    assert row is not None
    db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, indexed_form(new.text) + marks(new.data)))
    return row


def _delete_texts(db: sqlite3.Connection, unit: int) -> None:
    db.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM texts WHERE unit = ?)", (unit,))
    db.execute("DELETE FROM texts WHERE unit = ?", (unit,))


def _delete_vectors(db: sqlite3.Connection, unit: int) -> None:
    db.execute(
        "UPDATE spaces SET generation = generation + 1 WHERE id IN (SELECT space FROM vectors WHERE unit = ?)", (unit,)
    )
    db.execute("DELETE FROM vectors WHERE unit = ?", (unit,))


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
