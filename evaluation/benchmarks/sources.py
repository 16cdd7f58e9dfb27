"""Sets by the text that a person names them with: the gym, a public set's files, or a file of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...memory import ClipMemory
from ...memory.errors import MisuseError
from ...memory.registry import unknown_name
from ...training.data.task import Task, TaskError
from ...training.gym import ALL_FAMILIES, FAMILIES, build_memory, sample_environments
from .plain import read_plain
from .registry import BENCHMARKS

GYM = "gym"
PER_FAMILY = 8
"""Tasks of each family of the gym, unless told otherwise: the fewest for which blind baselines are certified."""


@dataclass(frozen=True, kw_only=True)
class TaskSet:
    """What is asked in an evaluation."""

    name: str
    """`gym`, or the name of the benchmark, or that of the file."""
    tasks: tuple[Task, ...]
    problems: tuple[str, ...] = ()
    """`FILE, line N: field: what is wrong`, one for each row that is no task."""
    measures: tuple[str, ...] = ("accuracy",)
    """Names of `MEASURES`, beside those that every set has."""
    memory: Callable[[Path], ClipMemory] | None = field(default=None, compare=False)
    """Makes the memory that holds the videos, in a folder, anew in each process; None where they are files."""


def open_set(text: str, *, limit: int | None = None, seed: int = 0) -> TaskSet:
    """The tasks of a set.

    Args:
        text: `gym`, `gym:tracking` (families with commas), `NAME:PATH` with a name of `BENCHMARKS`, or a file.
        limit: the first so many tasks; of the gym, how many in all (`PER_FAMILY` of each family by default).
        seed: of the gym's first task.

    Raises:
        MisuseError: if it names nothing, or the set holds no task.
        TaskFileError: if a file cannot be read.
    """
    if limit is not None and limit < 1:
        raise MisuseError(f"The limit is {limit}; give a number of tasks of at least 1.")
    name, colon, rest = text.partition(":")
    known = name.strip().lower().replace("-", "_")
    if known == GYM and (colon or not Path(text).is_file()):
        return _gym(rest, limit, seed)
    if colon and known in BENCHMARKS and not Path(text).exists():
        benchmark = BENCHMARKS[known]
        return _taken(known, benchmark.read(_existing(Path(rest).expanduser())), limit, benchmark.measures)
    path = Path(text).expanduser()
    if not path.exists():
        if known in BENCHMARKS and not colon:
            raise MisuseError(
                f"{known} is asked of its files: give {known}:PATH, where PATH is {BENCHMARKS[known].files}."
            )
        if colon or "/" not in text:
            names = [GYM, *BENCHMARKS]
            raise MisuseError(
                f"{unknown_name('set', name, names)} Give one of them as NAME:PATH, {GYM}, or a file of questions."
            )
        _existing(path)
    return _taken(path.stem, read_plain(path), limit, TaskSet.measures)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise MisuseError(f"There is no {path}; give the file or folder as it was released.")
    return path


def _gym(rest: str, limit: int | None, seed: int) -> TaskSet:
    families = [name.strip() for name in rest.split(",") if name.strip()] or list(FAMILIES)
    for name in families:
        ALL_FAMILIES[name]
    count = limit or PER_FAMILY * len(families)
    tasks = tuple(one.task for one in sample_environments(count, families=families, seed=seed))
    return TaskSet(name=GYM, tasks=tasks, memory=partial(build_memory, tasks))


def _taken(name: str, found: Iterator[Task | TaskError], limit: int | None, measures: tuple[str, ...]) -> TaskSet:
    tasks: dict[str, Task] = {}
    problems: list[str] = []
    for one in found:
        if isinstance(one, TaskError):
            problems.append(str(one))
        elif one.id in tasks:
            problems.append(f"{name}: id: {one.id!r} is that of an earlier task too, give each task its own")
        else:
            tasks[one.id] = one
            if len(tasks) == limit:
                break
    if not tasks:
        first = f" The first of {len(problems)} problems: {problems[0]}" if problems else ""
        raise MisuseError(f"The set {name} holds no task that can be asked.{first}")
    return TaskSet(name=name, tasks=tuple(tasks.values()), problems=tuple(problems), measures=measures)
