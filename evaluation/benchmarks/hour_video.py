"""HourVideo: egocentric videos of 20 to 120 minutes, five options.

Seen: HourVideo's code that reads the released JSON (video ids as keys, with video_metadata {duration_in_seconds} and
benchmark_dataset, rows of qid, task, question, mcq_test, answer_1 … answer_5, correct_answer_label,
relevant_timestamps). The file was not seen, which its owners give on request. Inferred: mcq_test holds the options as
lines with letters where answer_1 … are not texts.

As there, what is to come is asked (`reasoning/predictive`) with nothing to be seen from the first relevant moment on,
and the summaries are one task. Questions whose options are pictures (spatial layouts, routes) are left out: options are
texts here. So are rows without an answer, as in the test set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...agent.parsing.options import letter
from ...memory import Span
from ...tools.times import parse_seconds
from ...training.data.readers.fields import choice, split_question, text_of
from ...training.data.task import Task, TaskError
from ...training.data.task_files import TaskFileError
from .benchmark import Benchmark
from .rows import Placed, Row, choice_task, document, tasks_from

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def read_hour_video(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released JSON file."""
    return tasks_from(_rows(path), _task)


def _rows(path: Path) -> Iterator[Placed]:
    whole = document(path)
    if not isinstance(whole, Mapping):
        raise TaskFileError(f"{path} is no object of videos; give the JSON file that was released.")
    for video, held in whole.items():
        rows = held.get("benchmark_dataset") if isinstance(held, Mapping) else None
        for number, row in enumerate(rows if isinstance(rows, list) else [None]):
            yield f"{path}, {video}, row {number}", {**row, "video": video} if isinstance(row, Mapping) else row


def _task(row: Row, place: str) -> Task | None:
    label = row.get("correct_answer_label")
    options = [str(row[f"answer_{i}"]).strip() for i in range(1, 6) if row.get(f"answer_{i}")]
    if not label or any(option.lower().endswith(_PICTURES) for option in options):
        return None
    if len(options) < 2:
        options = list(split_question(f"?\n{row.get('mcq_test') or ''}", "mcq_test")[1])
    spans = _spans(str(row.get("relevant_timestamps") or ""))
    task = text_of(row, "task")
    predicts = task == "reasoning/predictive"
    if predicts and not spans:
        raise TaskError("relevant_timestamps", "are missing, and a question about what is to come needs them")
    return choice_task(
        id=f"hourvideo-{row['video']}-{row.get('qid') or place.rpartition(' ')[2]}",
        question=text_of(row, "question"),
        options=options,
        answer=choice(str(label), [letter(i) for i in range(len(options))], "correct_answer_label"),
        video=f"{row['video']}.mp4",
        source="hourvideo",
        spans=() if predicts else spans,
        now=spans[0].start if predicts else None,
        categories={"task": "summarization" if task.startswith("summarization/") else task},
    )


def _spans(text: str) -> tuple[Span, ...]:
    """The first span that is written (`0:12:30-0:14:00`); none where it is no span."""
    start, _, end = text.partition("-")
    try:
        first, last = parse_seconds(start.strip()), parse_seconds(end.partition(",")[0].strip() or start.strip())
        return (Span(first, max(last, first + 1)),)
    except ValueError:
        return ()


HOUR_VIDEO = Benchmark(
    name="hourvideo",
    read=read_hour_video,
    measures=("accuracy", "references"),
    files="dev_v1.0_annotations.json or hourvideo_release_v1_0.json",
    paper="Chandrasegaran et al. 2024, HourVideo (NeurIPS 2024 D&B, arXiv 2411.04998); keshik6/HourVideo",
)
