"""Conversations in files: one JSON object a line, with the task, the answer and every message as LangChain dumps it.

A line of traces is `{"schema": 1, "task": {…}, "answer": {…}, "messages": […], "meta": {…}}`; `meta` says how it came
about (`by`: expert, teacher or hindsight; `teacher`: whose; `rewards`). A line of preferences is
`{"schema": 1, "chosen": {…}, "rejected": {…}, "margin": 0.5, "why": "…"}` with two such objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.messages import messages_from_dict, messages_to_dict

from ...agent import Answer
from ...memory.errors import RewatchError
from ...memory.files.regular import replacing
from ..data.json_lines import read_lines
from ..data.task import TaskError
from ..data.task_files import as_row, from_row
from ..rollouts.rollout import Rollout

SCHEMA = 1
"""Version of a line; it grows when a field changes its meaning or goes."""
_Made = TypeVar("_Made")


class ConversationError(RewatchError):
    """A file of conversations that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """Two conversations about one task, of which one is better."""

    chosen: Rollout
    rejected: Rollout
    margin: float
    """Reward of the chosen one less that of the rejected one."""
    why: str = ""
    """The one who decided, and the fault of the other."""


def conversation_row(rollout: Rollout) -> dict[str, Any]:
    """A conversation as JSON values."""
    return {
        "task": as_row(rollout.task),
        "answer": rollout.answer.as_dict(),
        "messages": messages_to_dict(list(rollout.messages)),
        "meta": dict(rollout.meta),
    }


def preference_row(pair: PreferencePair) -> dict[str, Any]:
    """A pair as JSON values."""
    rows = {"chosen": conversation_row(pair.chosen), "rejected": conversation_row(pair.rejected)}
    return {**rows, "margin": pair.margin, "why": pair.why}


def conversation_of(row: Any) -> Rollout:
    """The conversation that `conversation_row` wrote.

    Raises:
        TaskError: naming the field that is wrong.
    """
    _require_object(row, "task", "answer", "messages", "meta")
    if not isinstance(row["messages"], list) or not isinstance(row["meta"], Mapping):
        raise TaskError("messages", "or meta are of another kind, write a list and an object")
    task = _inside("task", row, from_row)
    try:
        answer = Answer.from_dict(row["answer"])
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError("answer", f"is none that a run ended with ({type(error).__name__}: {error})") from None
    try:
        messages = tuple(messages_from_dict(row["messages"]))
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TaskError("messages", f"are none that LangChain dumped ({type(error).__name__}: {reason})") from None
    return Rollout(task=task, answer=answer, messages=messages, meta=dict(row["meta"]))


def preference_of(row: Any) -> PreferencePair:
    """The pair that `preference_row` wrote.

    Raises:
        TaskError: naming the field that is wrong.
    """
    _require_object(row, "chosen", "rejected", "margin")
    margin = row["margin"]
    if isinstance(margin, bool) or not isinstance(margin, (int, float)):
        raise TaskError("margin", f"is {margin!r}, write a number")
    chosen, rejected = (_inside(name, row, conversation_of) for name in ("chosen", "rejected"))
    return PreferencePair(chosen=chosen, rejected=rejected, margin=float(margin), why=str(row.get("why", "")))


def _inside(name: str, row: Mapping[str, Any], make: Callable[[Any], _Made]) -> _Made:
    """Make something of a field; a mistake in it is named with the field before it."""
    try:
        return make(row[name])
    except TaskError as error:
        raise TaskError(f"{name}.{error.field}", str(error).partition(": ")[2]) from None


def _require_object(row: Any, *names: str) -> None:
    if not isinstance(row, Mapping):
        raise TaskError("line", "is no object, write one JSON object a line")
    if row.get("schema", SCHEMA) != SCHEMA:
        raise TaskError("schema", f"is {row['schema']!r}, this rewatch reads {SCHEMA}: update rewatch")
    for name in names:
        if name not in row:
            raise TaskError(name, "is missing, write it")


def line_of(row: Mapping[str, Any]) -> str:
    """One line of a file, its end included.

    Raises:
        ConversationError: if it holds what is no JSON.
    """
    try:
        return json.dumps({"schema": SCHEMA, **row}, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ConversationError(f"A conversation is no JSON ({error}): tools must bring back plain values.") from None


def read_conversations(path: str | Path) -> list[Rollout]:
    """The conversations of a file.

    Raises:
        ConversationError: with the file and the line of the first one that cannot be read.
    """
    return _read(path, conversation_of)


def read_preferences(path: str | Path) -> list[PreferencePair]:
    """The pairs of a file.

    Raises:
        ConversationError: with the file and the line of the first one that cannot be read.
    """
    return _read(path, preference_of)


def _read(path: str | Path, make: Callable[[Any], _Made]) -> list[_Made]:
    made: list[_Made] = []
    for number, item in read_lines(path, make, ConversationError):
        if isinstance(item, TaskError):
            raise ConversationError(f"{path}, line {number}: {item}")
        made.append(item)
    return made


def write_conversations(path: str | Path, rollouts: Iterable[Rollout]) -> int:
    """Write conversations to a file, whole or not at all; how many there were."""
    return write_rows(path, map(conversation_row, rollouts))


def write_preferences(path: str | Path, pairs: Iterable[PreferencePair]) -> int:
    """Write pairs to a file, whole or not at all; how many there were."""
    return write_rows(path, map(preference_row, pairs))


def write_rows(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write lines to a file, whole or not at all; how many there were."""
    count = 0
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(line_of(row))
            count += 1
    return count
