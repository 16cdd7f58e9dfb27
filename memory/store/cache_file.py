"""The file of an index: whatever the index is, and behind it a stamp that says of which rows it is, and a checksum."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ..errors import MemoryFolderError
from ..files.regular import open_regular
from .folder import disk_full, plain_errors

_MAGIC = b"RWIX1\n"
TAIL = struct.Struct("<II6s")
"""The end of a cache file: footer length, CRC-32 of the index, magic."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The content of a cache: its database and space, its last row, and the number of deletions before it."""

    memory: str
    channel: str
    encoder: str
    dim: int
    last: int
    generation: int
    trained_on: int = 0
    probes: int = 0
    list_bytes: int = 0
    """Of lists on the disk: the bytes of the lists, and of the index behind them."""
    index_bytes: int = 0


def write_cache(path: Path, write: Callable[[IO[bytes]], Stamp]) -> Stamp:
    """Write a cache, all or nothing.

    Args:
        path: of the file, in the folder of a memory.
        write: writes the index, and returns its stamp.

    Raises:
        MemoryFolderError: if it cannot be written.
    """
    temporary = path.with_suffix(".tmp")
    with plain_errors(path.parent):
        temporary.unlink(missing_ok=True)  # a link would be written through
        temporary.touch()
    try:
        try:
            with temporary.open("wb") as made:  # FAISS itself takes only names that are UTF-8
                stamp = write(made)
        except (RuntimeError, OSError) as error:  # FAISS hides the errno of a failed write
            raise MemoryFolderError(disk_full(path.parent)) from error
        footer = json.dumps(asdict(stamp)).encode()
        with plain_errors(path.parent), temporary.open("r+b") as file:
            checksum = _checksum(temporary, os.fstat(file.fileno()).st_size)
            file.seek(0, os.SEEK_END)
            file.write(footer + TAIL.pack(len(footer), checksum, _MAGIC))
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
            _fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return stamp


def read_stamp(path: Path) -> Stamp | None:
    """The stamp of a cache file; None when there is none or the file is not whole."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - TAIL.size, 0))
            length, checksum, magic = TAIL.unpack(file.read(TAIL.size))
            body = size - TAIL.size - length
            if magic != _MAGIC or body <= 0:
                return None
            file.seek(body)
            stamp = Stamp(**json.loads(file.read(length)))
        return stamp if _checksum(path, body) == checksum else None
    except (OSError, struct.error, ValueError, TypeError):
        return None


def _checksum(path: Path, size: int) -> int:
    checksum = 0
    with open_regular(path) as file:
        while size > 0:
            part = file.read(min(size, 1 << 22))
            if not part:
                break
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
    return checksum


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
