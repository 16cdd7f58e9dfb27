"""Rows copied from one memory into another, each id replaced by the one that its row has there."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from ..store import schema
from ..store.full_text import indexed_form, marks
from .tables import NAMED, NOT_COPIED, Table, tables

_SHAPED = ("videos", "units", "channels", "clips", "paths", "parts")  # copied by rules of their own
_MANY = 500  # ids in one query
_KNOWN = "SELECT key FROM copies WHERE part = ? AND name = ? AND digest = ?"


class Copier:
    """Copies rows of a part, inside transactions of the memory.

    Args:
        source: the part's database.
        target: the memory's database.
        uid: the part's own name.
    """

    def __init__(self, source: sqlite3.Connection, target: sqlite3.Connection, uid: str) -> None:
        self.source, self.target = source, target
        self._uid = uid
        target.execute(schema.COPIES)
        self._tables = {table.name: table for table in tables(source)}
        self.ids: dict[str, dict[Any, Any]] = {"spaces": self._spaces()}
        """By table: the key of each row that was copied, and its key in the memory."""
        self.renamed: list[tuple[str, str]] = []
        """Names that were taken, and what stands for them in the memory."""

    def _spaces(self) -> dict[Any, Any]:
        ids = {}
        for id_, channel, stamp, dim in self.source.execute("SELECT id, channel, stamp, dim FROM spaces").fetchall():
            self.target.execute(
                "INSERT OR IGNORE INTO spaces (channel, stamp, dim) VALUES (?, ?, ?)", (channel, stamp, dim)
            )
            (ids[id_],) = self.target.execute(
                "SELECT id FROM spaces WHERE channel = ? AND stamp = ?", (channel, stamp)
            ).fetchone()
        return ids

    def begin(self, theirs: str, ours: str) -> None:
        """From here on copy what goes with one video, by its id in the part and in the memory."""
        self.ids = {name: ids for name, ids in self.ids.items() if name == "spaces" or self._is_shared(name)}
        self.ids["spaces"] = self._spaces()  # another process may be at work on the part
        self.ids["videos"] = {theirs: ours}

    def copy(self, name: str, where: str, *parameters: Any, key: Any = None) -> None:
        """Copy the rows of one table that meet a condition; one that is there already stays as it is there.

        Args:
            name: the table.
            where: the condition in SQL.
            parameters: its values.
            key: the key of the one row in the memory.
        """
        table = self._tables.get(name)
        if table is not None:
            self._make(table)
            columns = ", ".join(table.columns)
            for row in self.source.execute(
                f"SELECT {columns} FROM {name} WHERE {where} ORDER BY {table.order}", parameters
            ):
                self._insert(table, dict(zip(table.columns, row, strict=True)), key)

    def copy_shared(self) -> None:
        """Copy the rows of tables of the memory as a whole, those that were not copied from this part before."""
        for table in self._tables.values():
            if not self._is_shared(table):
                continue
            self._make(table)  # those of one kind are made together, and looked for together
            if table.name in NOT_COPIED:
                continue
            rows = self.source.execute(f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {table.order}")
            for values in rows:
                self._copy_once(table, dict(zip(table.columns, values, strict=True)))

    def _copy_once(self, table: Table, row: dict[str, Any]) -> None:
        """Copy a row unless its copy is noted; a memory that is itself a copy brings its notes along."""
        old = None if table.key is None else row[table.key]
        digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()
        origins = [(self._uid, digest)]
        if self.source.execute("SELECT 1 FROM sqlite_master WHERE name = 'copies'").fetchone():
            origins += self.source.execute(
                "SELECT part, digest FROM copies WHERE name = ? AND key IS ?", (table.name, old)
            ).fetchall()
        for part, content in origins:
            known = self.target.execute(_KNOWN, (part, table.name, content)).fetchone()
            if known is not None:
                self.ids.setdefault(table.name, {})[old] = known[0]
                break
        else:
            self._insert(table, self._with_own_name(table, row), self._free_key(table, old))
        new = self.ids.get(table.name, {}).get(old)
        for part, content in origins:
            self.target.execute("INSERT OR IGNORE INTO copies VALUES (?, ?, ?, ?)", (part, table.name, content, new))

    def _was_copied(self, name: str, video: str) -> bool:
        return self.target.execute(_KNOWN, (self._uid, name, video)).fetchone() is not None

    def _note(self, name: str, video: str, ours: str) -> None:
        self.target.execute("INSERT OR IGNORE INTO copies VALUES (?, ?, ?, ?)", (self._uid, name, video, ours))

    def _with_own_name(self, table: Table, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row under a name that no other row has: they may be two persons, and only the user knows."""
        column = NAMED.get(table.name, "")
        if not row.get(column):
            return row
        taken = {str(name).casefold() for (name,) in self.target.execute(f"SELECT {column} FROM {table.name}") if name}
        number, name = 1, str(row[column])
        while name.casefold() in taken:
            number += 1
            name = f"{row[column]} {number}"
        if number > 1:
            self.renamed.append((str(row[column]), name))
        return {**row, column: name}

    def _free_key(self, table: Table, key: Any) -> Any:
        """Return a key that no row of the memory has: the one that it has, else with a number behind it."""
        if table.key is None or table.counted:
            return None
        number, free = 1, key
        while self._has(table.name, table.key, free):
            number += 1
            free = f"{key}-{number}"
        return free

    def copy_followers(self, video: str, *, is_new: bool) -> None:
        """Copy what goes with the units that were copied, and what goes with the video where the memory has none.

        What was copied once and is not there any more has been deleted: it does not come back, unless the whole video
        `is_new`.
        """
        ours = self.ids["videos"][video]
        for table in self._tables.values():
            if table.name in _SHAPED or self._is_shared(table):
                continue
            self._make(table)  # of which rows there may be to look for
            of_unit, of_video = table.column("units"), table.column("videos")
            if of_unit is not None:
                self._copy_with(table, of_unit, "units")
            elif of_video is None:
                column, target = next((c, to) for c, to in table.references.items() if not self._is_shared(to))
                self._copy_with(table, column, target)
            elif is_new or not (self._has(table.name, of_video, ours) or self._was_copied(table.name, video)):
                self.copy(table.name, f"{of_video} = ?", video)
                if self._has(table.name, of_video, ours):
                    self._note(table.name, video, ours)

    def _copy_with(self, table: Table, column: str, target: str) -> None:
        for some in _batches(self.ids.get(target, ())):
            self.copy(table.name, f"{column} IN ({','.join('?' * len(some))})", *some)

    def _insert(self, table: Table, row: dict[str, Any], key: Any) -> None:
        values = dict(row)
        for column, target in table.references.items():
            if values[column] is not None:
                known = self.ids.get(target, {})
                if values[column] not in known:
                    return  # of something that stays as the memory has it
                values[column] = known[values[column]]
        if table.key is not None and table.counted:
            del values[table.key]
        elif table.key is not None and key is not None:
            values[table.key] = key
        cursor = self.target.execute(
            f"INSERT OR IGNORE INTO {table.name} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )
        if table.name == "texts":
            words = indexed_form(row["text"]) + marks(json.loads(row["data"]))
            self.target.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (cursor.lastrowid, words))
        if table.key is not None and cursor.rowcount:
            self.ids.setdefault(table.name, {})[row[table.key]] = (
                cursor.lastrowid if table.counted else values[table.key]
            )

    def _make(self, table: Table) -> None:
        """Make a table that the memory has not had a use for yet."""
        if not self.target.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.name,)).fetchone():
            for statement in table.sql:
                self.target.execute(statement)

    def _has(self, name: str, column: str, value: Any) -> bool:
        return self.target.execute(f"SELECT 1 FROM {name} WHERE {column} = ? LIMIT 1", (value,)).fetchone() is not None

    def _is_shared(self, table: Table | str) -> bool:
        """Tell whether a table is of the memory as a whole: neither it nor what it refers to goes with a video."""
        one = self._tables.get(table) if isinstance(table, str) else table
        if one is None or one.name in _SHAPED:
            return one is None
        return all(self._is_shared(target) for target in one.references.values() if target != one.name)


def _batches(ids: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
    every = list(ids)
    return (tuple(every[at : at + _MANY]) for at in range(0, len(every), _MANY))
