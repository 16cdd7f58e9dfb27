"""ActivityNet-Captions: when does each sentence about a video hold? (Krishna et al. 2017).

The files are one object: `{VIDEO: {"duration": s, "timestamps": [[s, s], …], "sentences": [text, …]}}`; known from the
code that reads them in public repositories; the files themselves were not seen. Grounding is commonly reported on
`val_1.json` and `val_2.json`, or on the latter alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...training.data.readers.fields import spans_of
from ...training.data.task import Task, TaskError
from ...training.data.task_files import TaskFileError
from .benchmark import Benchmark
from .rows import Placed, Row, document, tasks_from
from .temporal import known_length, moment_task, when

NAME = "activitynet_captions"


def read(path: Path) -> Iterator[Task | TaskError]:
    """The sentences of a file."""
    return tasks_from(_sentences(path), _task)


def _sentences(path: Path) -> Iterator[Placed]:
    whole = document(path)
    if not isinstance(whole, Mapping):
        raise TaskFileError(f"{path} is not one object of videos; give val_1.json or val_2.json as released.")
    for video, row in whole.items():
        yield from _of_video(f"{path}, {video}", video, row)


def _of_video(place: str, video: str, row: Any) -> Iterator[Placed]:
    sentences, times = (row.get(name) if isinstance(row, Mapping) else None for name in ("sentences", "timestamps"))
    if not isinstance(sentences, list) or not isinstance(times, list) or len(sentences) != len(times):
        yield place, ValueError("sentences and timestamps are no lists of one length")
        return
    for number, (sentence, span) in enumerate(zip(sentences, times, strict=True)):
        yield (
            f"{place}, sentence {number}",
            {"video": video, "number": number, "sentence": sentence, "span": span, "duration": row.get("duration")},
        )


def _task(row: Row, place: str) -> Task:
    if not isinstance(row["sentence"], str):
        raise TaskError("sentences", "hold something else than a text")
    return moment_task(
        id=f"{NAME}-{row['video']}-{row['number']}",
        question=when(row["sentence"]),
        video=row["video"],
        spans=spans_of(row["span"], "timestamps"),
        source=NAME,
        meta=known_length(row),
    )


ACTIVITYNET_CAPTIONS = Benchmark(
    name=NAME,
    read=read,
    measures=("grounding",),
    files="val_1.json, val_2.json",
    paper="Dense-Captioning Events in Videos (arXiv 1705.00754)",
)
