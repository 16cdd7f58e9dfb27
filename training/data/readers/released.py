"""Released training sets as tasks, by their field names. A broken row is reported with its line, never replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....memory.registry import Registry
from ..task import Task, TaskError
from .ego_cott import read_ego_cott
from .fields import Skip
from .longvideo_reason import read_longvideo_reason
from .mtvr import read_mtvr
from .rows import rows_of
from .time_r1 import read_time_r1
from .video_r1 import read_video_r1

Reader = Callable[[Mapping[str, Any], str], Task]
"""Makes a task of a row; the second argument is the set's name, for ids and sources.

Raises `TaskError` naming the field that is wrong, or `Skip` for a row that is left out on purpose.
"""
READERS: Registry[Reader] = Registry(
    "reader",
    {
        "mtvr": read_mtvr,
        "video_r1": read_video_r1,
        "longvideo_reason": read_longvideo_reason,
        "time_r1": read_time_r1,
        "ego_cott": read_ego_cott,
        "videorft": read_video_r1,
    },
)
"""Readers by the name of their set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Contents of a released file."""

    tasks: tuple[Task, ...]
    problems: tuple[str, ...]
    """`FILE, line N: field: what is wrong`, one for each row that is no task."""
    skipped: Mapping[str, int]
    """Number of rows left out on purpose, by reason (`image`)."""

    @property
    def summary(self) -> str:
        """One line for people."""
        skips = [f"{count} skipped ({why})" for why, count in self.skipped.items()]
        return ", ".join([f"{len(self.tasks)} tasks", f"{len(self.problems)} broken rows", *skips])


def read_released(name: str, path: str | Path, *, root: str | Path | None = None, most: int | None = None) -> Released:
    """The tasks of a released file.

    Args:
        name: of the set, one of `READERS`.
        path: a .json, .jsonl or .parquet file.
        root: the folder that the videos' paths start from; they are left as they are without it.
        most: tasks after which to stop.

    Raises:
        UnknownNameError: if there is no such reader.
        TaskFileError: if the file cannot be read.
    """
    set_name = name.lower().replace("-", "_")
    reader = READERS[set_name]
    tasks: list[Task] = []
    problems: list[str] = []
    skipped: Counter[str] = Counter()
    places: dict[str, str] = {}
    for where, row in rows_of(path):
        if most is not None and len(tasks) >= most:
            break
        try:
            task = _task(reader, row, set_name, Path(path), where)
            if task.id in places:
                raise TaskError("id", f"{task.id!r} is that of {places[task.id]} too")
        except Skip as why:
            skipped[str(why)] += 1
        except TaskError as error:
            problems.append(f"{path}, {where}: {error}")
        else:
            places[task.id] = where
            if root is not None:
                task = replace(task, videos=tuple(str(Path(root) / video) for video in task.videos))
            tasks.append(task)
    return Released(tasks=tuple(tasks), problems=tuple(problems), skipped=dict(skipped))


def _task(reader: Reader, row: Any, name: str, path: Path, where: str) -> Task:
    if isinstance(row, ValueError):
        raise TaskError("row", f"is not JSON ({row})")
    if isinstance(row, TaskError):
        raise row
    if not isinstance(row, Mapping):
        raise TaskError("row", f"is a {type(row).__name__}, an object is wanted")
    if reader is read_mtvr:  # its rows go by the name of their file, and need not have an id
        number = where.split()[-1]
        row = {"data_source": path.stem, **row, "id": f"{name}-{path.stem}-{row.get('id') or number}"}
    return reader(row, name)
