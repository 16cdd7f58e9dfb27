"""Items: what came of asking one task once, as a line of `items.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..agent import Answer
from ..memory import RewatchError
from ..memory.files.regular import LARGEST_TASKS, cut_half_line, read_text
from ..memory.sanitize import as_json

SCHEMA = 1
"""Version of a line; it grows when a field changes its meaning or goes."""
ITEMS = "items.jsonl"


class EvaluationError(RewatchError):
    """An evaluation cannot be run, gone on with, or read."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One task, asked once."""

    task: str
    """Id of the task."""
    sample: int = 0
    """Which of the samples of the task it is, from 0."""
    state: Literal["begun", "done", "left_out"] = "done"
    """`begun` once the run has an id, so that it can be gone on with after a kill; `left_out` where a control means
    nothing for the task, so that it is neither right nor wrong."""
    run_id: str = ""
    answer: Answer | None = None
    """None while it runs, and where it failed before there was a run (a video that cannot be used)."""
    failed: str | None = None
    """The reason why there is no answer, in a line; such an item is wrong, unless it is left out."""
    trace: str | None = None
    """Path of the trace below the folder of the evaluation."""
    seconds: float = 0.0
    """From asking to the answer."""

    @property
    def key(self) -> tuple[str, int]:
        """The task and the sample, which no other item has."""
        return self.task, self.sample

    @property
    def is_failure(self) -> bool:
        """True if it came to no answer of its own, since a video, a model or the program failed."""
        return self.failed is not None or self.answer is None or self.answer.failed

    @property
    def reason(self) -> str | None:
        """Why it came to no answer; None where it did."""
        if not self.is_failure:
            return None
        return self.failed or (self.answer and (self.answer.text or self.answer.stopped_by)) or "it was cut off"

    def as_row(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "schema": SCHEMA,
            **{name: getattr(self, name) for name in ("task", "sample", "state", "run_id", "failed", "trace")},
            "seconds": round(self.seconds, 3),
            "answer": None if self.answer is None else self.answer.as_dict(),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Item:
        """The item that `as_row` wrote."""
        if not (isinstance(row["task"], str) and isinstance(row["sample"], int)):
            raise TypeError("task is a text and sample a number")
        names = ("task", "sample", "state", "run_id", "failed", "trace", "seconds")
        answer = None if row["answer"] is None else Answer.from_dict(row["answer"])
        return cls(answer=answer, **{name: row[name] for name in names})


class ItemFile:
    """The file of items: one process appends whole lines, written through; any may read meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ITEMS
        self._is_whole = False

    def append(self, item: Item) -> None:
        """Add an item; a later one with the same key takes the place of an earlier one.

        What a kill left of a line goes first.

        Raises:
            EvaluationError: if it cannot be written.
        """
        try:
            if not self._is_whole:
                cut_half_line(self.path)
            self._is_whole = False
            with self.path.open("a", encoding="utf-8") as file:
                file.write(as_json(item.as_row()) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._is_whole = True
        except OSError as error:
            raise EvaluationError(
                f"{self.path} cannot be written ({error.strerror}): what is there is kept; make room, and run the same "
                "command again to go on."
            ) from None

    def read(self) -> dict[tuple[str, int], Item]:
        """The latest item of each key, in the order in which they first came; of the last line, if it is whole.

        Raises:
            EvaluationError: naming the line that is no item.
        """
        return {item.key: item for item in _lines(self.path)}


def _lines(path: Path) -> Iterator[Item]:
    if not path.is_file():
        return
    # Behind the last line end is nothing, or half a line.
    *lines, _ = read_text(path, "utf-8", LARGEST_TASKS).split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Item.from_row(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                reason = f"{type(error).__name__}: {error}"
                raise EvaluationError(f"{path}, line {number}: is no item ({reason}); remove the line.") from None
