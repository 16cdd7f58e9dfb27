"""What a dialect is: how a checkpoint was taught to see its tools, to call them, and to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.messages import BaseMessage, InvalidToolCall, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of the model, taken apart."""

    content: str
    """What is outside the calls: the answer, or words beside a call."""
    thought: str = ""
    calls: tuple[ToolCall, ...] = ()
    """In our tools' names and arguments."""
    invalid: tuple[InvalidToolCall, ...] = ()
    """What was meant as a call but cannot be read as one; the error says how to write it."""


class Dialect(Protocol):
    """Between the loop, which knows our tools and messages, and a model's own conventions."""

    @property
    def name(self) -> str:
        """What it is loaded by."""
        ...

    @property
    def system(self) -> str | None:
        """The system prompt (our wording of the published conventions), or None for the loop's own."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings after which a reply is over; they are kept in it."""
        ...

    @property
    def cites(self) -> bool:
        """Whether its answers name media URIs; where not, what was last looked at stands for the evidence."""
        ...

    def tools(self, schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Our tools (OpenAI function schemas) under the names and arguments that the model was taught."""
        ...

    def tool_block(self, schemas: Sequence[dict[str, Any]]) -> str | None:
        """The tools as text for the system prompt; None where the model's chat template writes them.

        Where it is text, the template is to be given no tools, or they would stand there twice.
        """
        ...

    def read(self, text: str, messages: Sequence[BaseMessage]) -> Said:
        """Take a reply apart; `messages` are those before it (for what its arguments refer to)."""
        ...

    def write_call(self, name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage] = ()) -> str:
        """A call of one of our tools as the model would write it (for calls that a route makes, and for traces).

        `messages` are those before it; without them, what the model would refer to is written as our own tool's call.
        """
        ...

    def observation(self, text: str) -> tuple[str, str, str]:
        """How a tool's result is given back: the chat role, and what stands before and after text and pictures."""
        ...
