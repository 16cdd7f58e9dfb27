"""The database of a memory as SQLite keeps it: opening, checking, one writer at a time, transactions, damage."""

from __future__ import annotations

import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import MemoryFolderError
from . import schema
from .folder import DATABASE, connect, damaged, disk_full, is_damage, is_full, make_folder, plain_errors, writer_lock

_SMALL = 4 << 20  # bytes of a database that is compared with its indexes at every opening, in 20 ms at most
log = logging.getLogger(__name__)


class Database:
    """`memory.sqlite` itself: opened, checked, locked, read and written in transactions; `Store` knows what is in it.

    Any thread may read; writing is inside `writing()` and `transaction()`. One that is `in_memory` is empty, in this
    process only, and stands for the one of its folder.
    """

    def __init__(self, folder: Path, *, read_only: bool, in_memory: bool = False) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._read_only = read_only
        self.damage: str | None = None
        """The damage that was found; None while there is none."""
        self.holds_writer_lock = False
        if in_memory:
            self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            self.writable = True
            self._create()
            return
        if not read_only:
            make_folder(folder)
        elif not folder.is_dir():
            raise MemoryFolderError(f"There is no memory at {folder}: add a video first, or give another folder.")
        with plain_errors(folder):
            self._connection, self.writable = connect(folder, read_only=read_only)
            self.writable = self.writable and not read_only
            self._check_version()
            pages, size = (self.rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "page_size"))
            if pages * size <= _SMALL:
                self._require_whole()

    def _check_version(self) -> None:
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'meta'"):
            self._create()
        try:
            version = int(self.meta("schema_version") or 0)
        except ValueError as error:
            raise MemoryFolderError(damaged(self._file, error)) from error
        if version > schema.VERSION:
            raise MemoryFolderError(
                f"The memory at {self.folder} was made by a newer rewatch (format {version}, this one reads up to "
                f"{schema.VERSION}): upgrade rewatch, or use another folder."
            )
        missing = schema.columns_missing(self._connection)
        if missing:
            raise MemoryFolderError(damaged(self._file, f"it has no {missing[0]}"))

    def _require_room(self) -> None:
        """A full disk has its database opened read-only; then that is what is to be told."""
        if not self._read_only and is_full(self.folder):
            raise MemoryFolderError(disk_full(self.folder))

    def _require_whole(self) -> None:
        """Compare tables with their indexes, and make indexes anew that do not fit; SQLite reads past such damage."""
        if self._problem() is None:
            return
        if self.writable:
            with suppress(MemoryFolderError), writer_lock(self.folder), plain_errors(self.folder):
                self._connection.execute("REINDEX")
                if self._problem() is None:
                    log.warning("%s was damaged, and is mended: its indexes were made anew", self._file)
                    return
        raise MemoryFolderError(damaged(self._file, self._problem()))

    def _problem(self) -> str | None:
        report = str(self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        return None if report == "ok" else " ".join(report.split())[:160]

    @property
    def _file(self) -> Path:
        return self.folder / DATABASE

    def _create(self) -> None:
        if not self.writable:
            if self.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
                raise MemoryFolderError(damaged(self._file, "it has no meta"))
            self._require_room()
            raise MemoryFolderError(f"The memory at {self.folder} is empty: add a video first.")
        with self.transaction() as db:
            others = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            if "meta" in others:  # another process was quicker
                return
            if others:
                raise MemoryFolderError(f"{self._file} is a database of another program: give another folder.")
            for statement in schema.TABLES.split(";\n"):
                db.execute(statement)
            facts = {"schema_version": schema.VERSION, "uid": uuid.uuid4().hex}
            db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    # Plumbing

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        with self._lock, self._plainly():
            return self._connection.execute(sql, parameters).fetchall()

    def _scalar(self, sql: str, *parameters: Any) -> Any:
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Around the reading of what rows hold: a damaged page can change values without SQLite's noticing."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())[:120]
            self.damage = damaged(self._file, f"a value is not readable: {reason}")
            raise MemoryFolderError(self.damage) from error

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """`plain_errors`, and damage is remembered."""
        try:
            with plain_errors(self.folder):
                yield
        except MemoryFolderError as error:
            if is_damage(str(error)):
                self.damage = str(error)
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer lock of the folder."""
        if not self.writable:
            self._require_room()
            raise MemoryFolderError(
                f"The memory at {self.folder} is open read-only: copy it to a folder you can write, or only search it."
            )
        with writer_lock(self.folder):
            self.holds_writer_lock = True
            try:
                yield
            finally:
                self.holds_writer_lock = False

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; other threads of this process wait. Inside another one it is part of that."""
        with self._lock, self._plainly():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read the database as it is now, whatever another process writes meanwhile; other threads here wait."""
        with self._lock, self._plainly():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def size(self) -> int:
        """Bytes of the database and of the index caches on the disk."""
        caches = [*self.folder.glob("*.faiss"), *(self.folder / "lance").rglob("*")]
        files = [*self.folder.glob(f"{DATABASE}*"), *caches]
        return sum(file.stat().st_size for file in files if file.is_file())

    def shrink(self) -> None:
        """Give back the space of what was deleted, and leave no trace of it in the file; not while others read."""
        # It needs as much space again, and nobody else in the database.
        with suppress(MemoryFolderError):
            self.wipe()

    def wipe(self) -> None:
        """Write the database anew, so that nothing of what was deleted is left in its files.

        Raises:
            MemoryFolderError: if that cannot be done now, since another process reads or the disk is full.
        """
        with self._lock, self._plainly():
            self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._connection.execute("VACUUM")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise MemoryFolderError(
                f"What was deleted from {self._file} still stands in its files, since another process is reading: end "
                "that, and run the same command again."
            )

    def version(self) -> tuple[int, int]:
        """Moves whenever any process has changed the database; cheap enough to ask before every search."""
        with self._lock, self._plainly():
            return self._connection.execute("PRAGMA data_version").fetchone()[0], self._connection.total_changes

    def has_table(self, name: str) -> bool:
        """Return whether there is such a table; those of what nobody asked for yet are not made."""
        return self._scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name) is not None

    def meta(self, key: str) -> Any:
        """A value of the memory as a whole, or None."""
        return self._scalar("SELECT value FROM meta WHERE key = ?", key)

    def set_meta(self, key: str, value: Any) -> None:
        """Set a value of the memory as a whole."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
