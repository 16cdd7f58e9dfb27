"""Trace synthesis, from tasks and teachers to a folder of traces and preferences.

The process may be killed at any time: what a task gave is in the folder wholly or not at all.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...memory.files.regular import LARGEST_TASKS, read_bytes, replacing
from ..data.task import Task
from .conversations import conversation_row, line_of, preference_row
from .teachers import Outcome, Teachers


class SynthesisFolder:
    """`traces.jsonl`, `preferences.jsonl`, and `log.jsonl`, whose line for a task says that the task is done.

    Opening it mends what a kill left: a line that was cut off, and lines of tasks that were not done.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.traces, self.preferences = self.path / "traces.jsonl", self.path / "preferences.jsonl"
        self.log = self.path / "log.jsonl"
        whole = _kept(self.log, lambda row: True)
        self.done: dict[str, dict[str, str]] = {row["task"]: row["reasons"] for row in whole}
        """Of each task that is done, what became of each teacher's trace."""
        _kept(self.traces, lambda row: row["task"]["id"] in self.done)
        _kept(self.preferences, lambda row: row["chosen"]["task"]["id"] in self.done)

    def add(self, outcome: Outcome) -> None:
        """Write what a task gave; its line in the log comes last."""
        _append(self.traces, map(conversation_row, outcome.kept))
        _append(self.preferences, map(preference_row, outcome.pairs))
        counts = {"kept": len(outcome.kept), "pairs": len(outcome.pairs)}
        _append(self.log, [{"task": outcome.task.id, "reasons": dict(outcome.reasons), **counts}])
        self.done[outcome.task.id] = dict(outcome.reasons)


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(map(line_of, rows))
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _kept(path: Path, belongs: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The rows of a file that are whole and belong there; the others are taken out of it."""
    if not path.exists():
        return []
    text = read_bytes(path, LARGEST_TASKS)
    rows, lines = [], []
    for line in text.split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if belongs(row):
            rows.append(row)
            lines.append(line + b"\n")
    mended = b"".join(lines)
    if mended != text:
        with replacing(path) as unfinished:
            unfinished.write_bytes(mended)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The yield of a synthesis, earlier parts of it included."""

    tasks: int
    kept: int
    pairs: int
    reasons: Mapping[str, Mapping[str, int]]
    """For each teacher, how many of its traces were kept, or why they were not."""
    traces: Path
    preferences: Path


def synthesize(
    teachers: Teachers,
    tasks: Sequence[Task],
    out: str | Path,
    *,
    batch: int = 8,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Report:
    """Have tasks solved by teachers, and keep what may be learnt from.

    It may be killed and started again: tasks that are done are not asked again.

    Args:
        teachers: who solves them, and what is kept.
        tasks: ids must differ.
        out: the folder (`SynthesisFolder`).
        batch: tasks that are run side by side; what a batch gave is on disk before the next one begins.
        on_outcome: is called with each task's outcome as it is done.

    Raises:
        ValueError: if two tasks have the same id.
    """
    twice = [name for name, count in Counter(task.id for task in tasks).items() if count > 1]
    if twice:
        raise ValueError(f"Two tasks have the id {twice[0]!r}; give each its own.")
    folder = SynthesisFolder(out)
    remaining = [task for task in tasks if task.id not in folder.done]
    for at in range(0, len(remaining), max(batch, 1)):
        for outcome in teachers(remaining[at : at + max(batch, 1)]):
            folder.add(outcome)
            if on_outcome:
                on_outcome(outcome)
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
