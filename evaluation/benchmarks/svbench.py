"""SVBench: dialogues about a video that runs on, and paths of questions through it.

Seen: SVBench's code that writes and scores the files (yzy-bupt/SVBench: a JSON array a video, entries with chain
{questions, answers}, qac_timestamps_start and qac_timestamps_end), and another project's reader of the released folders
(Meta/Meta_EN/meta_test.csv with Video_Name and Path_of_Video, Dialogue/Dialogue_EN, Streaming/Streaming_EN with paths
of questions, answers and timestamps). The files were not seen.

A question is asked with what was seen by the end of its segment. What was asked and answered before, of its chain or
path, is in `meta["history"]` as pairs, the last `TOLD` of them; the answers are the true ones, so that an error is
counted once. SVBench's own scores are a language model's opinions; here answers are compared in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...memory import Span
from ...training.data.readers.fields import spans_of, text_of
from ...training.data.task import Task, TaskError, Truth
from .benchmark import Benchmark
from .rows import Placed, Row, placed_rows, tasks_from

TOLD = 6
"""Earlier exchanges that a question is asked with."""
_FOLDERS = (("Dialogue", "Dialogue_EN"), ("Streaming", "Streaming_EN"))
_META = Path("Meta") / "Meta_EN" / "meta_test.csv"


def read_svbench(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the released folder (of its test videos), of one of its folders of files, or of one file."""
    return tasks_from(_turns(_entries(path)), _task)


def _entries(path: Path) -> Iterator[Placed]:
    if not (path / _META).is_file():
        yield from placed_rows(path)
        return
    for _, video in placed_rows(path / _META):
        for folder in _FOLDERS:
            file = path.joinpath(*folder) / f"{video.get('Video_Name')}.json"
            if file.is_file():
                named = {"video": video["Path_of_Video"]} if video.get("Path_of_Video") else {}
                for place, entry in placed_rows(file):
                    yield place, {**entry, **named} if isinstance(entry, Mapping) else entry


def _turns(entries: Iterator[Placed]) -> Iterator[Placed]:
    """A question a row, with those before it in its chain or path."""
    counted: dict[str, int] = {}
    for place, entry in entries:
        file = Path(place.rpartition(", ")[0])
        number = counted[str(file)] = counted.get(str(file), -1) + 1
        if not isinstance(entry, Mapping):
            yield place, entry
            continue
        inner = entry.get("chain")
        chain: Row = inner if isinstance(inner, Mapping) else entry
        form = "streaming" if "timestamps" in chain else "dialogue"
        questions, answers, times = (_listed(chain, name) for name in ("questions", "answers", "timestamps"))
        if form == "dialogue":
            times = [[entry.get("qac_timestamps_start"), entry.get("qac_timestamps_end")]] * len(questions)
        if not len(questions) == len(answers) == len(times):
            yield place, TaskError("questions", "are not as many as answers and times, leave the entry out")
            continue
        for turn, (question, answer, time) in enumerate(zip(questions, answers, times, strict=True)):
            yield (
                f"{place}, question {turn}",
                {
                    "id": f"svbench-{form}-{file.stem}-{number}-{turn}",
                    "question": question,
                    "answer": answer,
                    "time": time,
                    "form": form,
                    "video": entry.get("video") or f"{file.stem}.mp4",
                    "history": list(zip(questions, answers, strict=True))[max(0, turn - TOLD) : turn],
                },
            )


def _listed(row: Row, name: str) -> list[Any]:
    found = row.get(name)
    return found if isinstance(found, list) else []


def _task(row: Row, place: str) -> Task:
    spans: tuple[Span, ...] = spans_of(row["time"], "time")
    return Task(
        id=row["id"],
        question=text_of(row, "question"),
        kind="open",
        truth=Truth(answer=text_of(row, "answer"), spans=spans),
        videos=(row["video"],),
        now=spans[-1].end,
        source="svbench",
        meta={
            "categories": {"form": row["form"]},
            **({"history": [list(pair) for pair in row["history"]]} if row["history"] else {}),
        },
    )


SVBENCH = Benchmark(
    name="svbench",
    read=read_svbench,
    files="the released folder, or Dialogue_EN, or Streaming_EN",
    paper="Yang et al. 2025, SVBench (ICLR 2025, arXiv 2502.10810); yzy-bupt/SVBench",
)
