"""HLV-1K: a thousand hour-long videos, with options, and with yes or no.

Seen: all 1,009 released files (a JSON array a video, named by its YouTube id: qa_idx, qa_type qa or mcqa, qa_level,
qa_task, question, answer, old_answer, options `A. …` of mcqa), and the code that scores them: the letter, or whether
yes or no stands in the answer. Task names are spelt with spaces, hyphens and underscores there, and are one here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...training.data.readers.fields import choice, options_of, text_of
from ...training.data.task import Task, TaskError
from .benchmark import Benchmark
from .rows import Row, choice_task, placed_rows, tasks_from

YES_NO = ("Yes", "No")


def read_hlv_1k(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of a video's file, or of the folder of all of them."""
    return tasks_from(placed_rows(path), _task)


def _task(row: Row, place: str) -> Task:
    video = Path(place.rpartition(", ")[0]).stem
    options = options_of(row.get("options")) if text_of(row, "qa_type") == "mcqa" else YES_NO
    return choice_task(
        id=f"hlv_1k-{video}-{row.get('qa_idx')}",
        question=text_of(row, "question"),
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=f"{video}.mp4",
        source="hlv_1k",
        categories={
            "level": row.get("qa_level"),
            "task": re.sub(r"[\s_-]+", " ", str(row.get("qa_task") or "")).strip().lower(),
            "form": row["qa_type"],
        },
    )


HLV_1K = Benchmark(
    name="hlv_1k",
    read=read_hlv_1k,
    files="the folder in dataset.zip, or a video's JSON file",
    paper="Zou et al. 2025 (ICME, arXiv 2501.01645); Vincent-ZHQ/HLV-1K-Long-Video-Understanding-Benchmark",
)
