"""EgoLifeQA and Ego-R1 Bench: weeks of one person's days, asked at a moment of them.

Seen: the row in EgoLife's README (EgoRAG/README.md: ID, query_time {date, time}, type, need_audio, need_name, trigger,
question, choice_a … choice_d, answer, target_time {date, time}, keywords, reason), EgoRAG's code that reads it, and
others' readers of both sets, which tell of `day6` in lower case, of times as ranges and as `time_list`, of ids that are
unique in a person's file only, and of Ego-R1-Bench's folders (`manual-benchmark/A1_JAKE.json`,
`gemini-benchmark/A1_JAKE.json`) with the same fields; Ego-R1's code that reads its bench as Parquet with
question and golden_answer. The released files were not seen.

Rows name no video: a memory is to hold the days of the person that the file is about. The question's time is `now`;
target_time is when the answer was to be seen: moments of the timeline, in `meta["targets"]` as `[first, last]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...memory import parse_moment
from ...training.data.readers.ego_cott import read_ego_cott
from ...training.data.readers.fields import Skip, choice, text_of
from ...training.data.task import Task, TaskError
from .benchmark import Benchmark
from .rows import Placed, Row, choice_task, files_of, placed_rows, tasks_from

_DIGITS = re.compile(r"\d{7,}")
_DAY = re.compile(r"day\s*(\d+)", re.IGNORECASE)
_PERSON = re.compile(r"A\d_[A-Z]+")


def read_ego_life(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of a person's file, or of every person's in a folder."""
    return tasks_from(_rows(path), lambda row, place: _task(row, place, "egolife"))


def read_ego_r1(path: Path) -> Iterator[Task | TaskError]:
    """The same of Ego-R1 Bench, whose two folders may be given together, or of its Parquet file."""
    return tasks_from(_rows(path), lambda row, place: _task(row, place, "ego_r1"))


def _rows(path: Path) -> Iterator[Placed]:
    if path.is_dir() and not any(one.is_file() for one in path.iterdir()):
        for folder in sorted(one for one in path.iterdir() if one.is_dir()):
            for file in files_of(folder):
                yield from placed_rows(file)
    else:
        yield from placed_rows(path)


def _task(row: Row, place: str, name: str) -> Task | None:
    if "choice_a" not in row:
        try:
            return read_ego_cott(row, name)
        except Skip:
            return None
    file = Path(place.rpartition(", ")[0])
    person = _PERSON.search(file.stem.upper())
    part = file.parent.name.removesuffix("-benchmark") if file.parent.name.endswith("-benchmark") else ""
    options = [text_of(row, f"choice_{one}") for one in "abcd" if row.get(f"choice_{one}") not in (None, "")]
    moments = _moments(row.get("query_time"), "query_time")
    targets = _moments(row["target_time"], "target_time", known=True) if row.get("target_time") else []
    return choice_task(
        id="-".join(str(one) for one in (name, part, person[0] if person else file.stem, row.get("ID")) if one),
        question=text_of(row, "question"),
        options=options,
        answer=choice(text_of(row, "answer"), options, "answer"),
        video=(),
        source=name,
        now=max(last for _, last in moments),
        categories={
            "type": row.get("type"),
            "person": person[0] if person else None,
            "split": part,
            "needs": "sound" if row.get("need_audio") is True else None,
        },
        meta={"targets": [list(one) for one in targets]} if targets else {},
    )


def _moments(value: Any, name: str, *, known: bool = False) -> list[tuple[str, str]]:
    """The first and last moment of each time of a field, as stamps (`DAY1_11210217`).

    Args:
        value: `{"date": "DAY1", "time": "11210217"}`, with `time_list`, and with ranges (`12332505-12542517`).
        name: of the field.
        known: leave out what cannot be read, as the times of an answer are more than its question needs.

    Raises:
        TaskError: if it is none of these.
    """
    found = []
    if isinstance(value, Mapping) and (day := _DAY.search(str(value.get("date")))):
        times = value.get("time_list") or [value.get("time")]
        for time in times if isinstance(times, list) else [times]:
            stamps = [f"DAY{int(day[1])}_{digits.zfill(8)[:8]}" for digits in _DIGITS.findall(str(time))]
            if stamps and all(map(_is_moment, stamps)):
                found.append((min(stamps), max(stamps)))
    if not found and not known:
        raise TaskError(name, f"is {str(value)[:60]!r}, a date (DAY1) and a time (HHMMSSFF) are wanted")
    return found


def _is_moment(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


EGO_LIFE = Benchmark(
    name="egolife",
    read=read_ego_life,
    measures=("references",),
    files="EgoLifeQA_A1_JAKE.json, or the folder of such files",
    paper="Yang et al. 2025, EgoLife (CVPR 2025); EvolvingLMMs-Lab/EgoLife",
)
EGO_R1 = Benchmark(
    name="ego_r1",
    read=read_ego_r1,
    measures=("references",),
    files="the folder of Ego-R1-Bench, one of its two, a person's file, or its Parquet file",
    paper="Tian et al. 2025, Ego-R1 (arXiv 2506.13654); egolife-ai/Ego-R1",
)
