"""Videos: what tasks name, found in a memory or put into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from glob import escape
from pathlib import Path, PurePosixPath

from ..memory import ClipMemory, RewatchError, VideoRecord
from ..memory.errors import CapabilityError, MemoryFolderError
from ..training.data.task import Task

Add = Callable[[Path], VideoRecord]
"""Puts a file into the memory."""
_BESIDE = frozenset((".srt", ".vtt", ".ass", ".txt", ".json", ".jsonl", ".csv", ".npy", ".wav", ".mp3", ".jpg", ".png"))
"""Endings of what lies beside videos."""


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
        file = _file(name, folders)
        try:
            found[name] = memory.video(name) if file is None else add(file)
        except (MemoryFolderError, CapabilityError):
            raise
        except RewatchError as error:
            failures[name] = f"{type(error).__name__}: {error}{_searched(folders) if file is None else ''}"
    return found, failures


def _file(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of that name in one of the folders; None for what is none.

    Sets name videos by the paths of their authors, or without an ending: then it is the file of the same name beneath
    no folder, and then the only one with that stem.
    """
    for wanted in dict.fromkeys((name, PurePosixPath(name).name)):
        for folder in folders:
            if (folder / wanted).is_file():
                return folder / wanted
    for folder in folders:
        found = [one for one in folder.glob(f"{escape(_stem(name))}.*") if one.suffix.lower() not in _BESIDE]
        if len(found) == 1 and found[0].is_file():
            return found[0]
    return None


def _searched(folders: Sequence[Path]) -> str:
    """Where no file of a name was found, and how to say where it is."""
    places = ", ".join(dict.fromkeys(str(folder) for folder in folders))
    where = f"Nor is there one file of that name in {places}" if places else "No folder with such files was named"
    return f" {where}: --videos names the folder."


def _stem(name: str) -> str:
    """The name without folders, and without what is the ending of a video; ids may have dots of their own."""
    path = PurePosixPath(name)
    return path.stem if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,3}", path.suffix) else path.name
