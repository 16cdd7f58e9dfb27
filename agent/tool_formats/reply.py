"""Taking a reply apart by its tags: thoughts, calls, the answer, and what is left."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall

from ..parsing.loose_json import NotJson, read_object
from ..parsing.reply import Parts
from .dialect import Said

_PLACEHOLDER = re.compile(r"<(?:function|tool|args)[-_ ]", re.IGNORECASE)


class BadCall(Exception):
    """A call that cannot be carried over to our tools; the text says how to write it."""


def said(
    parts: Parts,
    messages: Sequence[BaseMessage],
    ours: Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]],
    usage: str,
    names: Mapping[str, str] | None = None,
) -> Said:
    """`parts` with each call carried over to our tools.

    Args:
        parts: the reply.
        messages: those before it, which number the calls.
        ours: a call by its published name and arguments, as a call of ours; raises `BadCall`.
        usage: one line on how a call is written, for calls that cannot be read.
        names: our tools by their published names.
    """
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    ids = fresh_ids(messages)
    for body in parts.calls:
        if _PLACEHOLDER.search(body) or body in ("", "..."):
            continue  # an echo of the prompt's own template
        name = ""
        try:
            name, arguments = read_call(body)
            tool, fitted = ours(name, arguments)
            calls.append({"name": tool, "args": fitted, "id": next(ids), "type": "tool_call"})
        except (NotJson, BadCall) as problem:
            error = f"The call cannot be read: {problem}. {usage}"
            row: InvalidToolCall = {
                "name": (names or {}).get(name, name) or None,
                "args": body,
                "id": next(ids),
                "error": error,
                "type": "invalid_tool_call",
            }
            invalid.append(row)
    content = parts.rest if parts.answer is None else parts.answer
    return Said(content=content, thought=parts.thought, calls=tuple(calls), invalid=tuple(invalid))


def read_call(body: str) -> tuple[str, dict[str, Any]]:
    """Name and arguments of `{"name": …, "arguments": {…}}`, also where the arguments are JSON inside a string.

    Raises:
        NotJson: if it is not such an object.
    """
    row = {key.lower(): value for key, value in read_object(body).items()}
    name, arguments = row.get("name"), row.get("arguments", row.get("parameters", row.get("args")))
    if not isinstance(name, str) or not name.strip():
        raise NotJson('there is no "name"')
    if isinstance(arguments, str) and arguments.strip():
        arguments = read_object(arguments)
    if arguments in (None, ""):
        arguments = {key: value for key, value in row.items() if key not in ("name", "arguments", "type", "id")}
    if not isinstance(arguments, dict):
        raise NotJson('"arguments" is not an object')
    return name.strip(), arguments


def call_json(name: str, arguments: dict[str, Any]) -> str:
    """A call as one line of JSON; a tag inside its texts is escaped, so that it does not end the call."""
    row = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, default=str)
    return re.sub(r"<(?=/?(?:think|answer|tool|function|args))", r"\\u003c", row, flags=re.IGNORECASE)


def fresh_ids(messages: Sequence[BaseMessage]) -> Iterator[str]:
    """Ids `call_<n>` that no call of the conversation has, counting from how many there are; the same each time."""
    used = {c["id"] for m in messages if isinstance(m, AIMessage) for c in (*m.tool_calls, *m.invalid_tool_calls)}
    number = sum(len(m.tool_calls) + len(m.invalid_tool_calls) for m in messages if isinstance(m, AIMessage))
    while True:
        if f"call_{number}" not in used:
            yield f"call_{number}"
        number += 1
