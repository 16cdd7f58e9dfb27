"""LongVideo-Reason-eval (LongVILA-R1): the test split, with the fields of the training rows.

Seen: the code that scores it (NVlabs/Long-RL, eval/eval.py), which reads videos, problem and answer of the split
`test`, and takes for right what is equal to the truth as mathematics or as text. What else is known stands with the
reader of the training rows (`training.data.readers.longvideo_reason`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...training.data.readers.longvideo_reason import read_longvideo_reason
from ...training.data.task import Task, TaskError
from .benchmark import Benchmark
from .rows import Row, placed_rows, tasks_from

NAME = "longvideo_reason"


def read_eval(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released file."""
    return tasks_from(placed_rows(path), _task)


def _task(row: Row, place: str) -> Task:
    ident = row.get("problem_id")
    task = read_longvideo_reason({**row, "problem_id": place.rpartition(" ")[2] if ident is None else ident}, NAME)
    kind = task.meta.get("problem_type")
    return replace(
        task,
        meta={
            **({"chance": 1 / len(task.options)} if task.options else {}),
            **({"categories": {"problem_type": str(kind)}} if kind else {}),
        },
    )


LONGVIDEO_REASON = Benchmark(
    name=NAME,
    read=read_eval,
    files="the split test as Parquet or JSON lines",
    paper="Chen et al. 2025, Scaling RL to Long Videos (NeurIPS 2025, arXiv 2507.07966); NVlabs/Long-RL, eval/eval.py",
)
