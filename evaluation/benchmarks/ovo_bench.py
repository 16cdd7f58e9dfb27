"""OVO-Bench: questions at moments of a video that runs on.

Seen: the released file (JoeLeelyf/OVO-Bench, data/ovo_bench_new.json, 1,640 entries) and its code. Backward and
real-time tasks have id, task, video, realtime, question, options, answer, gt (a place from 0); forward ones have
test_info, a list of moments with realtime and count (REC, with activity), step and type (SSR), or type (CRR, with
question, ask_time, clue_time): each moment is a question here, as it is there.

What may be seen ends at the next whole second, as utils/chunk_videos.py cuts the videos. The words of forward questions
are ours: how often something was done, whether a step is being carried out, whether a question can be answered yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...agent.parsing.options import letter, option_texts
from ...training.data.readers.fields import number_of, text_of
from ...training.data.task import Task, TaskError, Truth
from ..measures.streaming import SCENARIOS
from .benchmark import Benchmark
from .hlv_1k import YES_NO
from .rows import Placed, Row, choice_task, placed_rows, tasks_from

_SCENARIO_OF = {task: scenario for scenario, tasks in SCENARIOS.items() for task in tasks}


def read_ovo_bench(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released file."""
    return tasks_from(_rows(path), _task)


def _rows(path: Path) -> Iterator[Placed]:
    """A moment a row, with what its entry tells."""
    for place, row in placed_rows(path):
        if isinstance(row, Mapping) and isinstance(row.get("test_info"), list):
            about = {name: value for name, value in row.items() if name != "test_info"}
            for number, one in enumerate(row["test_info"]):
                moment = {**about, **one, "id": f"{row.get('id')}_{number}"} if isinstance(one, Mapping) else one
                yield f"{place}, moment {number}", moment
        else:
            yield place, row


def _task(row: Row, place: str) -> Task:
    name, at = text_of(row, "task"), number_of(row, "realtime")
    if name not in _SCENARIO_OF:
        raise TaskError("task", f"is {name!r}, known are {', '.join(_SCENARIO_OF)}")
    if at is None or at < 0:
        raise TaskError("realtime", "is missing, seconds from the start of the video are wanted")
    options = YES_NO if name in SCENARIOS["forward"] else _options(row)
    ident, now, video = f"ovo_bench-{row.get('id')}", float(math.ceil(at)), text_of(row, "video")
    categories = {"scenario": _SCENARIO_OF[name], "task": name}
    if name == "REC":
        activity, count = text_of(row, "activity"), number_of(row, "count")
        if count is None:
            raise TaskError("count", "is missing, the number of times is wanted")
        return Task(
            id=ident,
            question=f"How many times in all has somebody done this so far: {activity}? Count each complete motion.",
            kind="count",
            truth=Truth(answer=str(int(count))),
            videos=(video,),
            now=now,
            source="ovo_bench",
            meta={"categories": categories},
        )
    if name in SCENARIOS["forward"]:
        if row.get("type") not in (0, 1):
            raise TaskError("type", f"is {row.get('type')!r}, 1 (yes) or 0 (no) is wanted")
        question = (
            f"Is somebody carrying out this step at the end of what is seen: {text_of(row, 'step')}?"
            if name == "SSR"
            else f"Does the video up to now show what is needed to answer this question: {text_of(row, 'question')}"
        )
        answer = letter(1 - int(row["type"]))
    else:
        question, right = text_of(row, "question"), number_of(row, "gt")
        if right is None or not (right.is_integer() and 0 <= right < len(options)):
            raise TaskError("gt", f"is {row.get('gt')!r}, the place of an option is wanted, from 0")
        answer = letter(int(right))
    return choice_task(
        id=ident,
        question=question,
        options=options,
        answer=answer,
        video=video,
        source="ovo_bench",
        now=now,
        categories=categories,
    )


def _options(row: Row) -> tuple[str, ...]:
    """The options as they stand: they have no letters, and `A. Wade` is a name."""
    try:
        return tuple(option_texts(row.get("options")))
    except ValueError as error:
        raise TaskError("options", f"cannot be read ({error})") from None


OVO_BENCH = Benchmark(
    name="ovo_bench",
    read=read_ovo_bench,
    measures=("ovo_bench",),
    files="ovo_bench_new.json, with the source videos",
    paper="Li et al. 2025, OVO-Bench (CVPR 2025, arXiv 2501.05510); JoeLeelyf/OVO-Bench, utils/OVOBenchScore.py",
)
