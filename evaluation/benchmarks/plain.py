"""Files of one's own: rows with usual field names, or tasks as rewatch writes them, as JSON, JSON lines, CSV, Parquet.

A row with `truth` is a task (`training.data.task_files`). Of any other the names below are read, whatever their case:
what is asked, options (a list, a mapping of letters, columns such as `A`, `a0`, `option_1`, or lines inside the
question), the answer (a letter, a place from 0, the name of a column, or an option's words), videos, and spans in
seconds. A span without length is a moment: the second around it is taken, as evidence can only meet what lasts. Ids
that are unique within a video only are told apart by it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...agent.parsing.options import letter, split_options
from ...memory import Span
from ...tools.times import parse_pair
from ...training.data.readers.fields import choice, number_of, spans_of, split_question
from ...training.data.task import KINDS, Kind, Task, TaskError, Truth, as_number
from ...training.data.task_files import from_row
from .rows import Row, tasks_from, unfolded_rows

IDS = ("id", "question_id", "qid", "q_uid", "uid", "task_id", "problem_id", "question_idx", "index", "idx")
QUESTIONS = ("question", "query", "problem", "prompt", "q")
SENTENCES = ("sentence", "caption", "description")
"""What happens, where a row has no question but a time: it is asked when that is."""
OPTIONS = ("options", "choices", "candidates", "option", "answer_choices", "multiple_choice")
ANSWERS = ("answer", "correct_answer", "ground_truth", "gt_answer", "answer_text", "solution", "target", "reference")
INDICES = (
    "answer_idx",
    "answer_index",
    "answer_id",
    "answer_number",
    "correct_idx",
    "correct_index",
    "correct_choice",
    "gt_option_idx",
)
MARKS = ("label", "gt", "truth")
"""What is read for the answer where nothing else tells it."""
PLACES = frozenset((*INDICES, *MARKS))
"""Names under which a number is the place of an option, from 0."""
LETTERS = (
    "answer_letter",
    "correct_option",
    "answer_option",
    "correct_answer_label",
    "correct_letter",
    "correct_option_letter",
)
VIDEOS = (
    "video",
    "videos",
    "video_path",
    "video_paths",
    "video_file",
    "video_name",
    "video_id",
    "video_idx",
    "video_uid",
    "videoid",
    "vid",
    "youtube_id",
    "scene_name",
    "clip",
    "clip_id",
    "media",
    "file_name",
    "file",
    "path",
)
SPANS = ("span", "spans", "relevant_windows", "clue_intervals", "gt_time_interval")
WHEN = ("timestamps", "timestamp", "segment", "segments")
STARTS, ENDS = ("start", "start_time", "start_s"), ("end", "end_time", "end_s")
"""These and `WHEN` tell the answer's times only where a row has no other answer: elsewhere they are those of a clip."""
KIND_NAMES = ("kind", "question_type", "problem_type", "answer_type", "type")
CATEGORIES = (
    "category",
    "sub_category",
    "task",
    "task_type",
    "question_type",
    "question_category",
    "type",
    "domain",
    "needs",
    "skill",
    "duration",
    "duration_group",
    "difficulty",
    "level",
)
# Questions about what is written or said are answered in words of one's own: `4599`, or `It reads "4599"`. What is to
# be read word by word is a task of kind ocr, which a file of tasks can hold.
_KINDS: dict[str, Kind] = {
    **{kind: kind for kind in KINDS},
    "ocr": "open",
    "asr": "open",
    "free_form": "open",
    "open_ended": "open",
    "multiple_choice": "mcq",
    "multi_choice": "mcq",
    "number": "numeric",
    "counting": "count",
    "grounding": "temporal",
    "temporal_grounding": "temporal",
    "moment_retrieval": "temporal",
}
_COLUMN = re.compile(r"(option|choice|candidate|answer|opt|a|)_?([a-z]|\d{1,2})")
MOMENT = 0.5
"""Seconds to each side that are taken of a moment."""


def read_plain(path: Path) -> Iterator[Task | TaskError]:
    """The tasks of a file, and what is wrong with rows that are none."""
    rows = list(unfolded_rows(path))
    ids = _ids([_lowered(row) for _, row in rows if isinstance(row, Mapping)])
    return tasks_from(rows, lambda row, place: plain_task(row, place, path.stem, by_video=ids))


