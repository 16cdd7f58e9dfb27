"""One call of a served policy: what is asked for, and what it has used so far."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata

from ..turn import Turn
from ..usage import whole_number
from .chat_messages import text_tokens


@dataclass(slots=True, kw_only=True)
class ServedRequest:
    """One call of the policy."""

    messages: list[BaseMessage]
    stop: tuple[str, ...]
    turn: Turn | None
    tools: tuple[dict[str, Any], ...]
    tool_choice: Any
    max_tokens: int | None
    choices: tuple[str, ...]
    deadline: float | None
    given_up: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> ServedRequest:
        """What `BaseChatModel.invoke` hands over."""
        turn: Turn | None = kwargs.get("turn")
        seconds = turn.seconds if turn else None
        return cls(
            messages=messages,
            stop=tuple(stop or ()),
            turn=turn,
            tools=tuple(kwargs.get("tools") or ()),
            tool_choice=kwargs.get("tool_choice"),
            max_tokens=kwargs.get("max_tokens"),
            choices=tuple(kwargs.get("choices") or ()),
            # A little early, so that the caller hears why before it gives up by itself.
            deadline=None if seconds is None else time.monotonic() + 0.95 * seconds,
        )

    @property
    def tokens(self) -> int | None:
        """Tokens that prompt and reply may have together."""
        return self.turn.tokens if self.turn else None


@dataclass(slots=True)
class Used:
    """Tokens of all replies to one call, those that were no use included."""

    input: int = 0
    output: int = 0
    tries: int = 0
    estimated: bool = False

    def add(self, raw: AIMessage, prompt: int) -> None:
        """Count a reply, by its usage or else by estimate."""
        usage: Any = raw.usage_metadata or {}
        given, made = (whole_number(usage.get(key)) for key in ("input_tokens", "output_tokens"))
        self.tries += 1
        if -1 not in (given, made) and (given or 0) + (made or 0) > 0:
            self.input += given or 0
            self.output += made or 0
        else:
            self.estimated = True
            self.input += prompt
            written = "".join(json.dumps(c["args"], default=str) for c in raw.tool_calls)
            self.output += text_tokens(raw.text + written)

    def metadata(self) -> UsageMetadata:
        """As messages carry it."""
        return {"input_tokens": self.input, "output_tokens": self.output, "total_tokens": self.input + self.output}


def as_counted(messages: Sequence[BaseMessage]) -> float:
    """How many tokens the server counts for one that is estimated, by its last count."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.usage_metadata:
            estimated = message.response_metadata.get("estimated_input")
            if estimated:
                return float(min(max(message.usage_metadata["input_tokens"] / estimated, 0.25), 4.0))
    return 1.0
