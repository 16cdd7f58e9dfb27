"""VDC, detailed captions of short videos: a caption for each of five aspects, checked by short questions.

Read of rese1f/aurora (`post_eval/process_vdc_result.py`, `post_eval/*.jsonl`): `VDC_1k_captions.jsonl` has a line
`{"video_id", "captions": {"main_object_caption", …}}` for each video; of each aspect's file a line maps one video id to
its list of `{"question", "answer", "category"}`. The question files were seen, the captions only through the script
that reads them. The set asks for captions in many wordings; here each aspect has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from ...training.data.task import Task, TaskError, Truth
from ..measures.captions import CHECKS
from .benchmark import Benchmark
from .rows import Placed, Row, placed_rows, tasks_from

CAPTIONS = "VDC_1k_captions.jsonl"
ASPECTS = {
    "short": "Say in one sentence what the video shows.",
    "detailed": "Describe the video in detail, from its beginning to its end.",
    "background": "Describe the background of the video: objects, place, weather and time of day.",
    "main_object": "Describe the main subject of the video: what it looks like, what it does and how it moves.",
    "camera": "Describe how the video is shot: kinds of shots, angles and movements of the camera.",
}
"""What is asked about each aspect; `<aspect>.jsonl` has its checks."""


def read(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the folder that holds the captions and the files of checks, aspect by aspect.

    Raises:
        TaskFileError: if the captions cannot be read.
    """
    captions: dict[str, Mapping[str, str]] = {}
    for place, row in placed_rows(path / CAPTIONS):
        if not isinstance(row, Mapping) or not isinstance(row.get("captions"), Mapping) or "video_id" not in row:
            yield TaskError(place, 'is no caption, an object with "video_id" and "captions" is wanted')
        else:
            captions[str(row["video_id"])] = row["captions"]
    for aspect in ASPECTS:
        if (path / f"{aspect}.jsonl").is_file():
            yield from tasks_from(_checks(path / f"{aspect}.jsonl"), partial(_task, aspect=aspect, captions=captions))


def _checks(path: Path) -> Iterator[Placed]:
    """A row for each video of a file of checks."""
    for place, row in placed_rows(path):
        if isinstance(row, Mapping):
            for video, checks in row.items():
                yield place, {"video": str(video), "checks": checks}
        else:
            yield place, row


def _task(row: Row, place: str, *, aspect: str, captions: Mapping[str, Mapping[str, str]]) -> Task:
    video, checks = row["video"], row["checks"]
    if not isinstance(checks, list) or not all(isinstance(one, Mapping) for one in checks):
        raise TaskError("checks", 'are no list of objects with "question" and "answer"')
    caption = str(captions.get(video, {}).get(f"{aspect}_caption") or "")
    if not caption.strip():
        raise TaskError("captions", f"have no {aspect}_caption of {video}; give the {CAPTIONS} of the same release")
    return Task(
        id=f"{video}-{aspect}",
        question=ASPECTS[aspect],
        kind="caption",
        truth=Truth(answer=caption),
        videos=(f"{video}.mp4",),
        source="vdc",
        meta={
            "categories": {"aspect": aspect},
            CHECKS: [[str(one.get("question", "")), str(one.get("answer", ""))] for one in checks],
        },
    )


VDC = Benchmark(
    name="vdc",
    read=read,
    measures=("captions",),
    files=f"the folder with {CAPTIONS} and {', '.join(f'{aspect}.jsonl' for aspect in ASPECTS)}",
    paper="AuroraCap, arXiv 2410.03051; rese1f/aurora, post_eval",
)
