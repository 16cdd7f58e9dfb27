"""The reply of a policy, made safe to keep: plain arguments, text that can be stored, counts that can be true.

The loop stores every message, sends it on, and prints it; a policy may be anybody's. Messages that are sound, which are
all of a local policy's, are kept as they are, token records included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall

from ..tool_formats.text_calls import calls_in
from ..tool_formats.tool_format import USAGE
from .failures import PolicyFailed
from .usage import whole_number

LONGEST = 100_000
"""Characters of one reply; what comes after them is cut."""
MOST_CALLS = 64
_LONGEST_ARGUMENTS, _DEEPEST, _LONGEST_NAME = 100_000, 32, 200
_HOW = "Write shorter arguments as one plain JSON object."


def settled(message: Any) -> AIMessage:
    """Return the message as the loop keeps it; `PolicyFailed` if it is no message of a model."""
    if not isinstance(message, AIMessage):
        raise PolicyFailed(f"it must return an AIMessage, and returned {type(message).__name__}")
    content = _content(message.content)
    used: set[str] = set()
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = [_broken(one, one.get("error")) for one in message.invalid_tool_calls[:MOST_CALLS]]
    for call in message.tool_calls[:MOST_CALLS]:
        try:
            arguments = _plain(call["args"], 0, [_LONGEST_ARGUMENTS])
        except _TooMuch as problem:
            invalid.append(_broken(call, f"The call cannot be made: its arguments are {problem}. {_HOW}"))
            continue
        number = _short(call.get("id")) or ""
        if not number or number in used:
            number = next(new for n in range(2 * MOST_CALLS) if (new := f"{number or 'call'}_{n}") not in used)
        used.add(number)
        calls.append({"name": _short(call["name"]), "args": arguments, "id": number, "type": "tool_call"})
    update: dict[str, Any] = {}
    if content != message.content:
        update["content"] = content
    if not _same(calls, message.tool_calls):
        update["tool_calls"] = calls
    if not _same(invalid, message.invalid_tool_calls):
        update["invalid_tool_calls"] = invalid
    usage = message.usage_metadata
    if usage is not None and any(whole_number(usage.get(key)) == -1 for key in usage if key.endswith("_tokens")):
        counts = {key: max(whole_number(usage.get(key)) or 0, 0) for key in ("input_tokens", "output_tokens")}
        update["usage_metadata"] = {**counts, "total_tokens": sum(counts.values())} if sum(counts.values()) else None
    if isinstance(message.additional_kwargs.get("reasoning_content"), str):
        thought = clean(message.additional_kwargs["reasoning_content"], LONGEST)
        if thought != message.additional_kwargs["reasoning_content"]:
            update["additional_kwargs"] = {**message.additional_kwargs, "reasoning_content": thought}
    likely = message.response_metadata.get("likelihood")
    if likely is not None and not (isinstance(likely, (int, float)) and 0 <= likely <= 1):
        update["response_metadata"] = {k: v for k, v in message.response_metadata.items() if k != "likelihood"}
    return message.model_copy(update=update) if update else message


def with_calls_found(message: AIMessage, names: Sequence[str]) -> AIMessage:
    """The message of a model that anybody may bring, with the calls that its server has left in the text."""
    text = str(message.text)
    if message.tool_calls or message.invalid_tool_calls or not any(mark in text for mark in "<[{("):
        return message
    found = calls_in(text, names)
    if not found.calls and not found.broken:
        return message
    calls: list[ToolCall] = [
        {"name": name, "args": arguments, "id": f"found_{n}", "type": "tool_call"}
        for n, (name, arguments) in enumerate(found.calls)
    ]
    invalid = [
        _broken({"args": body, "id": f"broken_{n}"}, f"The call cannot be read: {why}. {USAGE}")
        for n, (body, why) in enumerate(found.broken)
    ]
    made = {"content": found.words, "tool_calls": calls, "invalid_tool_calls": invalid}
    return settled(message.model_copy(update=made))


def clean(text: str, longest: int) -> str:
    """A text without halves of surrogate pairs, which cannot be stored, and no longer than `longest`."""
    text = text[:longest]
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _TooMuch(Exception):
    """Arguments that nothing can be done with."""


def _content(content: Any) -> Any:
    """The text of a message; of parts, those that are text or an object, all texts in them bounded together."""
    if isinstance(content, str):
        return clean(content, LONGEST)
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, (str, dict))]
    try:
        return _plain(parts, 0, [10 * LONGEST])
    except _TooMuch:
        texts = [part if isinstance(part, str) else part.get("text") for part in parts]
        return clean("\n".join(text for text in texts if isinstance(text, str)), LONGEST)


def _plain(value: Any, depth: int, room: list[int]) -> Any:
    """Return a value as JSON has it; `_TooMuch` if it is too deep, or more than `room` characters."""
    room[0] -= len(value) if isinstance(value, str) else 8
    if room[0] < 0:
        raise _TooMuch("too long")
    if depth > _DEEPEST:
        raise _TooMuch("nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(value, len(value))
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else float(value) if abs(value) < 10**300 else "Infinity"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {clean(str(key), 1000): _plain(one, depth + 1, room) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one, depth + 1, room) for one in value]
    return clean(str(value), 1000)


def _broken(call: Any, why: Any) -> InvalidToolCall:
    written = call.get("args")
    return {
        "name": _short(call.get("name")),
        "args": clean(written if isinstance(written, str) else str(type(written).__name__), 2000),
        "id": _short(call.get("id")),
        "error": clean(str(why), 1000) if why else None,
        "type": "invalid_tool_call",
    }


def _short(text: Any) -> Any:
    return clean(text, _LONGEST_NAME) if isinstance(text, str) else text


def _same(one: Any, other: Any) -> bool:
    """Return whether two lists of calls are equal; `1` and `True` are not."""
    try:
        return len(one) == len(other) and repr(one) == repr(other)
    except (RecursionError, ValueError):
        return False


def usable(message: BaseMessage) -> str:
    """The words of any model's message, for those who only read them: planners, viewers, scalings."""
    text = message.text if isinstance(getattr(message, "content", None), (str, list)) else ""
    return clean(str(text), LONGEST)
