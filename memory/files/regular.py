"""Opening files that somebody names: regular ones only, as pipes and devices can block for ever, and up to a size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from ..errors import VideoError

LARGEST_TEXT = 256 << 20
"""Bytes of a file that is read as a whole, unless another limit is given."""
LARGEST_TASKS = 4 << 30
"""Bytes of a file of tasks or conversations: whole data sets."""
_KINDS = {
    stat.S_IFREG: "",
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


class NotAFile(OSError):
    """A path names something else than a regular file; `strerror` says what it is."""


def odd_kind(path: str | Path) -> str:
    """Return what a path names that is no regular file (`it is a pipe`); empty for a file, and where nothing is."""
    try:
        return _kind(os.stat(path))
    except (OSError, ValueError):
        return ""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Return where to write what is to become `path`: a file beside it, which takes its place once it is whole.

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


def cut_half_line(path: Path) -> None:
    """Drop a last line that a kill left unfinished: what is appended later must not be glued to it."""
    if path.is_file():
        whole = path.read_bytes()
        if whole and not whole.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading; never waits for anybody.

    Raises:
        NotAFile: if it is a folder, a pipe, a device or a socket; nothing is opened then.
        OSError: if it cannot be opened.
    """
    _require_file(path, os.stat(path))  # a device may do something when it is opened
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)), "rb")
    try:
        _require_file(path, os.fstat(file.fileno()))  # something else may have been put there since
    except NotAFile:
        file.close()
        raise
    return file


def read_bytes(path: str | Path, most: int = LARGEST_TEXT) -> bytes:
    """Read what a regular file holds.

    Raises:
        NotAFile: if it is none.
        OSError: if it cannot be read, or is larger than `most` bytes.
    """
    with open_regular(path) as file:
        # A file that claims to be short may grow; of a long one nothing is read.
        content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 1e6:.0f} MB", str(path))
    return content


def read_text(path: str | Path, encoding: str = "utf-8", most: int = LARGEST_TEXT) -> str:
    """Read the text of a regular file, with line feeds for line ends.

    Raises:
        NotAFile: if it is none.
        OSError: as `read_bytes`.
        UnicodeDecodeError: if it is no text in this encoding.
    """
    return read_bytes(path, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def read_side_file(path: Path, largest: int, what: str) -> bytes:
    """Read a file that lies beside a video, or is named for it; nothing of one of more than `largest` bytes is read.

    Raises:
        VideoError: if it cannot be read, is a folder, pipe or device, or is too large.
    """
    try:
        return read_bytes(path, largest)
    except NotAFile as error:
        raise VideoError(f"{path}: these {what} are no regular file ({error.strerror}). Name a file.") from None
    except OSError as error:
        if error.errno == errno.EFBIG:
            size = path.stat().st_size >> 20
            raise VideoError(f"{path}: too large for {what} ({size} MiB, more than {largest >> 20} MiB).") from None
        raise VideoError(f"{path}: these {what} cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        raise VideoError(f"{str(path)!r}: these {what} cannot be read ({error}). Check the path.") from error


def _require_file(path: str | Path, state: os.stat_result) -> None:
    if kind := _kind(state):
        raise NotAFile(errno.EINVAL, f"{kind}, not a file", str(path))


def _kind(state: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(state.st_mode), "it is no regular file")
