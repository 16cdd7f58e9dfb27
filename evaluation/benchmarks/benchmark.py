"""The interface of a benchmark: how its rows become tasks, and by what they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...training.data.task import Task, TaskError


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A public set."""

    name: str
    read: Callable[[Path], Iterator[Task | TaskError]]
    """Tasks of a released file or folder, with what is wrong with rows that are none (the text names the place)."""
    measures: tuple[str, ...] = ("accuracy",)
    """Names of `MEASURES`, beside those that every set has."""
    files: str = ""
    """What to give: the names of the released files, for people."""
    paper: str = ""
    """Where it is described, and the repository whose definitions hold."""
