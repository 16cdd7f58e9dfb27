"""The rows that chat servers send, put right before the client library takes them apart.

Servers write arguments as an object, as `null` or not at all, leave out an index or a role, send text in parts, count
tokens below zero, and put an answer where thoughts belong. What cannot be made sense of is left out: a reply without a
message is told as a fault by whoever reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..usage import whole_number

MOST_CALLS = 64
"""Calls of one reply; what comes after them is left out."""
_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put thoughts that they keep out of the content."""
_TEXTS = ("text", "output_text", "refusal")


def rows_of(response: Any) -> Any:
    """A response of the client library as plain rows; anything else as it is."""
    dump = getattr(response, "model_dump", None)
    return dump(warnings=False) if dump else response


def completion(response: Any) -> dict[str, Any]:
    """A whole reply.

    Raises:
        ValueError: if it is no object.
    """
    row = rows_of(response)
    if not isinstance(row, dict):
        raise ValueError(f"the reply is no object: {str(row)[:200]}")
    made = {key: row[key] for key in ("id", "object", "model", "system_fingerprint") if isinstance(row.get(key), str)}
    if row.get("error"):
        return {**made, "error": row["error"]}
    choice = _first(row.get("choices"))
    said = choice.get("message") if choice else None
    if choice is None or not isinstance(said, dict):
        return {**made, "choices": None}  # which the client library tells as a fault
    message = {"role": "assistant", **_message(said, arguments_text)}
    kept: dict[str, Any] = {"index": 0, "message": message, "finish_reason": _text(choice.get("finish_reason"))}
    if isinstance(choice.get("logprobs"), dict):
        kept["logprobs"] = choice["logprobs"]
    return {**made, "choices": [kept], "usage": _usage(row.get("usage"))}


def chunk(response: Any) -> dict[str, Any] | None:
    """One event of a stream; None where there is nothing in it."""
    row = rows_of(response)
    if not isinstance(row, dict):
        return None
    made = {key: row[key] for key in ("id", "object", "model") if isinstance(row.get(key), str)}
    made["usage"] = _usage(row.get("usage"))
    choice = _first(row.get("choices"))
    if choice is None:
        return {**made, "choices": []}
    said = choice.get("delta")
    if not isinstance(said, dict):
        said = choice["message"] if isinstance(choice.get("message"), dict) else {}
    kept: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", **_message(said, _piece)}}
    kept["finish_reason"] = _text(choice.get("finish_reason"))
    if isinstance(choice.get("logprobs"), dict):
        kept["logprobs"] = choice["logprobs"]
    return {**made, "choices": [kept]}


def reasoning_of(row: Mapping[str, Any], where: str) -> str:
    """The thoughts that `completion` or `chunk` has found apart from the content; empty where there are none."""
    choice = _first(row.get("choices"))
    return str((choice or {}).get(where, {}).get("reasoning_content") or "")


def arguments_text(arguments: Any) -> str:
    """Arguments as the text of a JSON object, or as a text that is no JSON, which is an invalid call.

    Nothing, `null` and an empty list (how PHP writes an empty object) are a call without arguments.
    """
    read = arguments
    for _ in range(2):  # some servers send the object itself, some a text within a text
        if isinstance(read, str):
            try:
                read = json.loads(read.strip() or "{}", strict=False)
            except ValueError:
                return str(arguments)
            except RecursionError:
                return "not an object: it is nested too deeply"
    if read is None or read == []:
        return "{}"
    if isinstance(read, dict):
        try:
            return json.dumps(read)
        except (RecursionError, ValueError, TypeError):
            return "not an object: it is nested too deeply"
    return f"not an object: {str(arguments)[:1000]}"


def _piece(arguments: Any) -> str:
    """A piece of arguments; an object is all of them, and an empty one comes before the first piece."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None or arguments in ({}, []) else arguments_text(arguments)


def _message(said: Mapping[str, Any], written: Callable[[Any], str]) -> dict[str, Any]:
    """Content, thoughts and calls of a message or of a delta, arguments as `written` has them."""
    content, thought = _content(said.get("content"))
    thoughts = [thought, *(_content(said.get(key))[0] for key in _REASONING)]
    made: dict[str, Any] = {"content": content, "reasoning_content": next((t for t in thoughts if t), "")}
    if isinstance(said.get("refusal"), str):
        made["refusal"] = said["refusal"]
    listed = said.get("tool_calls")
    if isinstance(listed, dict):
        listed = [listed]
    if not (isinstance(listed, list) and listed) and isinstance(said.get("function_call"), dict):
        listed = [{"function": said["function_call"]}]  # as it was before there were several
    calls = list(_calls(listed[:MOST_CALLS] if isinstance(listed, list) else (), written))
    return {**made, "tool_calls": calls} if calls else made


def _calls(listed: Any, written: Callable[[Any], str]) -> Iterator[dict[str, Any]]:
    for row in listed:
        if not isinstance(row, dict):
            continue
        function = row.get("function")
        if not isinstance(function, dict):  # the name alone, or everything one level higher
            function = {**row, "name": function if isinstance(function, str) else row.get("name")}
        arguments = next((function[key] for key in ("arguments", "parameters", "input") if key in function), None)
        index = row.get("index")
        yield {
            "index": index if isinstance(index, int) and not isinstance(index, bool) else None,
            "id": _text(row.get("id")),
            "type": "function",
            "function": {"name": _text(function.get("name")), "arguments": written(arguments)},
        }


def _content(content: Any) -> tuple[str, str]:
    """A content as one text, and the thoughts among its parts."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if isinstance(content, (int, float)):
        return str(content), ""
    if isinstance(content, dict):
        content = [content]
    words: list[str] = []
    thoughts: list[str] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict):
            text = next((part[key] for key in _TEXTS if isinstance(part.get(key), str)), None)
            thinks = next((part[key] for key in _REASONING if part.get(key)), None)
            if text is not None and part.get("type") not in _REASONING:
                words.append(text)
            elif thinks is not None:
                thoughts += [str(one.get("text", "")) if isinstance(one, dict) else str(one) for one in _listed(thinks)]
            elif text is not None:
                thoughts.append(text)
    return "".join(words), "".join(thoughts)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _first(choices: Any) -> dict[str, Any] | None:
    if isinstance(choices, dict):
        choices = [choices]
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    """A short text of the server's, or a number as one; anything else is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:200] if isinstance(value, str) and value else None


def _usage(usage: Any) -> dict[str, int] | None:
    """The counts, where prompt and reply are both told and can be right; else the tokens are estimated."""
    if not isinstance(usage, dict):
        return None
    given, made = (whole_number(usage.get(key)) for key in ("prompt_tokens", "completion_tokens"))
    if given is None and made is None or -1 in (given, made):
        return None
    return {
        "prompt_tokens": given or 0,
        "completion_tokens": made or 0,
        "total_tokens": (given or 0) + (made or 0),
    }
