"""Charades-STA: when does a sentence hold in a video? (TALL, Gao et al. 2017; jiyanggao/TALL).

Seen: the form of a line, `VIDEO START END##SENTENCE`, as the repository describes it; and the fields with which
lmms-eval's task reads the same queries (video, caption, timestamp). The text files themselves were not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ...training.data.readers.fields import number_of, spans_of, text_of
from ...training.data.readers.rows import text_of_file
from ...training.data.task import Task, TaskError
from .benchmark import Benchmark
from .rows import Placed, Row, placed_rows, tasks_from
from .temporal import moment_task, when

NAME = "charades_sta"
_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+?)\s*##\s*(.*)")


def read(path: Path) -> Iterator[Task | TaskError]:
    """The queries of a file of lines, or of rows."""
    rows = placed_rows(path) if _has_rows(path) else _lines(path)
    numbers = count(1)  # rows of an array may stand on one line
    return tasks_from(rows, lambda row, _: _task(row, next(numbers)))


def _has_rows(path: Path) -> bool:
    return path.suffix.lower() in (".json", ".jsonl", ".csv", ".tsv", ".parquet")


def _lines(path: Path) -> Iterator[Placed]:
    for number, line in enumerate(text_of_file(path).split("\n"), start=1):
        match = _LINE.fullmatch(line.strip())
        if match:
            yield f"{path}, line {number}", dict(zip(("video", "start", "end", "caption"), match.groups(), strict=True))
        elif line.strip():
            yield f"{path}, line {number}", {"line": line}


def _task(row: Row, number: int) -> Task:
    if "line" in row:
        raise TaskError("line", f"is {row['line'][:60]!r}, VIDEO START END##SENTENCE is wanted")
    video = text_of(row, "video")
    span = row["timestamp"] if "timestamp" in row else [number_of(row, "start"), number_of(row, "end")]
    return moment_task(
        id=f"{NAME}-{video}-{number}",
        question=when(text_of(row, "caption")),
        video=video,
        spans=spans_of(span, "timestamp"),
        source=NAME,
    )


CHARADES_STA = Benchmark(
    name=NAME,
    read=read,
    measures=("grounding",),
    files="charades_sta_test.txt",
    paper="TALL (arXiv 1705.02101); jiyanggao/TALL, main.py",
)
