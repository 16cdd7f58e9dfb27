"""Calls that a server has left in the text of a reply, in whatever form the model was taught.

Read are Hermes' and Qwen's `<tool_call>`, Llama's `<|python_tag|>` and `<function=…>`, Mistral's `[TOOL_CALLS]`, fences
with JSON or with a call as Python writes it, and a bare JSON object that names a tool.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..loose_json import NotJson, objects, read_object
from ..thoughts import split_thoughts

_MARKS = re.compile(
    r"<\|?/?(?:tool_call|tool_calls|function_call|tool|functioncall)(?:_start|_end|_begin)?\|?>|<\|python_tag\|>|<\|eom_id\|>"
    r"|\[/?TOOL_CALLS\]|functools(?=\[)|<function=(?P<named>[\w.-]+)>|</function>",
    re.IGNORECASE,
)
"""What stands around calls."""
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|$)", re.DOTALL)
_PYTHON = re.compile(r"(?:print\(\s*)?(?:\w{1,99}\.)?([A-Za-z_]\w{0,99})\((.*)\)\s*\)?", re.DOTALL)
_NAMES = ("name", "tool", "tool_name", "function", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "params", "input", "action_input")
_MOST = 8
"""Calls of one reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a text holds."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    """Name and arguments of each call."""
    broken: tuple[tuple[str, str], ...]
    """What was meant as a call and cannot be read, and why."""
    words: str
    """What is left of the text."""


def calls_in(text: str, names: Sequence[str]) -> Found:
    """The calls that stand in a reply.

    Args:
        text: of the reply.
        names: of the tools that were offered; without any nothing is a call.
    """
    if not names:
        return Found(calls=(), broken=(), words=text)
    split = split_thoughts(text)
    body, marked = split.said or split.cut, False
    calls: list[tuple[str, dict[str, Any]]] = []
    for match in _MARKS.finditer(body):
        marked = True
        if match["named"]:
            body = body[: match.end()] + _named(match["named"], body[match.end() :])
            break
    words = body
    for start, end, row in islice(objects(body), _MOST):
        for name, arguments in _read(row, names, marked=marked):
            calls.append((name, arguments))
            words = words.replace(body[start:end], " ", 1)
    if not calls:
        for fence in _FENCE.finditer(body):
            found = _python(fence[1], names)
            calls += found
            words = words.replace(fence[0], " ", 1) if found else words
        if not calls and (alone := _python(body, names)):
            calls, words = alone, ""
    broken: list[tuple[str, str]] = []
    if not calls and marked:
        broken.append((_MARKS.sub("", body).strip(), "there is no JSON object with a name and arguments"))
        words = ""
    if calls:
        words = re.sub(r"```\w*\s*(?:```)?|^[\s,\[\]]+$", "", _MARKS.sub("", words)).strip(" \n,[]")
    return Found(calls=tuple(calls[:_MOST]), broken=tuple(broken), words=words.strip())


def _named(name: str, rest: str) -> str:
    """Llama's `<function=name>{…}` as an object with both."""
    return f' {{"name": "{name}", "arguments": {rest.partition("</function>")[0]} }}'


def _read(row: dict[str, Any], names: Sequence[str], *, marked: bool) -> Iterable[tuple[str, dict[str, Any]]]:
    """The call that an object is; between marks also one of a tool that there is not."""
    if isinstance(row.get("function"), dict):
        row = row["function"]
    listed = row.get("tool_calls")
    if isinstance(listed, list):
        return [call for one in listed if isinstance(one, dict) for call in _read(one, names, marked=marked)]
    name = next((row[key] for key in _NAMES if isinstance(row.get(key), str) and row[key].strip()), None)
    if name is None:
        only = next(iter(row), "") if len(row) == 1 else ""
        if only in names and isinstance(row[only], dict):
            return [(only, row[only])]
        return []
    arguments: Any = next((row[key] for key in _ARGUMENTS if key in row), None)
    if isinstance(arguments, str):
        try:
            arguments = read_object(arguments)
        except NotJson:
            arguments = None
    known = _known(name, names)
    if isinstance(arguments, dict):
        if arguments.get("type") == "object" and "properties" in arguments:
            return []  # the schema itself, repeated
        return (
            [(known or name, arguments)] if known or marked or set(row) <= {*_NAMES, *_ARGUMENTS, "id", "type"} else []
        )
    rest = {key: value for key, value in row.items() if key not in (*_NAMES, *_ARGUMENTS, "type", "id")}
    return [(known, rest)] if known and "answer" not in row else []


def _known(name: str, names: Sequence[str]) -> str | None:
    """The tool that a name means; near misses count."""
    plain = name.strip().rpartition(".")[2]
    close = difflib.get_close_matches(plain, names, n=1, cutoff=0.8)
    return plain if plain in names else close[0] if close else None


def _python(text: str, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """A call as Python writes it, `search_clips(query="fair")`, where the text is nothing else."""
    match = _PYTHON.fullmatch(text.strip())
    if not match or match[1] not in names:
        return []
    try:
        call = ast.parse(f"f({match[2].strip().rstrip(')') if text.strip().startswith('print(') else match[2]})").body[
            0
        ]
        assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
        arguments = {key.arg: ast.literal_eval(key.value) for key in call.value.keywords if key.arg}
        given = [ast.literal_eval(value) for value in call.value.args]
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        return []
    if given and "query" not in arguments and isinstance(given[0], str):
        arguments["query"] = given[0]
    return [(match[1], arguments)]
