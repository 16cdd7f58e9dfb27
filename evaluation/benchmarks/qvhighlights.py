"""QVHighlights: all moments that a query is about, and how salient each 2-second clip of them is (Lei et al. 2021).

Seen: `highlight_val_release.jsonl` and its description (jayleicn/moment_detr, data/README.md). Rows of the test split
as first released have no truth and are reported as such; `highlight_test_with_gt.jsonl` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...training.data.readers.fields import number_of, spans_of, text_of
from ...training.data.task import Task, TaskError
from ..measures.moments import CLIP, SALIENCY
from .benchmark import Benchmark
from .rows import Row, placed_rows, tasks_from
from .temporal import bare, moment_task

NAME = "qvhighlights"


def read(path: Path) -> Iterator[Task | TaskError]:
    """The queries of a file."""
    return tasks_from(placed_rows(path), _task)


def _task(row: Row, place: str) -> Task:
    duration = number_of(row, "duration")
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
    whole = isinstance(clips, Sequence) and isinstance(scores, Sequence) and len(clips) == len(scores)
    if not whole or not all(isinstance(n, int) and 0 <= n < count for n in clips or ()):
        raise TaskError("relevant_clip_ids", f"are not ids of the {count} clips, one for each of saliency_scores")
    if not all(isinstance(three, Sequence) and len(three) == 3 for three in scores or ()):
        raise TaskError("saliency_scores", "are not three numbers a clip")
    return {SALIENCY: {"clips": list(clips or ()), "scores": [list(three) for three in scores or ()]}}


QVHIGHLIGHTS = Benchmark(
    name=NAME,
    read=read,
    measures=("qvhighlights",),
    files="highlight_val_release.jsonl, highlight_test_with_gt.jsonl",
    paper="QVHighlights (arXiv 2107.09609); jayleicn/moment_detr, standalone_eval",
)
