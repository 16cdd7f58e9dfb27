"""The folder of a memory: its database, one writer at a time, and errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import MemoryFolderError, MemoryInUse

DATABASE = "memory.sqlite"
LOCK = "writer.lock"
_PATIENCE = 2.0  # seconds that another writer is waited for: most of what is written takes less
_FULL_BELOW = 256 * 1024  # SQLite reports some failed writes of a full disk as plain I/O errors


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into `MemoryFolderError` where a person can mend them."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        message = told_plainly(error, folder, folder / DATABASE)
        if message is None:
            raise
        raise MemoryFolderError(message) from error


def told_plainly(error: Exception, folder: Path, file: Path) -> str | None:
    """One line on an error of SQLite or of the file system, and what to do; None where a person can do nothing."""
    if isinstance(error, sqlite3.Error):
        return _sqlite_message(error, folder, file)
    return _os_message(error, folder) if isinstance(error, OSError) else None


def disk_full(folder: Path) -> str:
    """The message for a full disk."""
    return (
        f"The disk is full at {folder}: what is done is kept; free some space there and run the same command again "
        "to go on."
    )


def damaged(file: Path, why: object) -> str:
    """The message for a database that is not as it was written."""
    return (
        f"{file} is damaged or is not a rewatch memory ({why}): restore it from a copy, or move it away and add the "
        "videos again."
    )


def is_damage(message: str) -> bool:
    """Return whether a message is one of `damaged`."""
    return " is damaged or is not a rewatch memory (" in message


def _read_only(folder: Path) -> str:
    return f"The memory at {folder} cannot be written (read-only): copy it to a folder of yours, or only search it."


def is_full(folder: Path) -> bool:
    """Return whether nothing more can be written there for want of room."""
    try:
        return shutil.disk_usage(folder).free < _FULL_BELOW
    except OSError:
        return False


def _sqlite_message(error: sqlite3.Error, folder: Path, file: Path) -> str | None:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return disk_full(folder)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and is_full(folder):
        return disk_full(folder)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return _read_only(folder)
    if code in _DAMAGE or any(words in str(error) for words in _OTHER_TABLES):
        return damaged(file, error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return f"{file} is busy in another process: try again when that one is done."
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return f"{file} cannot be read or written ({error}): check the disk and the folder's rights."
    return None


_DAMAGE = (
    *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA),
    *(sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG),
)
_OTHER_TABLES = ("no such", "has no column", "Could not decode", "fts5:", "vtable constructor", "columns but")


def _os_message(error: OSError, folder: Path) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return _read_only(folder)
    if error.errno in _ODD_PLACES:
        where = error.filename or folder
        return f"{where} cannot be used ({error.strerror}): check the disk and what lies there."
    return None


_ODD_PLACES = (
    *(errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV, errno.ENOENT, errno.ENOLCK),
    *(errno.ENOTDIR, errno.ENXIO, errno.ESTALE, errno.EEXIST),
)


def require_plain_file(path: Path) -> None:
    """Raise where something else stands that can hang or mislead: a folder, a pipe, a device."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise MemoryFolderError(f"{path} cannot be used ({error.strerror}): check what lies there.") from error
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "a pipe or a device"
        raise MemoryFolderError(f"{path} is {what}, where a file should be: move it away.")


def make_folder(folder: Path) -> None:
    """Create the folder of a new memory."""
    if folder.exists() and not folder.is_dir():
        raise MemoryFolderError(f"{folder} is a file: a memory is a folder, give another name.")
    with plain_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except ValueError as error:  # a zero byte in the name
            raise MemoryFolderError(f"{str(folder)!r} can be no folder's name: give another one.") from error
        except (FileExistsError, NotADirectoryError) as error:
            raise MemoryFolderError(f"{folder} lies below a file: a memory is a folder, give another name.") from error


def connect(folder: Path, *, read_only: bool) -> tuple[sqlite3.Connection, bool]:
    """Open the database of a memory; says whether it can be written.

    On a read-only disk the database is opened without its WAL files. If a killed writer left a WAL behind there, it
    is read through a copy, since SQLite would otherwise pass over the last commits.
    """
    path = folder / DATABASE
    require_plain_file(path)
    _require_content(path)
    if not read_only:
        try:
            connection = _open(f"{path.absolute().as_uri()}?mode=rwc")
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            # With WAL, NORMAL keeps the file sound through a power cut, and every commit through a killed process.
            connection.execute("PRAGMA synchronous=NORMAL")
            writable = os.access(folder, os.W_OK) and os.access(path, os.W_OK)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection, writable
        except sqlite3.OperationalError as error:
            unwritable = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
            if (error.sqlite_errorcode & 0xFF) not in unwritable or not path.exists():
                raise
    try:
        connection = _open(f"{path.absolute().as_uri()}?mode=ro")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection = _open_unwritable(path)
    return connection, False


def _require_content(path: Path) -> None:
    """An empty file is the beginning of a new memory, but not where a memory has been."""
    wal = path.with_name(path.name + "-wal")
    if path.exists() and not path.stat().st_size and not (wal.exists() and wal.stat().st_size):
        if (path.parent / LOCK).exists() or any(path.parent.glob("*.faiss")):
            raise MemoryFolderError(damaged(path, "it is empty"))


def _open_unwritable(path: Path) -> sqlite3.Connection:
    wal = path.with_name(path.name + "-wal")
    if not (wal.exists() and wal.stat().st_size):
        return _open(f"{path.absolute().as_uri()}?immutable=1")
    with tempfile.TemporaryDirectory(prefix="rewatch-") as copy:
        for file in (path, wal):
            shutil.copy(file, copy)
        connection = _open((Path(copy) / path.name).as_uri())
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection  # the open files outlive the folder


def _open(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=20, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")  # what a foreign memory's tables ask for beside data is not done
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute("PRAGMA cache_size=-32768")  # KiB; rows are wide, since they hold their vectors
    return connection


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's writer lock; the kernel lets it go when the process ends, however it ends."""
    path = folder / LOCK
    if path.is_symlink():  # the pid would be written into whatever file it leads to
        raise MemoryFolderError(f"{path} is a link, where a file should be: remove it.")
    require_plain_file(path)
    with plain_errors(folder):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _take(descriptor, folder)
        # The pid is for people only: a full disk must not keep a writer from removing videos.
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def is_locked(file: Path) -> bool:
    """Return whether some process, or thread, holds the lock on a file at this moment."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _take(descriptor: int, folder: Path) -> None:
    """Lock an open lock file; writers that are quickly done are waited for."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with plain_errors(folder):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > until:
                pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                who = f"pid {pid}" if pid.isdigit() else "pid unknown"
                raise MemoryInUse(
                    f"The memory at {folder} is in use by another writer ({who}): wait until it is done, or stop it."
                ) from error
        time.sleep(0.05)
