"""Reading stored steps back by a list of kinds: what else a file names is refused, never imported and never run.

LangGraph's own reader imports whatever module a stored step names and calls it. A memory may come from somebody else,
so here a name is only looked up in a table. What is written is LangGraph's format, so older runs can still be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ormsgpack
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt

from ...memory import MemoryFolderError

_MESSAGES: tuple[type[BaseMessage], ...] = (
    *(AIMessage, AIMessageChunk, ChatMessage, HumanMessage, HumanMessageChunk),
    *(SystemMessage, SystemMessageChunk, ToolMessage, ToolMessageChunk),
)
KINDS: dict[tuple[str, str], Callable[..., Any]] = {
    (kind.__module__, kind.__name__): kind for kind in (*_MESSAGES, Interrupt)
}
"""Everything that a stored step may be made of beside plain values, by module and name."""
_BY_KEYWORDS = (2, 5)  # LangGraph's numbers for values made of keyword arguments: data classes, pydantic models
_SNAPSHOT = 7  # … and for all messages so far
_DEPTH = 32  # of values within values; ours go three deep


class CheckpointError(MemoryFolderError):
    """The stored steps of a run cannot be read."""


class KnownKinds(JsonPlusSerializer):
    """Writes as LangGraph does; reads plain values, messages and interrupts, and nothing else."""

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the stored value; `CheckpointError` for kinds that are not in `KINDS`, and for damaged bytes."""
        how, content = data
        if how == "null":
            return None
        if how == "bytes":
            return bytes(content)
        if how != "msgpack":
            raise CheckpointError(f"it is written as {str(how)[:40]!r}, and only msgpack is read")
        return _unpacked(content)

    def with_msgpack_allowlist(self, extra_allowlist: Any) -> KnownKinds:
        """Itself: its list does not grow."""
        return self


def _unpacked(content: bytes) -> Any:
    refused: list[str] = []

    def hook(depth: int) -> Callable[[int, bytes], Any]:
        def decode_ext(code: int, inner: bytes) -> Any:
            try:
                return _decode(code, inner, depth)
            except Exception as error:  # ormsgpack hides the reason: it is kept here
                refused.append(f"{error}")
                raise

        return decode_ext

    def _decode(code: int, inner: bytes, depth: int) -> Any:
        if depth > _DEPTH:
            raise ValueError("it is nested too deeply")
        value = ormsgpack.unpackb(inner, ext_hook=hook(depth + 1), option=ormsgpack.OPT_NON_STR_KEYS)
        if code == _SNAPSHOT:
            return _DeltaSnapshot(value)
        module, name, arguments = value[:3]
        kind = KINDS.get((module, name)) if code in _BY_KEYWORDS else None
        if kind is None:
            raise ValueError(f"it asks for {str(module)[:60]}.{str(name)[:60]}, which no run of rewatch stores")
        return kind(**arguments)

    try:
        return ormsgpack.unpackb(content, ext_hook=hook(0), option=ormsgpack.OPT_NON_STR_KEYS)
    except Exception as error:  # damaged bytes make any constructor fail
        raise CheckpointError(" ".join((refused[0] if refused else f"damaged: {error}").split())[:300]) from None
