"""LVBench: videos of an hour and more, four options.

Seen: LVBench's scoring (THUDM/LVBench, lvbench/metrics/compute_accuracy.py), which reads `video_info.meta.jsonl` (a
video a line: key, qa with uid, question, answer, question_type as a list), and others' readers of that file, which have
the options as lines `(A) …` inside question and tell of time_reference (`15:30-19:46`). lmms-eval's copy has a question
a row with video_path and options as a list. The files were not seen.

A question counts in each of its types, as there: they are in `meta["types"]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...memory import Span
from ...training.data.readers.fields import choice, options_of, split_question, text_of
from ...training.data.task import Task, TaskError
from ...training.rewards.extraction import ranges
from .benchmark import Benchmark
from .rows import Placed, Row, choice_task, placed_rows, tasks_from


def read_lvbench(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released file."""
    return tasks_from(_rows(path), _task)


def _rows(path: Path) -> Iterator[Placed]:
    """A question a row, with what its line tells of the video."""
    for place, row in placed_rows(path):
        if isinstance(row, Mapping) and isinstance(row.get("qa"), list):
            about = {name: value for name, value in row.items() if name != "qa"}
            for number, one in enumerate(row["qa"]):
                yield f"{place}, question {number}", {**about, **one} if isinstance(one, Mapping) else one
        else:
            yield place, row


def _task(row: Row, place: str) -> Task:
    question, options = split_question(text_of(row, "question"), "question")
    if row.get("options"):
        question, options = text_of(row, "question"), options_of(row["options"])
    if len(options) < 2:
        raise TaskError("question", "lists no options, and the answer is to choose one")
    types = row.get("question_type") or []
    types = [str(one) for one in types] if isinstance(types, list) else [str(types)]
    info = row.get("video_info")
    kind = row.get("type") or (info.get("type") if isinstance(info, Mapping) else None)
    return choice_task(
        id=f"lvbench-{row.get('uid')}",
        question=question,
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=str(row.get("video_path") or f"{text_of(row, 'key')}.mp4"),
        source="lvbench",
        spans=[Span(start, end) for start, end in ranges(str(row.get("time_reference") or "")) if start < end],
        categories={"video": kind},
        meta={"types": types} if types else {},
    )


LVBENCH = Benchmark(
    name="lvbench",
    read=read_lvbench,
    measures=("types",),
    files="video_info.meta.jsonl",
    paper="Wang et al. 2024, LVBench (arXiv 2406.08035); THUDM/LVBench, lvbench/metrics/compute_accuracy.py",
)
