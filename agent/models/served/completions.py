"""The rows that chat servers send, put right before the client library takes them apart; and streams put together.

Servers write arguments as an object, as `null` or not at all, leave out an index or a role, send text in parts, count
tokens below zero, and put an answer where thoughts belong. What cannot be made sense of is left out: a reply without a
message is told as a fault by whoever reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall

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
    message_row = choice.get("message") if choice else None
    if choice is None or not isinstance(message_row, dict):
        return {**made, "choices": None}  # which the client library tells as a fault
    message = {"role": "assistant", **_message(message_row, arguments_text)}
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
    message_row = choice.get("delta")
    if not isinstance(message_row, dict):
        message_row = choice["message"] if isinstance(choice.get("message"), dict) else {}
    kept: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", **_message(message_row, _piece)}}
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


def _message(message_row: Mapping[str, Any], written: Callable[[Any], str]) -> dict[str, Any]:
    """Content, thoughts and calls of a message or of a delta, arguments as `written` has them."""
    content, thought = _content(message_row.get("content"))
    thoughts = [thought, *(_content(message_row.get(key))[0] for key in _REASONING)]
    made: dict[str, Any] = {"content": content, "reasoning_content": next((t for t in thoughts if t), "")}
    if isinstance(message_row.get("refusal"), str):
        made["refusal"] = message_row["refusal"]
    listed = message_row.get("tool_calls")
    if isinstance(listed, dict):
        listed = [listed]
    if not (isinstance(listed, list) and listed) and isinstance(message_row.get("function_call"), dict):
        listed = [{"function": message_row["function_call"]}]  # as it was before there were several
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


@dataclass(slots=True)
class _Call:
    """A call so far."""

    name: str
    written: str
    id: str
    index: int | None

    @property
    def complete(self) -> bool:
        """Return whether its arguments are a whole object."""
        if not self.written.rstrip().endswith("}"):
            return False
        try:
            return isinstance(json.loads(self.written, strict=False), dict)
        except (ValueError, RecursionError):
            return False


class Joined:
    """The chunks of a stream as one message.

    Names come whole, in pieces, again with each chunk, or growing; ids and indices come once, always, or never.

    Args:
        names: of the tools that were offered.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.size = 0
        """Characters so far: text, thoughts and arguments."""
        self.count = 0
        """Chunks so far."""
        self.finish = ""
        """Why the server says that the reply ends."""
        self._names = names
        self._chunks: list[AIMessageChunk] = []
        self._thoughts: list[str] = []
        self._calls: list[_Call] = []
        self._usage: Any = None
        self._model = ""

    def add(self, chunk: AIMessageChunk) -> None:
        """Take one chunk."""
        self.count += 1
        for part in chunk.tool_call_chunks:
            self._join(part["name"] or "", part["args"] or "", part["id"] or "", part["index"])
            self.size += len(part["args"] or "")
        thought = chunk.additional_kwargs.get("reasoning_content")
        if isinstance(thought, str):
            self._thoughts.append(thought)
            self.size += len(thought)
        self.size += len(chunk.text)
        self._usage = chunk.usage_metadata or self._usage  # those that count as they go count up
        metadata = chunk.response_metadata
        self.finish = str(metadata.get("finish_reason") or self.finish)[:200]
        self._model = str(metadata.get("model_name") or self._model)[:200]
        if chunk.content or metadata.get("logprobs") or not self._chunks:
            kept = {key: value for key, value in metadata.items() if key not in ("finish_reason", "model_name")}
            other = {key: value for key, value in chunk.additional_kwargs.items() if key != "reasoning_content"}
            self._chunks.append(AIMessageChunk(content=chunk.content, additional_kwargs=other, response_metadata=kept))

    def message(self, *, cut: str) -> AIMessage:
        """The whole; a call that is not whole JSON is invalid, however much of it can be guessed.

        Args:
            cut: why the reply was cut here; empty where it ended by itself.
        """
        first, *rest = self._chunks or [AIMessageChunk(content="")]
        joined: Any = first + rest if rest else first
        calls: list[ToolCall] = []
        invalid: list[InvalidToolCall] = []
        for call in self._calls:
            written = call.written.strip() or "{}"
            try:
                arguments = json.loads(written, strict=False)
            except (ValueError, RecursionError):
                arguments = None
            if isinstance(arguments, dict):
                calls.append({"name": call.name, "args": arguments, "id": call.id or None, "type": "tool_call"})
            else:
                invalid.append(
                    {
                        "name": call.name,
                        "args": written,
                        "id": call.id or None,
                        "error": None,
                        "type": "invalid_tool_call",
                    }
                )
        told = {"finish_reason": self.finish, "model_name": self._model}
        more = {"finish_reason": cut, "cut": True} if cut else {}
        thoughts = {"reasoning_content": "".join(self._thoughts)} if self._thoughts else {}
        return AIMessage(
            joined.content,
            tool_calls=calls,
            invalid_tool_calls=invalid,
            usage_metadata=self._usage,
            additional_kwargs={**joined.additional_kwargs, **thoughts},
            response_metadata={**joined.response_metadata, **{k: v for k, v in told.items() if v}, **more},
        )

    def _join(self, name: str, written: str, id_: str, index: int | None) -> None:
        call = self._meant(name, id_, index)
        if call is None or self._begins_anew(call, name, written, id_):
            if len(self._calls) < MOST_CALLS:
                self._calls.append(_Call(name, written, id_, index))
            return
        call.id = call.id or id_
        call.name = self._longer(call.name, name)
        if written and call.written.startswith("{") and written.startswith(call.written):
            call.written = written  # everything so far, again
        elif written and not (written.strip() in ("", "{}", "null") and call.complete):
            call.written += written

    def _meant(self, name: str, id_: str, index: int | None) -> _Call | None:
        """The call that a piece belongs to."""
        last = self._calls[-1] if self._calls else None
        if index is not None:
            return next((call for call in reversed(self._calls) if call.index == index), None)
        if id_:
            known = next((call for call in self._calls if call.id == id_), None)
            return known or (last if last and (not name or not last.id) else None)
        return last

    def _begins_anew(self, call: _Call, name: str, written: str, id_: str) -> bool:
        """Return whether a piece at the place of a call is another call: some servers give all the same index."""
        if not name or not (call.written or name != call.name):
            return False
        other = bool(id_ and call.id and id_ != call.id)
        if call.complete:
            return other or (written.lstrip().startswith("{") and not written.startswith(call.written))
        return other and not call.written and name in self._names and call.name in self._names and name != call.name

    def _longer(self, known: str, more: str) -> str:
        """A name with one more piece of it: the same again and one that grows add nothing twice."""
        if not more or more == known:
            return known
        if more.startswith(known):
            return more
        if known in self._names and known + more not in self._names:
            return known
        return known + more
