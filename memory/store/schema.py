"""Tables of `memory.sqlite`. Raise `VERSION` with every change that an older program cannot read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

VERSION = 1

TOKENIZER = "porter unicode61 remove_diacritics 2"

# Times end in _s: seconds on the video's own clock. A unit is one piece of work; its rows and its status change in
# one transaction. A space is what vectors can be compared in: one channel as one encoder sees it.
TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE videos (
    id TEXT PRIMARY KEY, content_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, path TEXT NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, info TEXT NOT NULL, clipping TEXT NOT NULL,
    checked TEXT NOT NULL
);
CREATE TABLE paths (
    path TEXT PRIMARY KEY, video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
);
CREATE INDEX paths_by_video ON paths (video);
CREATE TABLE channels (
    video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE, channel TEXT NOT NULL, stamp TEXT NOT NULL,
    PRIMARY KEY (video, channel)
) WITHOUT ROWID;
CREATE TABLE units (
    id INTEGER PRIMARY KEY AUTOINCREMENT, video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE,
    channel TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL,
    status TEXT NOT NULL DEFAULT 'todo' CHECK (status IN ('todo', 'done', 'failed')), reason TEXT, finished_at REAL,
    UNIQUE (video, channel, start_s, end_s)
);
CREATE INDEX units_open ON units (video) WHERE status != 'done';
CREATE TABLE clips (
    id INTEGER PRIMARY KEY, video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE, level TEXT NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, UNIQUE (video, level, start_s)
);
CREATE TABLE texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, unit INTEGER NOT NULL REFERENCES units, video TEXT NOT NULL,
    channel TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX texts_by_time ON texts (video, start_s);
CREATE INDEX texts_by_unit ON texts (unit);
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "{TOKENIZER}");
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, stamp TEXT NOT NULL, dim INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, UNIQUE (channel, stamp)
);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT, space INTEGER NOT NULL REFERENCES spaces, unit INTEGER NOT NULL,
    video TEXT NOT NULL, text INTEGER, start_s REAL NOT NULL, end_s REAL NOT NULL, vector BLOB NOT NULL
);
CREATE INDEX vectors_by_space ON vectors (space);
CREATE INDEX vectors_by_video ON vectors (video, space, start_s, end_s);
CREATE INDEX vectors_by_unit ON vectors (unit);
"""


def columns_missing(db: sqlite3.Connection) -> list[str]:
    """Tables, and columns of tables, that a memory of this version has and this database lacks; `table.column`."""
    there = set(_columns(db))
    return [name for name in _expected() if name not in there]


@cache
def _expected() -> tuple[str, ...]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TABLES)
        return tuple(_columns(db))


def _columns(db: sqlite3.Connection) -> list[str]:
    rows = db.execute("SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'")
    return [f"{table}.{column}" for table, column in rows if not table.startswith("sqlite_")]


VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)"

# What was found at which moment, by unit. A memory of an older program has no such table, and older programs that read
# a memory with it need not know it.
LOGS = "CREATE TABLE IF NOT EXISTS logs (unit INTEGER PRIMARY KEY, log TEXT NOT NULL)"

# When a video was recorded: its timeline, the timeline's seconds at the video's start (NULL if nobody knows), the zone
# in seconds east of UTC (NULL if nobody knows), and where that was read. Likewise a table that older memories lack.
RECORDINGS = """CREATE TABLE IF NOT EXISTS recordings (
    video TEXT PRIMARY KEY REFERENCES videos ON DELETE CASCADE, timeline TEXT NOT NULL, start_s REAL, zone INTEGER,
    source TEXT NOT NULL
)"""

# Videos that are watched while they are recorded: what is watched, `open`, `stopped` or `ended`, and facts as JSON (see
# `store.live`). Likewise a table that older memories lack.
LIVE = """CREATE TABLE IF NOT EXISTS live (
    video TEXT PRIMARY KEY REFERENCES videos ON DELETE CASCADE, source TEXT NOT NULL, state TEXT NOT NULL,
    facts TEXT NOT NULL
)"""

# Summaries of hours, days and weeks of a timeline (seconds of its clock), and its habits, each with what it was made
# from. Likewise tables that older memories lack; all of it can be made again.
SUMMARIES = """CREATE TABLE IF NOT EXISTS summaries (
    timeline TEXT NOT NULL, level TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, text TEXT NOT NULL,
    lines TEXT NOT NULL, sources TEXT NOT NULL, digest TEXT NOT NULL, maker TEXT NOT NULL,
    PRIMARY KEY (timeline, level, start_s)
)"""
HABITS = """CREATE TABLE IF NOT EXISTS habits (
    timeline TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL, digest TEXT NOT NULL
)"""

# The parts of a video that are asked for, in seconds of the video; of a video without any all is. Likewise.
PARTS = """CREATE TABLE IF NOT EXISTS parts (
    video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE, start_s REAL NOT NULL, end_s REAL NOT NULL,
    PRIMARY KEY (video, start_s, end_s)
)"""

# Copies of what other memories have beside their units: the other's uid, the table, a digest of the row as it was there
# (or the other's id of the video whose rows they are), and its key here.
COPIES = """CREATE TABLE IF NOT EXISTS copies (
    part TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, key, PRIMARY KEY (part, name, digest)
)"""

# People, opt-in: made when somebody first asks for it. An appearance is a speaker turn or a face track. It could be
# told at known_s (seconds of the video), and its identity at linked_s (NULL while it has none); confirmed says that a
# person stated the identity. Two are suggested to be one from the cosine of their model on. The log holds what a person
# did, to be undone, and no vectors.
PEOPLE = (
    "CREATE TABLE IF NOT EXISTS identities (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT)",
    """CREATE TABLE IF NOT EXISTS appearances (
    id INTEGER PRIMARY KEY AUTOINCREMENT, video TEXT NOT NULL REFERENCES videos ON DELETE CASCADE, kind TEXT NOT NULL,
    stamp TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, known_s REAL NOT NULL, linked_s REAL, box TEXT,
    vector BLOB NOT NULL, identity INTEGER, confirmed INTEGER NOT NULL DEFAULT 0
)""",
    "CREATE INDEX IF NOT EXISTS appearances_by_video ON appearances (video, start_s)",
    "CREATE INDEX IF NOT EXISTS appearances_by_identity ON appearances (identity)",
    """CREATE TABLE IF NOT EXISTS identities_apart (
    a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b)
) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS people_models (
    stamp TEXT NOT NULL, kind TEXT NOT NULL, suggest REAL NOT NULL, PRIMARY KEY (stamp, kind)
) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS identity_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, verb TEXT NOT NULL, undoes INTEGER, data TEXT NOT NULL
)""",
)
