"""Videos: what tasks name, found in a memory or put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..memory import ClipMemory, RewatchError, VideoRecord
from ..memory.errors import CapabilityError, MemoryFolderError
from ..training.data.task import Task

Add = Callable[[Path], VideoRecord]
"""Puts a file into the memory."""


def find_videos(
    memory: ClipMemory, tasks: Iterable[Task], folders: Sequence[Path], add: Add
) -> tuple[dict[str, VideoRecord], dict[str, str]]:
    """The video of the memory that each name stands for, added where it is a file; and why others cannot be used.

    Args:
        memory: where they are, or are put.
        tasks: what names them.
        folders: where files that tasks name lie.
        add: puts a file into the memory.

    Raises:
        MemoryFolderError: if nothing more can be put there.
        CapabilityError: if a model that indexes is not here.
    """
    found: dict[str, VideoRecord] = {}
    failures: dict[str, str] = {}
    for name in dict.fromkeys(video for task in tasks for video in task.videos):
        try:
            file = _file(name, folders)
            found[name] = memory.video(name) if file is None else add(file)
        except (MemoryFolderError, CapabilityError):
            raise
        except RewatchError as error:
            failures[name] = f"{type(error).__name__}: {error}"
    return found, failures


def _file(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of that name in one of the folders; None for what is none."""
    for folder in folders:
        path = folder / name
        if path.is_file():
            return path
    return None
