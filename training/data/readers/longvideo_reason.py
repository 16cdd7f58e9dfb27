"""LongVideo-Reason (LongVILA-R1), CoT and RL.

Seen: the code that writes the rows (problem_id, data_type, videos, problem, problem_type, reasoning, answer with
`<answer>` tags), and others' tests and readers of the released rows, which have the options as lines `A. …` inside
problem; some rows have none, or half of them, and are reported here. Open questions have not been seen in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..task import Task, TaskError, Truth
from .fields import answer_of, choice, kept, split_question, text_of, video_path


def read_longvideo_reason(row: Mapping[str, Any], name: str) -> Task:
    """One row as a task; the reasoning is kept in `meta["process"]`."""
    question, options = split_question(text_of(row, "problem"), "problem")
    answer = answer_of(text_of(row, "answer"))
    if not options and len(answer) == 1:
        raise TaskError("problem", f"lists no options for the answer {answer!r}, leave the row out")
    return Task(
        id=f"{name}-{row.get('problem_id')}",
        question=question,
        kind="mcq" if options else "open",
        truth=Truth(answer=choice(answer, options, "answer") if options else answer),
        videos=(video_path(row, "videos"),),
        options=options,
        source=name,
        meta={"problem_type": row.get("problem_type"), **kept(row, process="reasoning")},
    )
