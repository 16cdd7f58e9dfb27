"""What two memories have to hold alike: all their rows, each named by what it is of instead of by its id."""

from __future__ import annotations

import sqlite3
from pathlib import Path

UNIT = (
    "(SELECT v.content_id || u.channel || u.start_s || '-' || u.end_s FROM units u JOIN videos v ON v.id = u.video {})"
)
ROWS = {
    "videos": "SELECT content_id, name, path, start_s, end_s, info, clipping FROM videos",
    "paths": "SELECT p.path, v.content_id, p.size, p.mtime_ns FROM paths p JOIN videos v ON v.id = p.video",
    "channels": "SELECT v.content_id, c.channel, c.stamp FROM channels c JOIN videos v ON v.id = c.video",
    "clips": "SELECT v.content_id, c.level, c.start_s, c.end_s FROM clips c JOIN videos v ON v.id = c.video",
    "units": "SELECT v.content_id, u.channel, u.start_s, u.end_s, u.status, u.reason FROM units u "
    "JOIN videos v ON v.id = u.video",
    "texts": f"SELECT {UNIT.format('WHERE u.id = t.unit')}, t.channel, t.start_s, t.end_s, t.text, t.data, w.text "
    "FROM texts t LEFT JOIN words w ON w.rowid = t.id",
    "vectors": f"SELECT {UNIT.format('WHERE u.id = x.unit')}, s.channel, s.stamp, s.dim, x.start_s, x.end_s, x.vector, "
    "t.text, v.content_id FROM vectors x JOIN spaces s ON s.id = x.space JOIN videos v ON v.id = x.video "
    "LEFT JOIN texts t ON t.id = x.text",
    "words": "SELECT text FROM words",
    "logs": f"SELECT {UNIT.format('WHERE u.id = l.unit')}, l.log FROM logs l",
    "recordings": "SELECT v.content_id, r.timeline, r.start_s, r.zone, r.source FROM recordings r "
    "JOIN videos v ON v.id = r.video",
}


def rows_of(folder: Path) -> dict[str, list[tuple]]:
    """All rows of a memory by table, in an order of their own."""
    with sqlite3.connect(f"file:{folder / 'memory.sqlite'}?mode=ro", uri=True) as database:
        there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        found = {
            name: sorted(database.execute(sql).fetchall(), key=repr) if name in there else []
            for name, sql in ROWS.items()
        }
    database.close()
    return found


def assert_same(one: Path, other: Path, *, but: tuple[str, ...] = ()) -> None:
    """Compare two memories table by table."""
    left, right = rows_of(one), rows_of(other)
    for name in ROWS.keys() - set(but):
        assert left[name] == right[name], name
