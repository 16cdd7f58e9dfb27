"""QVHighlights: all moments that a query is about, and how salient each 2-second clip of them is (Lei et al. 2021).

Seen: `highlight_val_release.jsonl` and its description (jayleicn/moment_detr, data/README.md). Rows of the test split
as first released have no truth and are reported as such; `highlight_test_with_gt.jsonl` has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...training.data.readers.fields import spans_of, text_of
from ...training.data.task import Task, TaskError
from ..measures.moments import CLIP, SALIENCY
from .benchmark import Benchmark
from .rows import Row, placed_rows, tasks_from
from .temporal import bare, measure_of, moment_task

NAME = "qvhighlights"


def read(path: Path) -> Iterator[Task | TaskError]:
    """The queries of a file."""
    return tasks_from(placed_rows(path), _task)


def _task(row: Row, place: str) -> Task:
    duration = measure_of(row, "duration")
    if duration is None:
        raise TaskError("duration", "is missing, seconds are wanted")
    if row.get("relevant_windows") is None:
        raise TaskError("relevant_windows", "are missing, as in the test split without truth")
    return moment_task(
        id=f"{NAME}-{row.get('qid')}",
        question=f"At which times does this happen: {bare(text_of(row, 'query'))}? Name all, the clearest first.",
        video=text_of(row, "vid"),
        spans=spans_of(row["relevant_windows"], "relevant_windows"),
        source=NAME,
        meta={"duration": duration, **_saliency(row, int(duration / CLIP))},
    )


def _saliency(row: Row, count: int) -> dict[str, Any]:
    """The scores of three people for each relevant clip; nothing where the row has none."""
    clips, scores = row.get("relevant_clip_ids"), row.get("saliency_scores")
    if clips is None and scores is None:
        return {}
    if not isinstance(clips, list) or not all(type(n) is int and 0 <= n < count for n in clips):
        raise TaskError("relevant_clip_ids", f"are no ids of the {count} clips, from 0")
    if not isinstance(scores, list) or len(scores) != len(clips) or not all(map(_are_three, scores)):
        raise TaskError("saliency_scores", "are not three numbers from 0 to 4 for each relevant clip")
    return {SALIENCY: {"clips": clips, "scores": scores}}


def _are_three(scores: Any) -> bool:
    return (
        isinstance(scores, list) and len(scores) == 3 and all(type(n) in (int, float) and 0 <= n <= 4 for n in scores)
    )


QVHIGHLIGHTS = Benchmark(
    name=NAME,
    read=read,
    measures=("qvhighlights",),
    files="highlight_val_release.jsonl, highlight_test_with_gt.jsonl",
    paper="QVHighlights (arXiv 2107.09609); jayleicn/moment_detr, standalone_eval",
)
