"""The tasks that a configuration asks for, and a memory that holds their videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...memory import ClipMemory
from ..data.task import Task
from ..data.task_files import read_tasks
from ..data.validation import unknown
from ..gym import ALL_FAMILIES, Environment, Level, build_memory, clips16, sample_environments
from .config import ConfigError, TaskSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Tasks of one section."""

    tasks: tuple[Task, ...]
    environments: tuple[Environment, ...] = ()
    """Those of the gym; as many as tasks, or none."""


def tasks_of(part: TaskSet, section: str) -> Tasks:
    """The tasks of a section.

    Raises:
        ConfigError: if it names no tasks, or families or levels that are none.
        TaskFileError: if a file is wrong.
    """
    if bool(part.families) == bool(part.files):
        raise ConfigError(f"{section}: give families of the gym (with a count), or files of tasks.")
    if part.files:
        if part.memory is None:
            raise ConfigError(f"{section}.memory is missing; give the folder of the memory that holds the videos.")
        return Tasks(tasks=tuple(task for path in part.files for task in read_tasks(path)))
    for name in part.families:
        if name not in ALL_FAMILIES:
            raise ConfigError(f"{section}.families: {name} {unknown(name, ALL_FAMILIES)}")
    if part.count < 1:
        raise ConfigError(f"{section}.count is {part.count}; write how many tasks, at least 1.")
    small = [name in clips16.FAMILIES for name in part.families]
    if any(small) and not all(small) and part.levels:
        raise ConfigError(f"{section}.levels: families of clips16 and others have no levels in common.")
    levels: dict[Level | None, float] = {
        level_of(row, small=all(small), place=f"{section}.levels"): 1.0 for row in part.levels
    }
    environments = sample_environments(part.count, families=part.families, levels=levels or None, seed=part.seed)
    return Tasks(tasks=tuple(one.task for one in environments), environments=tuple(environments))


def level_of(row: Mapping[str, Any], *, small: bool, place: str) -> Level:
    """The level of a mapping: a difficulty and changes to that rung, or changes to the family's own level."""
    names = list(Level.__dataclass_fields__)
    for name in row:
        if name not in names:
            raise ConfigError(f"{place}: {name} {unknown(str(name), names)}")
    try:
        changes = {str(k): v for k, v in row.items()}
        if small:
            return replace(clips16.LEVEL, **changes)
        return Level.of(**changes) if "difficulty" in changes else Level(**changes)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{place}: {error}") from None


def memory_for(sections: Sequence[TaskSet], parts: Sequence[Tasks], folder: Path) -> ClipMemory:
    """The memory that holds all videos: the one named, or one of the gym's worlds, made in `folder`.

    Raises:
        ConfigError: if sections need different memories.
    """
    named = {section.memory for section in sections if section.files}
    if len(named) > 1 or (named and any(section.families for section in sections)):
        raise ConfigError(
            "tasks and held_out: both need the same memory; give both files with one memory, or families."
        )
    if named:
        return ClipMemory(str(named.pop()), read_only=True)
    return build_memory([one for part in parts for one in part.environments], folder)
