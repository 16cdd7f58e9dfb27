"""A streamed reply put together: text, thoughts and calls, from servers that each cut them up in a way of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall

from .completions import MOST_CALLS


@dataclass(slots=True)
class _Call:
    """A call so far."""

    name: str
    written: str
    id: str
    index: int | None

    @property
    def complete(self) -> bool:
        """Whether its arguments are a whole object."""
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
        """Whether a piece at the place of a call is another call: some servers give all of them the same index."""
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
