"""TVG of Time-R1 (`train_2k5.json`).

Seen: the file itself (video, duration, timestamp, sentence, qid, video_start, video_end, difficulty, pred) and its
code: difficulty is 100 times the IoU of a model's guess, so that high is easy; timestamps count from video_start, which
the decoder is given with the file. Inferred: a file whose name holds the times of the clip
(`…_00:00:39:000_00:01:24:700.mp4`) is already cut, so that its timestamps are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ....memory import Span
from ..task import Task, TaskError, Truth
from .fields import number_of, spans_of, text_of, video_path

_CUT = re.compile(r"_\d\d:\d\d:\d\d:\d{3}_\d\d:\d\d:\d\d:\d{3}$")


def read_time_r1(row: Mapping[str, Any], name: str) -> Task:
    """One row as a task."""
    video = video_path(row, "video")
    spans, duration, begins = spans_of(row.get("timestamp"), "timestamp"), number_of(row, "duration"), 0.0
    easy = number_of(row, "difficulty")
    if easy is not None and not 0 <= easy <= 100:
        raise TaskError("difficulty", f"is {easy:g}, an IoU in percent is wanted")
    if duration is not None and spans[-1].start >= duration:
        raise TaskError("timestamp", f"begins at {spans[-1].start:g} s, behind the end of the video at {duration:g} s")
    if not _CUT.search(PurePosixPath(video).stem):
        begins = number_of(row, "video_start") or 0.0
    sentence = text_of(row, "sentence")
    extra = {key: row[key] for key in ("video_start", "video_end", "pred") if row.get(key) is not None}
    return Task(
        id=f"{name}-{row.get('qid') or sentence}",
        question=f"When does this happen: {sentence.rstrip('.')}?",
        kind="temporal",
        truth=Truth(spans=tuple(Span(span.start + begins, span.end + begins) for span in spans)),
        videos=(video,),
        source=name,
        difficulty=None if easy is None else round(1 - easy / 100, 6),
        meta={**({"duration": duration} if duration and not begins else {}), "sentence": sentence, **extra},
    )
