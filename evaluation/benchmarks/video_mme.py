"""Video-MME and Video-MME-v2.

Seen, of Video-MME: the fields that lmms-eval's code reads of the Parquet file (videoID, duration short, medium or long,
domain, sub_category, task_type, question_id, question, options with `A. `, answer), and that videos are `videoID.mp4`.
Of Video-MME-v2: its own scoring (MME-Benchmarks/Video-MME-v2, evaluation/test_video_mme_v2.py: video, question, options
as lines `A. …` to `H. …`, answer, level, group_type, group_structure, second_head, third_head) and lmms-eval's reading
of it (video_id, question_id `001-1`). The Parquet files themselves were not seen.

Four questions of a video in a row are a group of v2: what its score needs is in `meta["group"]`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...agent.parsing.options import split_options
from ...training.data.readers.fields import choice, number_of, text_of
from ...training.data.task import Task, TaskError
from ..measures.groups import CHAINS
from .benchmark import Benchmark
from .rows import Row, choice_task, placed_rows, tasks_from

GROUP_TYPES = ("relevance", "logic")


def read_video_mme(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released file."""
    return tasks_from(placed_rows(path), _task)


def read_video_mme_v2(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released file of v2."""
    counted: Counter[str] = Counter()

    def task(row: Row, place: str) -> Task:
        video = str(row.get("video_id") or row.get("video") or "")
        counted[video] += 1
        return _task_v2(row, video, counted[video])

    return tasks_from(placed_rows(path), task)


def _task(row: Row, place: str) -> Task:
    options = _options(row)
    return choice_task(
        id=f"video_mme-{text_of(row, 'question_id')}",
        question=text_of(row, "question"),
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=f"{text_of(row, 'videoID')}.mp4",
        source="video_mme",
        categories={name: row.get(name) for name in ("duration", "domain", "sub_category", "task_type")},
    )


def _task_v2(row: Row, video: str, count: int) -> Task:
    """The `count`-th question of a video."""
    options, kind = _options(row), text_of(row, "group_type")
    if kind not in GROUP_TYPES:
        raise TaskError("group_type", f"is {kind!r}, known are {', '.join(GROUP_TYPES)}")
    if not video:
        raise TaskError("video_id", "is missing, leave the row out or mend it")
    ident = str(row.get("question_id") or f"{video}-{count}")
    suffix = ident.rpartition("-")[2]
    level = None if row.get("level") == "None" else number_of(row, "level")
    level = None if level is None else int(level)
    return choice_task(
        id=f"video_mme_v2-{ident}",
        question=text_of(row, "question"),
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=f"{video}.mp4",
        source="video_mme_v2",
        categories={"group": kind, "level": level, **{name: row.get(name) for name in ("second_head", "third_head")}},
        meta={
            "group": {
                "of": video,
                "place": int(suffix) if suffix.isdigit() else count,
                "structure": _structure(row, kind),
                "level": level,
            }
        },
    )


def _options(row: Row) -> tuple[str, ...]:
    try:
        return split_options(row.get("options"))
    except ValueError as error:
        raise TaskError("options", f"cannot be read ({error})") from None


def _structure(row: Row, kind: str) -> list[Any] | None:
    """How the questions of a chain follow from each other, as `[1, [2, 3], 4]`; None where they do not."""
    if kind != "logic":
        return None
    value = row.get("group_structure")
    with suppress(ValueError, SyntaxError, TypeError):
        found = ast.literal_eval(str(value))
        if isinstance(found, list) and str(found) in CHAINS:
            return found
    raise TaskError("group_structure", f"is {str(value)[:40]!r}, known are {', '.join(CHAINS)}")


VIDEO_MME = Benchmark(
    name="video_mme",
    read=read_video_mme,
    files="test-00000-of-00001.parquet",
    paper="Fu et al. 2024, Video-MME (CVPR 2025, arXiv 2405.21075)",
)
VIDEO_MME_V2 = Benchmark(
    name="video_mme_v2",
    read=read_video_mme_v2,
    measures=("groups",),
    files="test.parquet",
    paper="Video-MME-v2 2026 (arXiv 2604.05015); MME-Benchmarks/Video-MME-v2, evaluation/test_video_mme_v2.py",
)
