"""Video-R1-260k and Video-R1-COT-165k, and VideoRFT, which has the same fields.

Seen: the row in the README of the Hugging Face data set (problem_id, problem, data_type, problem_type, options,
solution, path, data_source; the CoT file has process as well), three rows of the RL file (options also as `A)`), and
Video-R1's code, which uses the types `multiple choice`, `numerical`, `OCR`, `free-form` and `regression`.
VideoRFT: its code reads data_type, path and problem_id in the same way; its files were not seen (inferred).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..task import Task, TaskError, Truth
from .fields import Skip, answer_of, choice, options_of, text_of, video_path

_KINDS = {"multiple choice": "mcq", "numerical": "numeric", "regression": "numeric", "ocr": "ocr", "free-form": "open"}


def read_video_r1(row: Mapping[str, Any], name: str) -> Task:
    """One row as a task; the chain of thought of the CoT file is kept in `meta["process"]`."""
    if text_of(row, "data_type") != "video":
        raise Skip(text_of(row, "data_type"))
    problem_type = text_of(row, "problem_type")
    kind = _KINDS.get(problem_type.lower().replace("_", " ").replace("free form", "free-form"))
    if kind is None:
        raise TaskError("problem_type", f"is {problem_type!r}, known are {', '.join(_KINDS)}")
    answer = answer_of(text_of(row, "solution"))
    options = options_of(row.get("options") or []) if kind == "mcq" else ()
    return Task(
        id=f"{name}-{row.get('problem_id')}",
        question=text_of(row, "problem"),
        kind=kind,  # type: ignore[arg-type]
        truth=Truth(answer=choice(answer, options, "solution") if kind == "mcq" else answer),
        videos=(video_path(row, "path"),),
        options=options,
        source=f"{name}/{row.get('data_source') or ''}".rstrip("/"),
        meta={
            "problem_type": problem_type,
            **({"process": row["process"]} if isinstance(row.get("process"), str) else {}),
        },
    )
