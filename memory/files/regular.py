"""Opening files that somebody names: regular ones only, as pipes and devices can block for ever, and up to a size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

LARGEST_TEXT = 256 << 20
"""Bytes of a file that is read as a whole, unless another limit is given."""
LARGEST_TASKS = 4 << 30
"""Bytes of a file of tasks or conversations: whole data sets."""
_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


class NotAFile(OSError):
    """A path names something else than a regular file; `strerror` says what it is."""


def odd_kind(path: str | Path) -> str:
    """What a path names that is no regular file, such as `it is a pipe`; empty for a file, and where nothing is."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return ""
    return _kind(mode)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Where to write what is to become `path`: a file beside it, which takes its place once it is whole.

    What is no file, such as `/dev/stdout` or a pipe, is written into and never replaced.

    Raises:
        OSError: if it cannot be written; a file that was there stays as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if odd_kind(target):
        yield target
        return
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def open_regular(path: str | Path) -> BufferedReader:
    """A regular file for reading; never waits for anybody.

    Raises:
        NotAFile: if it is a folder, a pipe, a device or a socket; nothing is opened then.
        OSError: if it cannot be opened.
    """
    kind = _kind(os.stat(path).st_mode)  # a device may do something when it is opened
    if kind:
        raise NotAFile(errno.EINVAL, f"{kind}, not a file", str(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(descriptor, "rb")
    kind = _kind(os.fstat(descriptor).st_mode)
    if kind:  # it was put there since
        file.close()
        raise NotAFile(errno.EINVAL, f"{kind}, not a file", str(path))
    return file


def read_bytes(path: str | Path, most: int = LARGEST_TEXT) -> bytes:
    """What a regular file holds.

    Raises:
        NotAFile: if it is none.
        OSError: if it cannot be read, or is larger than `most` bytes.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most / 1e6:.0f} MB", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 1e6:.0f} MB", str(path))
    return content


def read_text(path: str | Path, encoding: str = "utf-8", most: int = LARGEST_TEXT) -> str:
    """The text of a regular file, with line feeds for line ends.

    Raises:
        NotAFile: if it is none.
        OSError: as `read_bytes`.
        UnicodeDecodeError: if it is no text in this encoding.
    """
    return read_bytes(path, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    return next((words for holds, words in _KINDS if holds(mode)), "it is no regular file")
