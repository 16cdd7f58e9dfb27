"""Files that lie beside a video, or are named for it: read whole, but never more than makes sense."""

from __future__ import annotations

import errno
from pathlib import Path

from ..errors import VideoError
from .regular import NotAFile, read_bytes


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
