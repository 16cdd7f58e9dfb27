"""EgoSchema: three-minute clips, five options.

Seen: `subset_answers.json` of egoschema/EgoSchema (q_uid to the place of the right option, from 0), its README, others'
readers of `questions.json` (q_uid, question, `option 0` … `option 4`), the fields that lmms-eval's code reads of the
Parquet files (video_idx, question, option with `A. `, answer as a place), and the files that agents are measured with
(an object of q_uid and the same fields with truth, a place). questions.json itself was not seen.

Answers are released for 500 of the 5,031 questions; the others are left out, as nothing can be said of them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...agent.parsing.options import letter
from ...training.data.readers.fields import options_of, text_of
from ...training.data.task import Task, TaskError
from ...training.data.task_files import TaskFileError
from .benchmark import Benchmark
from .rows import Row, choice_task, document, tasks_from, unfolded_rows

ANSWERS, QUESTIONS = "subset_answers.json", "questions.json"


def read_ego_schema(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of the folder of both files, of the questions with the answers beside them, or of a Parquet file."""
    questions = path / QUESTIONS if (path / QUESTIONS).is_file() else path
    beside = questions.parent / ANSWERS
    answers = document(beside) if beside.is_file() else {}
    if not isinstance(answers, Mapping):
        raise TaskFileError(f"{beside} is no object of question ids and answers; download it again.")
    return tasks_from(unfolded_rows(questions), lambda row, _: _task(row, answers))


def _task(row: Row, answers: Mapping[str, Any]) -> Task | None:
    ident = str(row.get("q_uid") or row.get("video_idx") or row.get("question_idx") or row.get("id") or "")
    known = (row.get("answer"), row.get("truth"), answers.get(ident))
    place = next((one for one in known if one not in (None, "")), None)
    if place in (None, "None"):
        return None
    columns = [row[f"option {i}"] for i in range(5) if row.get(f"option {i}")]
    options = options_of(row.get("option") or columns, "option")
    if not str(place).isdigit() or int(place) >= len(options):
        raise TaskError("answer", f"is {place!r}, the place of an option is wanted, from 0 to {len(options) - 1}")
    return choice_task(
        id=f"egoschema-{ident}",
        question=text_of(row, "question"),
        options=options,
        answer=letter(int(place)),
        video=f"{row.get('video_idx') or ident}.mp4",
        source="egoschema",
    )


EGO_SCHEMA = Benchmark(
    name="egoschema",
    read=read_ego_schema,
    files="the folder with questions.json and subset_answers.json, or a Parquet file with answers",
    paper="Mangalam et al. 2023, EgoSchema (NeurIPS 2023 D&B, arXiv 2308.09126); egoschema/EgoSchema",
)
