"""The videos that wait to be indexed: a file for each in the memory's folder, worked off one after another.

Of several servers over one memory one works; the others wait until it ends. What was begun goes on at the next start:
`ClipMemory.add` does only what is missing.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...memory import ClipMemory, MemoryFolderError, VideoError
from ...memory.background import INDEXING, index_file
from ...memory.errors import MemoryInUse
from ...memory.files.download import WebVideo, fetch
from ...memory.files.regular import read_text, replacing
from ...memory.files.sources import Sources
from ...memory.store.folder import writer_lock
from ...memory.store.units import seconds_by_status

QUEUE = "queue"
"""Folder of the entries in that of the memory."""
DOWNLOADS = "downloads"
"""Folder of the videos that were downloaded, likewise."""
MOST = 64
"""Videos that wait at once."""
_PAUSE = 2.0  # seconds between looks for new entries, which another process may have made
_LARGEST = 1 << 16  # bytes of an entry


@dataclass(frozen=True, slots=True)
class Entry:
    """A video that waits to be indexed, is being indexed, or could not be."""

    id: str
    path: str
    """The file; of one that is to be downloaded, where it will be."""
    name: str
    added: float
    """When, in POSIX seconds."""
    channels: list[str] | None = None
    web: WebVideo | None = None
    failure: str = ""


@dataclass(slots=True)
class Working:
    """What is being done at the moment."""

    entry: Entry
    doing: str = "beginning"
    began: float = field(default_factory=time.monotonic)
    """On the monotonic clock."""
    before: dict[str, float] = field(default_factory=dict)
    """Seconds that each channel covered when it began."""


class IndexQueue:
    """Works off the videos that were added, in a thread that has each indexed by a process of its own.

    Args:
        memory: the memory.
        sources: what may be added; entries of an earlier server that it does not allow are left alone.
    """

    def __init__(self, memory: ClipMemory, sources: Sources) -> None:
        self.memory = memory
        self.sources = sources
        self.folder = memory.folder / QUEUE
        self.downloads = memory.folder / DOWNLOADS
        self.working: Working | None = None
        """What this server does at the moment; None where it waits, or another one works."""
        self.trouble = ""
        """Why nothing is done at the moment, where the memory's folder is at fault."""
        self.changed: Callable[[], None] = lambda: None
        """Is called in the thread when something began or ended."""
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Go on with what an earlier server left, if anything may be added at all."""
        if self.sources and self._thread is None:
            self._make_folder()
            self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop; what is there is kept."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def add(self, path: Path, *, channels: Sequence[str] | None = None, web: WebVideo | None = None) -> Entry:
        """Put a video at the end; one that waits already stays where it is.

        Raises:
            MemoryFolderError: if too many wait, or the entry cannot be written.
        """
        waiting = self.entries()
        for entry in waiting:
            if entry.path == str(path):
                if not entry.failure:
                    return entry
                self._remove(entry)
        if len(waiting) >= MOST:
            raise MemoryFolderError(f"{MOST} videos wait already: add it when some are indexed.")
        name = web.name if web else path.name
        entry = Entry(secrets.token_hex(4), str(path), name, time.time(), list(channels) if channels else None, web)
        self._make_folder()
        self._write(entry)
        self.start()
        self._wake.set()
        return entry

    def entries(self) -> list[Entry]:
        """What waits, is being done or has failed, in the order of adding."""
        found = []
        for file in self.folder.glob("*.json"):
            with suppress(OSError, ValueError, TypeError, KeyError):  # one that another process removes meanwhile
                row: dict[str, Any] = json.loads(read_text(file, most=_LARGEST))
                web = WebVideo(**row.pop("web")) if row["web"] else row.pop("web")
                found.append(Entry(**row, web=web))
        return sorted(found, key=lambda entry: (entry.added, entry.id))

    def entry(self, id_: str) -> Entry | None:
        """Return the entry of that id; None once the video is indexed."""
        return next((entry for entry in self.entries() if entry.id == id_), None)

    def is_at(self, entry: Entry) -> bool:
        """Return whether this server works at an entry now."""
        working = self.working
        return working is not None and working.entry.id == entry.id

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise MemoryFolderError(f"{self.folder} cannot be made ({error.strerror}): check its rights.") from error

    def _write(self, entry: Entry) -> None:
        try:
            with replacing(self.folder / f"{entry.id}.json") as file:
                file.write_text(json.dumps(asdict(entry)))
        except OSError as error:
            raise MemoryFolderError(f"{self.folder} cannot be written ({error.strerror}): check its rights.") from error

    def _remove(self, entry: Entry) -> None:
        (self.folder / f"{entry.id}.json").unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            try:
                if self._next() is None:
                    self._wake.wait(_PAUSE)
                    continue
                with writer_lock(self.folder):  # of the queue, not of the memory
                    for left in self.downloads.glob(".part-*"):  # of a server that was killed
                        shutil.rmtree(left, ignore_errors=True)
                    while not self._closed.is_set() and (entry := self._next()) is not None:
                        self._do(entry)
                self.trouble = ""
            except MemoryInUse:  # another server works
                self._closed.wait(_PAUSE)
            except MemoryFolderError as error:
                self.trouble = str(error)
                self._closed.wait(10 * _PAUSE)

    def _next(self) -> Entry | None:
        return next((one for one in self.entries() if not one.failure and self._is_allowed(one)), None)

    def _do(self, entry: Entry) -> None:
        self.working = working = Working(entry)
        self.changed()
        try:
            try:
                self._download(entry, working)
                failure = self._index(entry, working)
            except VideoError as error:
                failure = str(error)
            if not self._closed.is_set():
                if failure:
                    self._write(replace(entry, failure=failure))
                else:
                    self._remove(entry)
        finally:
            self.working = None
            self.changed()

    def _is_allowed(self, entry: Entry) -> bool:
        try:
            return bool(self.sources.address(entry.web.url) if entry.web else self.sources.file(entry.path))
        except VideoError:
            return False

    def _download(self, entry: Entry, working: Working) -> None:
        if entry.web is None or Path(entry.path).exists():
            return
        size = f" of {entry.web.size / 1e6:.0f}" if entry.web.size else ""

        def progress(loaded: int) -> None:
            working.doing = f"downloading: {loaded / 1e6:.0f}{size} MB"

        progress(0)
        fetch(entry.web, Path(entry.path), self.sources.hosts, progress, self._closed.is_set)

    def _index(self, entry: Entry, working: Working) -> str:
        """Have it indexed; why that failed, or an empty text. A process that writes the memory is waited for."""

        def told(doing: str) -> None:
            if doing == INDEXING:
                file = self.memory.store.file(Path(entry.path))
                working.before = done_seconds(self.memory, file.video) if file else {}
                working.began = time.monotonic()
            working.doing = doing

        end = index_file(self.memory, Path(entry.path), entry.channels, self._closed.is_set, told)
        return end.failure if end is not None else ""


def done_seconds(memory: ClipMemory, video: str) -> dict[str, float]:
    """Seconds of a video that are done, by channel."""
    found = seconds_by_status(memory.store, video)
    return {channel: seconds.get("done", 0.0) for channel, seconds in found.items()}
