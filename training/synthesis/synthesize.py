"""Trace synthesis, from tasks and teachers to a folder of traces and preferences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.task import Task
from .folder import SynthesisFolder
from .teaching import Outcome, Teaching


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a synthesis, earlier parts of it included."""

    tasks: int
    kept: int
    pairs: int
    reasons: Mapping[str, Mapping[str, int]]
    """For each teacher, how many of its traces were kept, or why they were not."""
    traces: Path
    preferences: Path


def synthesize(
    teaching: Teaching,
    tasks: Sequence[Task],
    out: str | Path,
    *,
    batch: int = 8,
    told: Callable[[Outcome], None] | None = None,
) -> Report:
    """Have tasks solved by teachers, and keep what may be learnt from.

    It may be killed and started again: tasks that are done are not asked again.

    Args:
        teaching: who solves them, and what is kept.
        tasks: ids must differ.
        out: the folder (`SynthesisFolder`).
        batch: tasks that are run side by side; what a batch gave is on disk before the next one begins.
        told: is told of each task as it is done.

    Raises:
        ValueError: if two tasks have the same id.
    """
    twice = [name for name, count in Counter(task.id for task in tasks).items() if count > 1]
    if twice:
        raise ValueError(f"Two tasks have the id {twice[0]!r}; give each its own.")
    folder = SynthesisFolder(out)
    left = [task for task in tasks if task.id not in folder.done]
    for at in range(0, len(left), max(batch, 1)):
        for outcome in teaching(left[at : at + max(batch, 1)]):
            folder.add(outcome)
            if told:
                told(outcome)
    reasons: dict[str, Counter[str]] = {}
    for of_task in folder.done.values():
        for name, reason in of_task.items():
            reasons.setdefault(name, Counter())[reason] += 1
    return Report(
        tasks=len(folder.done),
        kept=_count(folder.traces),
        pairs=_count(folder.preferences),
        reasons={name: dict(counts) for name, counts in reasons.items()},
        traces=folder.traces,
        preferences=folder.preferences,
    )


def _count(path: Path) -> int:
    return sum(1 for line in path.read_bytes().split(b"\n") if line.strip()) if path.exists() else 0
