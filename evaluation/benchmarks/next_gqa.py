"""NExT-GQA: questions with five options, and when the answer can be seen (Xiao et al. 2024; doc-doc/NExT-GQA).

Seen: `datasets/nextgqa`, every file. A question's times stand in `gsub_SPLIT.json` beside `SPLIT.csv`, and the folders
of the videos in `map_vid_vidorID.json`, without which a video is looked for by its id. The answer is the text of an
option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...training.data.readers.fields import choice, spans_of, text_of
from ...training.data.task import Task, TaskError
from ...training.data.task_files import TaskFileError
from .benchmark import Benchmark
from .rows import Row, choice_task, document, placed_rows, tasks_from
from .temporal import known_length, video_file

NAME = "next_gqa"
SPLITS = ("test", "val")
TYPES = {"C": "causal", "T": "temporal"}
"""Groups of question types by their first letter."""


def read(path: Path) -> Iterator[Task | TaskError]:
    """The questions of a split: of its CSV, or of a folder, the test split before the validation split."""
    table = next((path / f"{split}.csv" for split in SPLITS if (path / f"{split}.csv").is_file()), path)
    times = table.with_name(f"gsub_{table.stem}.json")
    if not table.is_file() or not times.is_file():
        raise TaskFileError(f"{path} has no {times.name} beside its CSV; give the folder nextgqa as released.")
    folders = table.with_name("map_vid_vidorID.json")
    spans, paths = _object(times), _object(folders) if folders.is_file() else {}
    return tasks_from(placed_rows(table), lambda row, place: _task(row, spans, paths))


def _object(file: Path) -> dict[str, Any]:
    found = document(file)
    if not isinstance(found, dict):
        raise TaskFileError(f"{file} is not one object of videos; give it as released.")
    return found


def _task(row: Row, times: Mapping[str, Any], paths: Mapping[str, Any]) -> Task:
    video, number, kind = (text_of(row, name) for name in ("video_id", "qid", "type"))
    options = [text_of(row, f"a{n}") for n in range(5)]
    found = times.get(video)
    about: dict[str, Any] = found if isinstance(found, dict) else {}
    spans = about.get("location")
    if not isinstance(spans, dict) or number not in spans:
        raise TaskError("qid", f"{number} of video {video} has no times")
    return choice_task(
        id=f"{NAME}-{video}-{number}",
        question=f"{text_of(row, 'question').rstrip('?')}?",
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=video_file(str(paths.get(video, video))),
        source=NAME,
        spans=spans_of(spans[number], "location"),
        categories={"type": kind, "group": TYPES.get(kind[:1])},
        meta=known_length(about),
    )


NEXT_GQA = Benchmark(
    name=NAME,
    read=read,
    measures=("next_gqa",),
    files="test.csv, with gsub_test.json and map_vid_vidorID.json beside it",
    paper="Can I Trust Your Answer? (arXiv 2309.01327); doc-doc/NExT-GQA, code/TempGQA/eval_ground.py",
)
