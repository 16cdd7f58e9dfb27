"""Parsing that released rows have in common: texts, options inside a question, answers in tags, times."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ....agent.parsing.options import letter, letters_in, marked, split_options, unbulleted
from ....agent.parsing.reply import parse_reply
from ....memory import Span
from ...rewards.extraction import ranges
from ..task import TaskError


class Skip(Exception):
    """A row that is well but not for here; the text says why in a word or two."""


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A text that must be there.

    Raises:
        TaskError: if it is missing, empty or no text.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise TaskError(name, "is missing or no text, leave the row out or mend it")
    return value.strip()


def number_of(row: Mapping[str, Any], name: str) -> float | None:
    """A number, also one in a text; None where there is none.

    Raises:
        TaskError: if there is something else.
    """
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise TaskError(name, f"is {str(value)[:40]!r}, a number is wanted")
    return number


def answer_of(text: str) -> str:
    """Return what stands in the last `<answer>` outside of thoughts, or the text without them."""
    reply = parse_reply(text, "tool_call")
    return (reply.rest if reply.answer is None else reply.answer).strip()


def video_path(row: Mapping[str, Any], name: str) -> str:
    """A path as it is released, without a leading `./`."""
    return text_of(row, name).removeprefix("./")


def kept(row: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """The fields of a row that are there, under their names or (`process="reasoning"`) new ones, for `Task.meta`."""
    sources = {**{name: name for name in names}, **renamed}
    return {name: row[source] for name, source in sources.items() if row.get(source)}


def options_of(value: Any, name: str = "options") -> tuple[str, ...]:
    """The texts of options that come as a list, with or without letters.

    Raises:
        TaskError: if it is no list of texts, or the letters are not A, B, C, … in order.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
        raise TaskError(name, "are no list of texts, leave the row out or mend it")
    marks = [marked(option) for option in value]
    letters = [mark and mark[0] for mark in marks]
    expected = [letter(i) for i in range(len(value))]
    if letters != expected and sorted(filter(None, letters)) == expected:
        raise TaskError(name, "do not have the letters A, B, C, … in order, so that the answer's letter is not certain")
    try:
        return split_options(value)
    except ValueError as error:
        raise TaskError(name, f"cannot be read ({error})") from None


def split_question(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """A question and the options that stand in it as lines, apart (`What?`, `A. one`, `B. two`).

    Options are the last run of such lines; what follows them goes to the question. A single one is no options.

    Raises:
        TaskError: if the lines have letters that are not A, B, C, … in order.
    """
    lines = unbulleted(text).strip().split("\n")
    marks = [_line(line) for line in lines]
    last = max((n for n, mark in enumerate(marks) if mark), default=-1)
    first = last
    while first > 0 and (marks[first - 1] or not lines[first - 1].strip()):
        first -= 1
    found = [mark for mark in marks[max(first, 0) : last + 1] if mark]
    if len(found) < 2:
        return text.strip(), ()
    if [mark[0] for mark in found] != [letter(i) for i in range(len(found))]:
        raise TaskError(name, "lists options that are not A, B, C, … in order, so that the answer is not certain")
    return "\n".join([*lines[:first], *lines[last + 1 :]]).strip(), tuple(mark[1] for mark in found)


def _line(line: str) -> tuple[str, str] | None:
    """The letter and the text of a line that is an option."""
    found = marked(line)
    return found if found and found[1] and line.strip()[:2].strip("( ")[:1].isupper() else None


def choice(answer: str, options: Sequence[str], name: str) -> str:
    """The letter (or letters, with commas) that an answer chooses, by letter or by the option's text.

    Raises:
        TaskError: if it chooses none.
    """
    found = letters_in(answer, options)
    if found:
        return ",".join(found)
    raise TaskError(name, f"is {answer[:40]!r}, which is none of the {len(options)} options")


def spans_of(value: Any, name: str) -> tuple[Span, ...]:
    """Spans from `[s, e]`, `[[s, e], …]`, the same as text, or times in words (`From 3.0 to 7.5 seconds`).

    Raises:
        TaskError: if there is none, or one without length.
    """
    pairs = value
    if isinstance(value, str):
        try:
            pairs = ast.literal_eval(answer_of(value))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pairs = ranges(answer_of(value))
    if isinstance(pairs, Sequence) and len(pairs) == 2 and all(isinstance(part, (int, float)) for part in pairs):
        pairs = [pairs]
    try:
        found = tuple(Span(float(start), float(end)) for start, end in pairs)
    except (TypeError, ValueError):
        found = ()
    if not found or any(span.duration <= 0 for span in found):
        raise TaskError(name, f"is {str(value)[:60]!r}, [start, end] in seconds is wanted, the start first")
    return found
