"""Files that lie beside a video, or are named for it: read whole, but never more than makes sense."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import VideoError


def read_side_file(path: Path, largest: int, what: str) -> bytes:
    """The bytes of a regular file of at most `largest` bytes; nothing of a larger one is read.

    Args:
        path: the file.
        largest: bytes.
        what: what it should hold, for people ("subtitles").

    Raises:
        VideoError: if it cannot be read, is a folder, pipe or device, or is too large.
    """
    try:
        # A pipe is opened without waiting for somebody who writes into it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise VideoError(f"{path}: these {what} are no regular file. Name a file.")
            # Some files grow while they are read, and some say that they are empty.
            data = b"" if state.st_size > largest else file.read(largest + 1)
            if state.st_size > largest or len(data) > largest:
                size = max(state.st_size, len(data))
                raise VideoError(f"{path}: too large for {what} ({size >> 20} MiB, more than {largest >> 20} MiB).")
            return data
    except OSError as error:
        raise VideoError(f"{path}: these {what} cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        raise VideoError(f"{str(path)!r}: these {what} cannot be read ({error}). Check the path.") from error
