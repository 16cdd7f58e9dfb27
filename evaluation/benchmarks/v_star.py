"""V-STaR: what, when and where about one event, in two chains of questions (Cheng et al. 2025).

Seen: the fields as the repository lists them (V-STaR-Bench/V-STaR, data/README.md) and the code that asks and scores
(inference_demo.py, eval.py). The annotation file was not seen. A row becomes five tasks, with what its chain has been
told by then, as in the repository: in chain 1 the time range before *where*, in chain 2 the boxes before *when*.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...memory import Box
from ...training.data.readers.fields import number_of, spans_of, text_of
from ...training.data.task import Kind, Task, TaskError, Truth
from ..measures.v_star import PARTS
from .benchmark import Benchmark
from .rows import Row, placed_rows
from .temporal import measure_of, video_file

NAME = "v_star"
LENGTHS = {"short": 60.0, "medium": 180.0, "long": math.inf}
"""Seconds below which a video is of a length, as in eval.py."""
_KINDS: dict[str, Kind] = {
    "what": "open",
    "when": "temporal",
    "where": "track",
    "where-2": "track",
    "when-2": "temporal",
}


def read(path: Path) -> Iterator[Task | TaskError]:
    """The five questions of each row."""
    for number, (place, row) in enumerate(placed_rows(path), start=1):
        if not isinstance(row, Mapping):
            yield TaskError(place, "is no JSON object, mend or remove it")
            continue
        try:
            yield from _tasks(row, str(number))
        except TaskError as error:
            yield TaskError(place, str(error))


def _tasks(row: Row, number: str) -> list[Task]:
    width, height, frames, rate = (measure_of(row, name) for name in ("width", "height", "frame_count", "fps"))
    if not (width and height and frames and rate):
        raise TaskError("width", "or height, frame_count, fps are missing, numbers above 0 are wanted")
    duration = round(frames / rate, 2)
    spans = spans_of(row.get("timestamps"), "timestamps")
    track = _track(row.get("bboxes"), width, height)
    places = [[round(part, 3) for part in box] for _, box in track]
    asked = {
        "what": text_of(row, "question"),
        "when": text_of(row, "temporal_question"),
        "where": f"{text_of(row, 'spatial_question')} Give its box at each whole second from "
        f"{math.ceil(spans[0].start)} s to {math.floor(spans[0].end)} s.",
        "where-2": f"{text_of(row, 'spatial_question_2')} Give its box at each whole second that matters, "
        f"{len(track)} in all.",
        "when-2": f"{text_of(row, 'temporal_question')} The object that is asked about is, at times that are not told, "
        f"in these boxes (left, top, right, bottom as fractions of the picture): {places}.",
    }
    length = next(name for name, below in LENGTHS.items() if duration < below)
    categories = {"length": length, **({"domain": str(row["domain"])} if row.get("domain") else {})}
    return [
        Task(
            id=f"{NAME}-{number}-{part}",
            question=asked[part],
            kind=_KINDS[part],
            truth=Truth(answer=text_of(row, "answer") if part == "what" else None, spans=spans, track=track),
            videos=(video_file(text_of(row, "vid")),),
            source=NAME,
            meta={"v_star": [number, part], "duration": duration, "categories": categories},
        )
        for part in PARTS
    ]


def _track(value: Any, width: float, height: float) -> tuple[tuple[float, Box], ...]:
    """The annotated boxes by their seconds, as fractions of the picture."""
    if not isinstance(value, Sequence) or not value or not all(isinstance(one, Mapping) for one in value):
        raise TaskError("bboxes", "are no list of objects with timestamp, xmin, ymin, xmax and ymax")
    found: dict[float, Box] = {}
    for one in value:
        time, left, top, right, bottom = (_finite(one, name) for name in ("timestamp", "xmin", "ymin", "xmax", "ymax"))
        found[time] = Box(
            max(left / width, 0.0), max(top / height, 0.0), min(right / width, 1.0), min(bottom / height, 1.0)
        )
    return tuple(sorted(found.items()))


def _finite(row: Row, name: str) -> float:
    value = number_of(row, name)
    if value is None or not math.isfinite(value):
        raise TaskError("bboxes", f"hold a {name} of {row.get(name)}, a number is wanted")
    return value


V_STAR = Benchmark(
    name=NAME,
    read=read,
    measures=("v_star",),
    files="V_STaR_test.json",
    paper="V-STaR (arXiv 2503.11495); V-STaR-Bench/V-STaR, eval.py",
)
