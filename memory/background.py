"""Indexing in a process of its own: its caller goes on meanwhile, and it ends when that does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .clip_memory import ClipMemory
from .errors import MemoryInUse, RewatchError
from .processes.child_process import Child, connection_to_parent

_NICENESS = 10  # whoever asks meanwhile goes first


@dataclass(frozen=True, slots=True)
class Indexed:
    """The end of `ClipMemory.add` in another process."""

    video: str = ""
    """Id of the video; empty where it failed."""
    failure: str = ""
    """Why it failed, in a line."""
    in_use: bool = False
    """Whether another process was writing, so that it may be tried again."""


@dataclass(frozen=True, slots=True)
class _Request:
    folder: str
    models: dict[str, Any]
    path: str
    channels: Sequence[str] | None


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
            return Indexed(failure=f"The process that indexed it died ({self._child.exit_reason()}). Add it again.")

    def kill(self) -> None:
        """End it now; what it has done so far is kept, and `add` goes on from there."""
        self._child.kill()


def main() -> None:
    """Run the process: one request in, the end of it out."""
    connection = connection_to_parent()
    request: _Request = connection.recv()
    os.nice(_NICENESS)  # its workers inherit it
    try:
        with ClipMemory(request.folder, **request.models) as memory:
            end = Indexed(memory.add(request.path, channels=request.channels).id)
    except MemoryInUse as error:
        end = Indexed(failure=str(error), in_use=True)
    except RewatchError as error:
        end = Indexed(failure=str(error))
    connection.send(end)