def _ids(rows: Sequence[Row]) -> bool:
    """Return whether the rows' ids need their videos to be unique, and are so with them."""
    alone = [str(found[1]) for row in rows if (found := _first(row, IDS))]
    both = [
        (str(found[1]), str(row_video[1]))
        for row in rows
        if (found := _first(row, IDS)) and (row_video := _first(row, VIDEOS))
    ]
    return len(set(alone)) < len(alone) == len(set(both))


def plain_task(row: Row, place: str, name: str, *, by_video: bool = False) -> Task:
    """The task of a row.

    Args:
        row: as it stands in the file.
        place: where it stands, for its id where it has none.
        name: of the file, which is the task's source.
        by_video: put the video's name before the id.

    Raises:
        TaskError: naming the field that is wrong.
    """
    if isinstance(row.get("truth"), Mapping):
        return from_row(row)
    fields = _lowered(row)
    question, options, labels = _question(_asked(fields), fields)
    answer = _answer(fields, options, labels)
    named = _kind(fields)
    spans = _spans(fields, alone=answer is None or named == "temporal")
    absent = bool(fields.get("absent") or fields.get("unanswerable"))
    kind = _kind_of(named, options, answer, spans)
    slack = number_of(fields, "span_tolerance_s" if kind == "temporal" else "tolerance")
    videos, ident = _videos(fields), _first(fields, IDS)
    parts = [*(videos[:1] if by_video else ()), str(ident[1])] if ident else [name, place.rpartition(" ")[2]]
    chooses = kind == "mcq" and bool(options)
    return Task(
        id="-".join(parts),
        question=question,
        kind=kind,
        truth=Truth(
            answer=None if absent or kind == "temporal" else answer,
            spans=spans,
            tolerance=slack or 0.0,
            absent=absent,
        ),
        videos=videos,
        options=options if kind in ("mcq", "grounded_qa") else (),
        now=_now(fields.get("now")),
        source=str(fields.get("source") or name),
        meta={
            **({"chance": 1 / len(options)} if chooses and "," not in (answer or "") else {}),
            **({"categories": categories} if (categories := _categories(fields)) else {}),
        },
    )


def _asked(fields: Row) -> str:
    """What is asked; of a sentence with a time, when it happens."""
    if found := _first(fields, QUESTIONS):
        return str(found[1]).strip()
    sentence = _first(fields, SENTENCES)
    if sentence and (_first(fields, (*SPANS, *WHEN)) or (_first(fields, STARTS) and _first(fields, ENDS))):
        return f"When does this happen: {str(sentence[1]).strip().rstrip('.')}?"
    raise TaskError("question", f"is missing, name it one of {', '.join(QUESTIONS)}")


def _now(value: Any) -> float | str | None:
    """Seconds, or a moment of the timeline; None where nothing is written."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TaskError("now", f"is {str(value)[:40]!r}, seconds or a moment of the timeline are wanted")
    return as_number(value) if isinstance(value, str) and as_number(value) is not None else value


def _lowered(row: Row) -> dict[str, Any]:
    return {re.sub(r"[\s-]+", "_", str(key).strip().lower()): value for key, value in row.items()}


def _categories(fields: Row) -> dict[str, str]:
    """Names by which figures are broken down; a duration is one only in words."""
    found = {name: fields[name] for name in CATEGORIES if fields.get(name) not in (None, "")}
    return {
        name: str(value)
        for name, value in found.items()
        if isinstance(value, str) and as_number(value) is None or (isinstance(value, int) and name != "duration")
    }


def _first(fields: Row, names: Sequence[str]) -> tuple[str, Any] | None:
    """The first of these fields that holds something."""
    found = ((name, fields[name]) for name in names if name in fields)
    return next(((name, value) for name, value in found if value is not None and value != "" and value != []), None)


def _question(text: str, fields: Row) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The question, the options' texts, and the names that the file calls them by (letters where it has none)."""
    listed = _first(fields, OPTIONS)
    if listed is not None:
        name, value = listed
        try:
            options = split_options(_unwrapped(value))
        except ValueError as error:
            raise TaskError(name, f"cannot be read ({error})") from None
        return text, options, tuple(letter(i) for i in range(len(options)))
    columns: dict[str, dict[str, str]] = {}
    for key, value in fields.items():
        match = _COLUMN.fullmatch(key)
        if match and isinstance(value, (str, int, float)) and str(value).strip():
            columns.setdefault(match[1], {})[match[2]] = str(value)
    for column in columns.values():
        labels = sorted(column, key=lambda one: (len(one), one))
        orders = [
            [letter(i).lower() for i in range(len(labels))],
            *([str(i + n) for i in range(len(labels))] for n in (0, 1)),
        ]
        if len(labels) > 1 and labels in orders:
            options = split_options([column[label] for label in labels])
            return text, options, tuple(label.upper() for label in labels)
    question, options = split_question(text, "question")
    return question, options, tuple(letter(i) for i in range(len(options)))


