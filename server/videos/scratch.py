"""The folder of the videos that requests brought: each once, by content; the one unused for longest goes first."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...memory import ClipMemory, MemoryFolderError
from ...memory.background import remove_videos
from .parts import TooLargeError

FOLDER = "requests"
"""Name of the folder in that of the memory."""
KEPT = 16 << 30
"""Bytes of videos that are kept there, unless told otherwise."""
_PART = ".part-"
_DAY = 86400.0  # seconds after which a part is one of a process that was killed
_LOW = 0.9  # of the bound is kept when something has to go: each time the database is written anew
_TICK = 1.0  # seconds until it is tried again to write into the memory


class Held:
    """A file of the folder that is used: nobody removes it, in no process, until it is closed or its holder is gone."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)


class Scratch:
    """The folder.

    Args:
        memory: the memory in whose folder it lies; videos that go are forgotten there too.
        kept: bytes of files that are kept.
    """

    def __init__(self, memory: ClipMemory, kept: int = KEPT) -> None:
        self._memory = memory
        self.kept = kept
        self.folder = Path(os.path.realpath(memory.folder)) / FOLDER
        self.grown = True
        """Whether something came since room was made."""
        self._putting = threading.Lock()

    @contextmanager
    def part(self) -> Iterator[Path]:
        """Give a path for a file that is being written; `put` makes it one of the folder.

        Raises:
            MemoryFolderError: if it cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            for left in self.folder.glob(f"{_PART}*"):
                if time.time() - left.stat().st_mtime > _DAY:
                    shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
            part = self.folder / f"{_PART}{secrets.token_hex(8)}"
            try:
                yield part
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            todo = "free some space there, or have less kept" if full else "check its rights"
            raise MemoryFolderError(f"{self.folder} cannot be written ({error.strerror}): {todo}.") from error

    def find(self, pattern: str) -> str | None:
        """Return the name of a file of the folder that matches, which no other does; None where there is none."""
        return next((path.name for path in self.folder.glob(pattern)), None)

    def put(self, part: Path, name: str) -> str:
        """Take a part that was written whole under a name, unless one is there; gives the name.

        Raises:
            TooLargeError: if it alone is more than is kept.
        """
        path, size = self.folder / name, part.stat().st_size
        if size > self.kept:
            raise TooLargeError(
                f"It has {size / 1e6:.0f} MB, and at most {self.kept / 1e6:.0f} MB are kept: send less."
            )
        with self._putting:  # what is held must not be replaced
            if not path.exists():
                part.replace(path)
                self.grown = True
        return name

    def hold(self, name: str) -> Held | None:
        """Return a file of the folder that stays while it is held, now the last used; None where it is not, or goes."""
        path = self.folder / name
        try:
            held = Held(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(held.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            state = os.fstat(held.descriptor)
            if os.stat(path).st_ino == state.st_ino:  # it was not removed between opening and locking
                os.utime(held.descriptor, ns=(time.time_ns(), state.st_mtime_ns))
                return held
        except (FileNotFoundError, BlockingIOError):
            pass
        held.close()
        return None

    def has(self, path: Path) -> bool:
        """Return whether a path is that of a file of the folder."""
        return path.parent == self.folder

    def make_room(self, stopped: Callable[[], bool]) -> None:
        """Remove what was unused for longest, until no more is there than is kept; nothing that is held.

        A process that writes into the memory is waited for.

        Raises:
            MemoryFolderError: if so much is in use that there is still too much, or the memory cannot be written.
        """
        self.grown = False
        try:
            left = self._make_room(stopped)
        except BaseException:
            self.grown = True
            raise
        if left > self.kept:
            self.grown = True
            raise MemoryFolderError(
                f"The videos that requests brought fill {self.kept / 1e6:.0f} MB and are all in use: try again later."
            )

    def _make_room(self, stopped: Callable[[], bool]) -> int:
        """Bytes that are left."""
        files = self._files()
        size = sum(state.st_size for _, state in files)
        if size <= self.kept:
            return size
        gone: list[tuple[Path, int]] = []
        try:
            for path, state in sorted(files, key=lambda one: one[1].st_atime_ns):
                if size <= self.kept * _LOW:
                    break
                with suppress(FileNotFoundError):
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                    gone.append((path, descriptor))
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        size -= state.st_size
                    except BlockingIOError:
                        os.close(gone.pop()[1])
            self._remove([path for path, _ in gone], stopped)
        finally:
            for _, descriptor in gone:
                os.close(descriptor)
        return size

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                        found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
        return found

    def _remove(self, paths: Sequence[Path], stopped: Callable[[], bool]) -> None:
        """Delete files, after what was found in those that never had another name: what a person indexed stays."""
        store = self._memory.store
        videos = {file.video for path in paths if (file := store.file(path)) is not None}
        lost = [
            video
            for video in videos
            if all(self.has(path) and (path in paths or not path.exists()) for path, *_ in store.paths(video))
        ]
        if lost:
            while (end := remove_videos(self._memory, lost)).in_use and not stopped():
                time.sleep(_TICK)
            if end.failure:
                raise MemoryFolderError(end.failure)
        for path in paths:
            path.unlink(missing_ok=True)
