"""The truth of a memory: one SQLite database of videos, units of work, clips, texts and vectors."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files.names import from_sql, printable, to_sql
from ..span import Span
from ..types import ENDED, FACES, MAIN, OPEN, VOICES, Clip, Failure, Text, VideoRecord
from . import schema
from .sqlite import Database

if TYPE_CHECKING:
    from ..protocol import VideoInfo

_CHUNK = 8192  # vectors that are read at once


@dataclass(frozen=True, slots=True)
class Space:
    """A space of vectors that can be compared: one channel by one encoder. `generation` moves when rows are deleted."""

    id: int
    channel: str
    stamp: str
    dim: int
    generation: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was found to be a video: ids of the video and of its content, bytes and mtime in ns at that time."""

    video: str
    content_id: str
    size: int
    mtime_ns: int


class Store(Database):
    """Reads and writes of `memory.sqlite`. Any thread may read; writing is inside `writing()` and `transaction()`."""

    # Videos

    def records(self, video: str | None = None) -> list[VideoRecord]:
        """Every video, or the one of that id, in the order of adding."""
        where, parameters = ("WHERE id = ?", (video,)) if video is not None else ("", ())
        only = "WHERE video = ?" if video is not None else ""
        channels: dict[str, dict[str, str]] = {}
        for name, channel, stamp in self.rows(f"SELECT video, channel, stamp FROM channels {only}", parameters):
            channels.setdefault(name, {})[channel] = stamp
        failures: dict[str, list[Failure]] = {}
        todo = set()
        also = "AND video = ?" if video is not None else ""
        for name, channel, start, end, status, reason in self.rows(
            f"SELECT video, channel, start_s, end_s, status, reason FROM units WHERE status != 'done' {also} "
            "ORDER BY start_s, channel",
            parameters,
        ):
            if status == "todo":
                if channel not in (VOICES, FACES):  # indexing does not go on with people, learning them does
                    todo.add(name)
            else:
                with self._sound():
                    failures.setdefault(name, []).append(Failure(channel, Span(start, end), reason))
        recordings = {name: facts for name, *facts in self._recordings(video)}
        watched = self._watched()
        records = []
        for id_, content_id, name, path, start, end, info in self.rows(
            f"SELECT id, content_id, name, path, start_s, end_s, info FROM videos {where} ORDER BY rowid", parameters
        ):
            kept = channels.get(id_, {})
            with self._sound():
                facts = json.loads(info)
                timeline, recorded, zone, source = recordings.get(id_, (MAIN, None, None, ""))
                record = VideoRecord(
                    id=id_, content_id=content_id, name=printable(name), path=from_sql(path), start=float(start),
                    end=float(end),
                    **{**facts, "notes": tuple(facts.get("notes", ()))}, channels=kept,
                    timeline=timeline, recorded=recorded, zone=zone, recorded_source=source,
                    growing=watched.get(id_) == OPEN,
                    complete=bool(kept) and id_ not in todo and watched.get(id_, ENDED) == ENDED,
                    failures=tuple(failures.get(id_, ())),
                )  # fmt: skip
            records.append(record)
        return records

    def _recordings(self, video: str | None = None) -> list[tuple[Any, ...]]:
        if not self.has_table("recordings"):
            return []
        return self.rows(
            "SELECT video, timeline, start_s, zone, source FROM recordings WHERE ?1 IS NULL OR video = ?1", (video,)
        )

    def recording(self, video: str) -> tuple[str, float | None, int | None, str] | None:
        """Return what `put_recording` took for a video; None if it was never called for it."""
        rows = self._recordings(video)
        return None if not rows else (rows[0][1], rows[0][2], rows[0][3], rows[0][4])

    def first_recordings(self) -> tuple[tuple[str, float], ...]:
        """Return of each timeline the seconds of its clock at which its first dated video is at second 0."""
        if not self.has_table("recordings"):
            return ()
        rows = self.rows(
            "SELECT r.timeline, min(r.start_s), v.start_s FROM recordings r JOIN videos v ON v.id = r.video "
            "WHERE r.start_s IS NOT NULL GROUP BY r.timeline"
        )
        return tuple((str(timeline), float(first) - float(start)) for timeline, first, start in rows)

    def _watched(self) -> dict[str, str]:
        if self._scalar("SELECT 1 FROM sqlite_master WHERE name = 'live'") is None:
            return {}
        return dict(self.rows("SELECT video, state FROM live"))

    def put_recording(self, video: str, timeline: str, start: float | None, zone: int | None, source: str) -> None:
        """Take when a video was recorded: its timeline, that timeline's seconds at its start, and the zone.

        Args:
            video: its id.
            timeline: the name of the timeline.
            start: None if nobody knows.
            zone: seconds east of UTC; None if nobody knows.
            source: where that was read, in a few words.
        """
        with self.transaction() as db:
            db.execute(schema.RECORDINGS)
            db.execute(
                "INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?, ?)", (video, timeline, start, zone, source)
            )

    def find(self, text: str, path: str) -> str | None:
        """The id of the video of that id, else of the newest of that path or name; tools ask for one at every call."""
        name, where = printable(text), to_sql(path)
        found = (
            self.rows("SELECT id FROM videos WHERE id = ?", (name,))
            or self.rows("SELECT id FROM videos WHERE path = ? ORDER BY rowid DESC LIMIT 1", (where,))
            or self.rows("SELECT id FROM videos WHERE name = ? ORDER BY rowid DESC LIMIT 1", (name,))
            # Other names under which the same bytes were found.
            or self.rows("SELECT video FROM paths WHERE path = ?", (where,))
            or self.rows(
                "SELECT video FROM paths WHERE substr(path, -length(?1)) = ?1 ORDER BY rowid DESC LIMIT 1",
                (to_sql(f"{os.sep}{text}"),),
            )
        )
        return str(found[0][0]) if found else None

    def file(self, path: str | Path) -> KnownFile | None:
        """The file that last lay at this path, if it was found to be a video."""
        rows = self.rows(
            "SELECT v.id, v.content_id, p.size, p.mtime_ns FROM paths p JOIN videos v ON v.id = p.video "
            "WHERE p.path = ?",
            (to_sql(str(path)),),
        )
        return KnownFile(*rows[0]) if rows else None

    def find_content(self, content_id: str) -> str | None:
        """The id of the video with this content."""
        id_: str | None = self._scalar("SELECT id FROM videos WHERE content_id = ?", content_id)
        return id_

    def paths(self, video: str) -> list[tuple[Path, int, int]]:
        """Every file that was found to be this video: path, size in bytes and mtime in ns; the latest first."""
        rows = self.rows("SELECT path, size, mtime_ns FROM paths WHERE video = ? ORDER BY rowid DESC", (video,))
        return [(Path(from_sql(path)), size, mtime) for path, size, mtime in rows]

    def put_video(self, content_id: str, name: str, info: VideoInfo) -> str:
        """Make the record of a video unless there is one; gives its id."""
        if (known := self.find_content(content_id)) is not None:
            return known
        with self.transaction() as db:
            id_ = free_id(db, content_id)
            details = _facts(info)
            db.execute(
                "INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, ?, '', '')",
                (id_, content_id, printable(name), to_sql(info.path), info.start, info.end, json.dumps(details)),
            )
        return id_

    def put_facts(self, video: str, info: VideoInfo, audio: int | None, notes: Sequence[str]) -> None:
        """Take the bounds of a video, its sound track and what is to be said of it as they were found now."""
        details = _facts(info) | ({} if audio is None else {"audio": audio}) | ({"notes": list(notes)} if notes else {})
        with self.transaction() as db:
            db.execute(
                "UPDATE videos SET start_s = ?, end_s = ?, info = ? WHERE id = ?",
                (info.start, info.end, json.dumps(details, ensure_ascii=False), video),
            )

    def same_bytes(self, content_id: str) -> list[tuple[str, list[Path], str]]:
        """Videos of the same bytes: content id, files that were found to be it, and what made its speech."""
        rows = self.rows(
            "SELECT v.id, v.content_id, coalesce(c.stamp, '') FROM videos v LEFT JOIN channels c ON c.video = v.id "
            "AND c.channel = 'speech' WHERE v.content_id = ?1 OR substr(v.content_id, 1, length(?1) + 1) = ?1 || '.' "
            "ORDER BY v.rowid",
            (content_id,),
        )
        return [(content, [path for path, *_ in self.paths(id_)], stamp) for id_, content, stamp in rows]

    def put_path(self, video: str, path: Path, size: int, mtime_ns: int) -> None:
        """Remember that this file is the video; its name and path follow the latest file."""
        where = to_sql(str(path))
        with self.transaction() as db:
            db.execute("DELETE FROM paths WHERE path = ?", (where,))
            db.execute("INSERT INTO paths VALUES (?, ?, ?, ?)", (where, video, size, mtime_ns))
            db.execute("UPDATE videos SET path = ?, name = ? WHERE id = ?", (where, printable(path.name), video))

    def checked(self, video: str) -> str:
        """The fingerprint of the request for which the video was last complete; see `set_checked`."""
        return str(self._scalar("SELECT checked FROM videos WHERE id = ?", video) or "")

    def set_checked(self, video: str, checked: str) -> None:
        """Note that nothing is left to do for what was asked for."""
        with self.transaction() as db:
            db.execute("UPDATE videos SET checked = ? WHERE id = ?", (checked, video))

    def clipping(self, video: str) -> str:
        """The cut of the video into clips, as text that only changes when the cut does; empty before the first."""
        return str(self._scalar("SELECT clipping FROM videos WHERE id = ?", video) or "")

    # What was found

    def texts(self, video: str, *, channel: str | None = None, between: Span | None = None) -> list[Text]:
        """Texts of a video in time order; `between` keeps those that overlap it."""
        where, parameters = ["video = ?"], [video]
        if channel is not None:
            where.append("channel = ?")
            parameters.append(channel)
        _overlapping(where, parameters, between)
        rows = self.rows(
            f"SELECT id, video, channel, start_s, end_s, text, data FROM texts WHERE {' AND '.join(where)} "
            "ORDER BY start_s, end_s, channel, id",
            parameters,
        )
        return self._texts(rows)

    def texts_of_unit(self, unit: int) -> list[Text]:
        """Texts that a unit found, in time order."""
        rows = self.rows(
            "SELECT id, video, channel, start_s, end_s, text, data FROM texts WHERE unit = ? ORDER BY start_s, id",
            (unit,),
        )
        return self._texts(rows)

    def texts_by_id(self, ids: Iterable[int]) -> dict[int, Text]:
        """Texts by their ids; ids that are gone are left out."""
        numbers = ",".join(str(int(id_)) for id_ in ids)
        rows = self.rows(f"SELECT id, video, channel, start_s, end_s, text, data FROM texts WHERE id IN ({numbers})")
        return {text.id: text for text in self._texts(rows)}

    def _texts(self, rows: Iterable[tuple[Any, ...]]) -> list[Text]:
        with self._sound():
            return [_text(row) for row in rows]

    def clips(self, video: str, level: str, between: Span | None = None) -> list[Clip]:
        """Clips of one level in time order."""
        where, parameters = ["video = ?", "level = ?"], [video, level]
        _overlapping(where, parameters, between)
        rows = self.rows(
            f"SELECT id, video, level, start_s, end_s FROM clips WHERE {' AND '.join(where)} ORDER BY start_s",
            parameters,
        )
        with self._sound():
            return [Clip(id_, name, level, float(start), float(end)) for id_, name, level, start, end in rows]

    def vocabulary(self) -> list[str]:
        """Every stem that the full-text index holds."""
        with self._lock, self._plainly():
            self._connection.execute(schema.VOCABULARY)  # a view of this connection: nothing is stored
            return [row[0] for row in self._connection.execute("SELECT term FROM temp.vocabulary")]

    # Vectors

    def spaces(self, channel: str | None = None) -> list[Space]:
        """All vector spaces, or those of a channel."""
        rows = self.rows(
            "SELECT id, channel, stamp, dim, generation FROM spaces WHERE ?1 IS NULL OR channel = ?1", (channel,)
        )
        return [Space(*row) for row in rows]

    def newest_vector(self) -> int:
        """The highest id that a vector ever had; 0 before the first."""
        return int(self._scalar("SELECT seq FROM sqlite_sequence WHERE name = 'vectors'") or 0)

    def vector_ids(self, space: int) -> np.ndarray:
        """Ids of all vectors of a space [n] int64, in no order."""
        with self._lock, self._plainly():
            cursor = self._connection.execute("SELECT id FROM vectors WHERE space = ?", (space,))
            return np.fromiter((row[0] for row in cursor), np.int64)

    def vectors(self, space: Space, *, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Chunks of (ids [n] int64, vectors [n, dim] float32) with ids above `after`, ascending."""
        while True:
            rows = self.rows(
                "SELECT id, vector FROM vectors WHERE space = ? AND id > ? ORDER BY id LIMIT ?",
                (space.id, after, _CHUNK),
            )
            if not rows:
                return
            with self._sound():
                ids = np.array([row[0] for row in rows], np.int64)
                halves = np.frombuffer(b"".join(row[1] for row in rows), np.float16)
                vectors = halves.reshape(len(rows), space.dim).astype(np.float32)
            yield ids, vectors
            after = int(ids[-1])


def free_id(db: sqlite3.Connection, content_id: str) -> str:
    """Return an id for a video of this content that no other has: the first eight characters, as a rule."""
    starts = (content_id[at : at + 8] for at in range(0, len(content_id) - 7))
    return next(start for start in starts if not db.execute("SELECT 1 FROM videos WHERE id = ?", (start,)).fetchone())


def _facts(info: VideoInfo) -> dict[str, Any]:
    facts = {
        "width": info.width, "height": info.height, "fps": info.fps, "codec": info.codec, "has_audio": info.has_audio,
    }  # fmt: skip
    return facts if info.seen_from == info.start else {**facts, "first_picture": info.seen_from}


def _text(row: tuple[Any, ...]) -> Text:
    id_, video, channel, start, end, text, data = row
    return Text(id_, video, channel, float(start), float(end), str(text), dict(json.loads(data)))


def _overlapping(where: list[str], parameters: list[Any], between: Span | None) -> None:
    """Add the conditions that keep rows overlapping a span; a moment keeps what it lies in."""
    if between is not None:
        end = between.end if between.end > between.start else np.nextafter(between.end, np.inf)
        where.append("start_s < ? AND (end_s > ? OR start_s >= ?)")
        parameters += [float(end), between.start, between.start]
