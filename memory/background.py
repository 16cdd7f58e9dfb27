"""Writing into a memory in a process of its own: its caller goes on meanwhile, and it ends when that does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .clip_memory import ClipMemory
from .errors import MemoryInUse, RewatchError, VideoError
from .processes.child_process import Child, connection_to_parent

INDEXING, WAITING = "indexing", "waiting for another process that writes into the memory"
"""What `index_file` says that it does."""
_NICENESS = 10  # whoever asks meanwhile goes first
_TICK = 0.25  # seconds between looks at a process
_PAUSE = 2.0  # seconds until it is tried again to write


@dataclass(frozen=True, slots=True)
class Indexed:
    """The end of `ClipMemory.add` in another process."""

    video: str = ""
    """Id of the video; empty where it failed."""
    failure: str = ""
    """Why it failed, in a line."""
    in_use: bool = False
    """Whether another process was writing, so that it may be tried again."""
    unreadable: bool = False
    """Whether the video is at fault, and not the memory or what is installed."""


@dataclass(frozen=True, slots=True)
class _Request:
    folder: str
    models: dict[str, Any]
    path: str | None
    channels: Sequence[str] | None = None
    remove: Sequence[str] = ()


class BackgroundAdd:
    """`ClipMemory.add` of one file in a process of its own; what it has done is in the memory, piece by piece.

    Args:
        memory: the memory; it may be open for reading only.
        path: the file.
        channels: as for `add`.
    """

    def __init__(self, memory: ClipMemory, path: Path, channels: Sequence[str] | None = None) -> None:
        self._child = Child(__name__)
        folder = str(memory.folder.absolute())
        self._child.send(_Request(folder, memory.models_given, str(path), channels))

    def wait(self, seconds: float) -> Indexed | None:
        """Wait for its end, no longer than this; None if it goes on."""
        try:
            if not self._child.connection.poll(seconds):
                return None
            end: Indexed = self._child.connection.recv()
            return end
        except (EOFError, ConnectionError):
            why = f"The process that indexed it died ({self._child.exit_reason()}). Add it again."
            return Indexed(failure=why, unreadable=True)

    def kill(self) -> None:
        """End it now; what it has done so far is kept, and `add` goes on from there."""
        self._child.kill()


def index_file(
    memory: ClipMemory,
    path: Path,
    channels: Sequence[str] | None,
    stopped: Callable[[], bool],
    told: Callable[[str], None] = lambda doing: None,
) -> Indexed | None:
    """Have one file indexed in a process of its own; while another process writes into the memory, wait.

    Args:
        memory: the memory; it may be open for reading only.
        path: the file.
        channels: as for `ClipMemory.add`.
        stopped: is asked meanwhile whether to give up.
        told: is told `INDEXING` or `WAITING`, whenever that begins.

    Returns:
        The end; None where it was given up.
    """
    while not stopped():
        told(INDEXING)
        end = None
        adding = BackgroundAdd(memory, path, channels)
        try:
            while end is None and not stopped():
                end = adding.wait(_TICK)
        finally:
            adding.kill()
        if end is not None and not end.in_use:
            return end
        told(WAITING)
        again = time.monotonic() + _PAUSE
        while not stopped() and time.monotonic() < again:
            time.sleep(_TICK)
    return None


def remove_videos(memory: ClipMemory, videos: Sequence[str]) -> Indexed:
    """Have videos forgotten, as `ClipMemory.remove` does, in a process of its own: the database is written anew.

    Returns:
        The end; `failure` says why they are still there.
    """
    child = Child(__name__)
    try:
        child.send(_Request(str(memory.folder.absolute()), memory.models_given, None, remove=videos))
        end: Indexed = child.connection.recv()
    except (EOFError, ConnectionError):
        end = Indexed(failure=f"The process that removed it died ({child.exit_reason()}).")
    finally:
        child.kill()
    return end


def main() -> None:
    """Run the process: one request in, the end of it out."""
    connection = connection_to_parent()
    request: _Request = connection.recv()
    os.nice(_NICENESS)  # its workers inherit it
    try:
        with ClipMemory(request.folder, **request.models) as memory:
            for video in request.remove:
                memory.remove(video)
            end = Indexed(memory.add(request.path, channels=request.channels).id if request.path else "")
    except MemoryInUse as error:
        end = Indexed(failure=str(error), in_use=True)
    except RewatchError as error:
        end = Indexed(failure=str(error), unreadable=isinstance(error, VideoError))
    connection.send(end)
