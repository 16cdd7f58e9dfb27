"""One watcher a source: a lock that lasts as long as the process that holds it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import MemoryInUse
from ..store.folder import is_locked, plain_errors


def _place(folder: Path, source: str) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(source)).hexdigest()[:16]}.lock"


@contextmanager
def only_watcher(folder: Path, source: str) -> Iterator[None]:
    """Be the one that watches a source; `folder` holds the recordings of the memory.

    Raises:
        MemoryInUse: if somebody else is watching it into the same memory.
    """
    path = _place(folder, source)
    with plain_errors(folder.parent):
        folder.mkdir(exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    break
            except BlockingIOError as error:
                os.close(descriptor)
                raise MemoryInUse(
                    f"{source} is being watched into this memory by another process or thread: ask about it meanwhile, "
                    "or stop that one."
                ) from error
            os.close(descriptor)  # whoever held it has just deleted the file: another one counts now
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before it is let go, so that nobody locks a file that is gone
        os.close(descriptor)


def is_watching(folder: Path, source: str) -> bool:
    """Return whether somebody is watching a source at this moment."""
    return is_locked(_place(folder, source))
