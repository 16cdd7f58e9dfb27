"""ReXTime: questions about cause and effect across time, with the time of the answer (Chen et al. 2024).

Seen: `data/rextime_val.jsonl` of the repository (qid, query, duration, vid, relevant_windows, ans; no options), and the
fields that its demonstrations read of the released data set (qid, question, options, answer, span, vid, source,
duration). That the letter is called `ans` there too is inferred; the data set itself was not seen. Rows without options
are asked for their time alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...training.data.readers.fields import choice, options_of, spans_of, text_of
from ...training.data.task import Task, TaskError
from .benchmark import Benchmark
from .rows import Row, choice_task, placed_rows, tasks_from
from .temporal import bare, known_length, moment_task, video_file

NAME = "rextime"


def read(path: Path) -> Iterator[Task | TaskError]:
    """The questions of a file."""
    return tasks_from(placed_rows(path), _task)


def _task(row: Row, place: str) -> Task:
    times = "span" if row.get("span") is not None else "relevant_windows"
    spans = spans_of(row.get(times), times)
    video, id, meta = text_of(row, "vid"), f"{NAME}-{row.get('qid')}", known_length(row)
    if not row.get("options"):
        question = f"{bare(text_of(row, 'query'))}? Name the time at which the answer can be seen."
        return moment_task(id=id, question=question, video=video, spans=spans, source=NAME, meta=meta)
    options = options_of(row["options"])
    return choice_task(
        id=id,
        question=text_of(row, "question"),
        options=options,
        answer=choice(text_of(row, "ans"), options, "ans"),
        video=video_file(video),
        source=NAME,
        spans=spans,
        categories={name: row.get(name) for name in ("category", "source")},
        meta=meta,
    )


REXTIME = Benchmark(
    name=NAME,
    read=read,
    measures=("rextime",),
    files="rextime_val.json(l) or .parquet of the data set",
    paper="ReXTime (arXiv 2406.19392); ReXTime/ReXTime, evaluation/rextime_eval.py",
)