def _unwrapped(value: Any) -> Any:
    """A list or mapping that a table holds as text."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                return read(value)
    return value


def _kind(fields: Row) -> Kind | None:
    """The kind that a row names, in whichever of its fields; None where none of them is one."""
    named = (re.sub(r"[\s-]+", "_", str(fields.get(name)).strip().lower()) for name in KIND_NAMES)
    return next((_KINDS[one] for one in named if one in _KINDS), None)


def _kind_of(named: Kind | None, options: Sequence[str], answer: str | None, spans: Sequence[Span]) -> Kind:
    if options:
        return "grounded_qa" if named == "grounded_qa" else "mcq"
    if named is not None:
        return named
    if answer is None:
        return "temporal" if spans else "open"
    return "numeric" if as_number(answer) is not None else "open"


def _answer(fields: Row, options: Sequence[str], labels: Sequence[str]) -> str | None:
    """The answer: letters where there are options, else the words or the number; None where there is none."""
    chosen, told = (*LETTERS, *INDICES), ANSWERS
    found = _first(fields, (*chosen, *told, *MARKS) if options else (*told, *chosen, *MARKS))
    if found is None:
        return None
    name, value = found
    value = _unwrapped(value)
    several = value if isinstance(value, list) else [value]
    if not options:
        return _text(several[0]) if len(several) == 1 else ", ".join(map(_text, several))
    return ",".join(sorted({_letter(one, name, options, labels) for one in several}))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _letter(value: Any, name: str, options: Sequence[str], labels: Sequence[str]) -> str:
    """The letter (or letters with commas) of the option that a value means."""
    text = _text(value)
    by_label = labels.index(text.strip("(). ").upper()) if text.strip("(). ").upper() in labels else None
    folded = [" ".join(option.split()).casefold() for option in options]
    by_text = folded.index(" ".join(text.split()).casefold()) if " ".join(text.split()).casefold() in folded else None
    number = as_number(text)
    if by_label is not None:
        return letter(by_label)
    if number is not None and number.is_integer():
        by_index = int(number) if 0 <= number < len(options) else None
        if name in PLACES or by_text is None:
            if by_index is None:
                raise TaskError(name, f"is {text}, the place of an option is wanted, from 0 to {len(options) - 1}")
            return letter(by_index)
        if not isinstance(value, str) and by_index not in (None, by_text):
            raise TaskError(name, f"is {text}, a place and an option's text: call a place answer_idx, or give a letter")
    return letter(by_text) if by_text is not None else choice(text, options, name)


def _videos(fields: Row) -> tuple[str, ...]:
    found = _first(fields, VIDEOS)
    if found is None:
        return ()
    value = _unwrapped(found[1])
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(one, (str, int)) for one in names):
        raise TaskError(found[0], "is no path, give one, or a list of them")
    return tuple(str(one).removeprefix("./") for one in names)


def _spans(fields: Row, *, alone: bool) -> tuple[Span, ...]:
    """The times of the answer; what may be no times is left alone where it cannot be read as such.

    Args:
        fields: of the row.
        alone: True if times are the answer.
    """
    found = _first(fields, (*SPANS, *WHEN) if alone else SPANS)
    start, end = _first(fields, STARTS), _first(fields, ENDS)
    if found is None and alone and start is not None and end is not None:
        found = ("span", [start[1], end[1]])
    if found is None:
        return ()
    name, value = found
    try:
        return spans_of(_lasting(_unwrapped(value)), name)
    except TaskError:
        if name in WHEN:
            return ()
        raise


def _lasting(value: Any) -> Any:
    """Pairs of seconds, also of such as `1:05`, with moments as the second around them."""
    if isinstance(value, Mapping) and {"start", "end"} <= set(value):
        value = [value["start"], value["end"]]
    if isinstance(value, list) and len(value) == 2 and not any(isinstance(one, (list, Mapping)) for one in value):
        with suppress(TypeError, ValueError):
            start, end = parse_pair(*value) if all(isinstance(one, str) for one in value) else map(float, value)
            return [start, end] if start != end else [max(0.0, start - MOMENT), end + MOMENT]
    if isinstance(value, list):
        return [_lasting(one) for one in value]
    return value
