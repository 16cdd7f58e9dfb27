"""A folder that traces grow in, which may be killed at any time: what a task gave is in it wholly or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ...memory.files.regular import LARGEST_TASKS, read_bytes
from .files import conversation_row, judgment_row, line_of
from .teaching import Outcome


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
        _append(self.preferences, map(judgment_row, outcome.pairs))
        counts = {"kept": len(outcome.kept), "pairs": len(outcome.pairs)}
        _append(self.log, [{"task": outcome.task.id, "reasons": dict(outcome.reasons), **counts}])
        self.done[outcome.task.id] = dict(outcome.reasons)


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(map(line_of, rows))
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _kept(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The rows of a file that are whole and wanted; the others are taken out of it."""
    if not path.exists():
        return []
    text = read_bytes(path, LARGEST_TASKS)
    rows, lines = [], []
    for line in text.split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if wanted(row):
            rows.append(row)
            lines.append(line + b"\n")
    mended = b"".join(lines)
    if mended != text:
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(mended)
        part.replace(path)
    return rows
