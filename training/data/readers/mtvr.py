"""MTVR-CoT and MTVR-RL, with and without tools (VITAL).

Seen: VITAL's code that reads the rows: video or image, duration, text, solution, data_source, in the tool files also
tool_params (`"(st, ed)"`) and answer; in RL files solution is `[start, end]` or an answer, in CoT files the thoughts
and the answer, with tools two of them; data_source routes the reward. The files were not seen. Inferred: options
stand as lines in text; a grounded question's solution names the times and the letter or words ("From 3.0 to 7.5
seconds, …"), as the reward code reads them; files without data_source go by their file name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ....memory import Span
from ....tools.times import TIME
from ..task import Kind, Task, TaskError, Truth
from .fields import Skip, answer_of, choice, kept, number_of, spans_of, split_question, text_of, video_path

_KINDS: dict[str, Kind] = {
    "charades": "temporal",
    "actnet": "temporal",
    "vidchapter": "temporal",
    "nextgqa": "grounded_qa",
    "rextime": "grounded_qa",
    "longvideo-reason": "mcq",
    "multiple_choice": "mcq",
    "numerical": "numeric",
    "regression": "numeric",
    "free_form": "open",
    "ocr": "ocr",
}
"""Kinds by parts of data_source (or of the file's name)."""
_TIMES = re.compile(
    rf"^\s*(?:from\s+)?(?:\[\s*)?{TIME}\s*s?(?:ec(?:ond)?s?)?\s*(?:to|-|,|and)\s*{TIME}\s*s?(?:ec(?:ond)?s?)?\s*\]?[.,;:]?\s*",
    re.IGNORECASE,
)


def read_mtvr(row: Mapping[str, Any], name: str) -> Task:
    """One row as a task; thoughts and tool turns of CoT files are kept in `meta`: `process` and `tool_params`."""
    if "video" not in row and "image" in row:
        raise Skip("image")
    source = str(row.get("data_source") or name)
    kind = next((kind for part, kind in _KINDS.items() if part in source.lower()), None)
    if kind is None:
        raise TaskError("data_source", f"is {source!r}, known are names with {', '.join(_KINDS)}")
    question, options = split_question(text_of(row, "text"), "text")
    truth, process = _truth(row, kind, options)
    duration = number_of(row, "duration")
    if kind == "mcq" and not options:
        raise TaskError("text", "lists no options, and the answer is to choose one")
    return Task(
        id=str(row.get("id") or ""),
        question=question,
        kind=kind,
        truth=truth,
        videos=(video_path(row, "video"),),
        options=options if kind in ("mcq", "grounded_qa") else (),
        source=f"{name}/{source}" if source != name else name,
        meta={
            **({"duration": duration} if duration else {}),
            **({"process": process} if process else {}),
            **kept(row, "tool_params"),
        },
    )


def _truth(row: Mapping[str, Any], kind: Kind, options: tuple[str, ...]) -> tuple[Truth, list[str]]:
    """The truth, and the turns of a CoT file."""
    solution = row.get("solution")
    turns = [part for part in solution if isinstance(part, str)] if isinstance(solution, list) else []
    if isinstance(solution, str) and "<think>" in solution:
        turns = [solution]
    answer: Any = row["answer"] if row.get("answer") not in (None, "") else turns[-1] if turns else solution
    field = "answer" if row.get("answer") not in (None, "") else "solution"
    if answer is None:
        raise TaskError("solution", "is missing, leave the row out or mend it")
    if kind == "temporal":
        return Truth(spans=spans_of(answer, field)), turns
    words = answer_of(str(answer))
    spans: tuple[Span, ...] = ()
    if kind == "grounded_qa":
        spans = spans_of(words, field)
        words = _TIMES.sub("", words) or words
    return Truth(answer=choice(words, options, field) if options else words, spans=spans), turns
