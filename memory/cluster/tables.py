"""The tables of a memory as they describe themselves: their columns, keys, and which of these refer to what.

Tables that are added later are merged too: a column refers to what its `REFERENCES` names, and one that is called
`video` or `unit` to videos and units in any case.
"""

from __future__ import annotations

import graphlib
import sqlite3
from dataclasses import dataclass

NOT_COPIED = frozenset({"summaries", "habits", "identity_log"})
"""Tables whose rows stay behind: what is made again of what is there, and the log of what can be undone in the part."""
_OTHERS = frozenset({"meta", "spaces", "copies"})  # that are no rows of a memory's content

# Columns that refer to a table though they do not declare it: of any table, and of one.
_BY_NAME = {"video": "videos", "unit": "units"}
_UNDECLARED = {
    "vectors": {"text": "texts"},
    "appearances": {"identity": "identities"},
    "identities_apart": {"a": "identities", "b": "identities"},
}

NAMED = {"identities": "name"}
"""Columns of names that people have given, each of one row alone, in any case of letters."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of rows."""

    name: str
    columns: tuple[str, ...]
    key: str | None
    """Its primary key, where that is one column that refers to nothing."""
    counted: bool
    """Whether SQLite gives out the key: an integer that says nothing."""
    references: dict[str, str]
    """The table that a column refers to."""
    order: str
    """The column in whose order its rows were put in."""
    sql: tuple[str, ...]
    """The statements that made it and its indexes."""

    def column(self, target: str) -> str | None:
        """Return the column that refers to a table; None where none does."""
        return next((column for column, to in self.references.items() if to == target), None)


def tables(db: sqlite3.Connection) -> list[Table]:
    """Return the tables of a memory that hold rows of its own, each behind those that it refers to."""
    kinds = db.execute("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'").fetchall()
    names = {name: wr for name, kind, wr in kinds if kind == "table" and not name.startswith("sqlite_")}
    found = {name: _table(db, name, bool(names[name])) for name in sorted(names.keys() - _OTHERS)}
    order = graphlib.TopologicalSorter({name: set(one.references.values()) - {name} for name, one in found.items()})
    return [found[name] for name in order.static_order() if name in found]


def _table(db: sqlite3.Connection, name: str, without_rowid: bool) -> Table:
    columns = db.execute("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", (name,)).fetchall()
    declared = db.execute('SELECT "from", "table" FROM pragma_foreign_key_list(?)', (name,)).fetchall()
    references = {column: _BY_NAME[column] for column, _, _ in columns if column in _BY_NAME} | dict(declared)
    references |= _UNDECLARED.get(name, {})
    keys = [(column, kind.upper()) for column, kind, place in columns if place]
    single = keys[0] if len(keys) == 1 and keys[0][0] not in references else None
    sql = db.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql NOT NULL AND type IN ('table', 'index') "
                     "ORDER BY type DESC", (name,)).fetchall()  # fmt: skip
    return Table(
        name,
        tuple(column for column, _, _ in columns),
        single[0] if single else None,
        single is not None and single[1] == "INTEGER",
        references,
        columns[0][0] if without_rowid else "rowid",
        tuple(row[0] for row in sql),
    )
