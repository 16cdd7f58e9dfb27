"""The shortest dialect: calls in `<tool_call>` tags, no schemas in the prompt, and the bare word as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from ..parsing.reply import take_apart
from .dialect import Said
from .hermes import USAGE, hermes_call
from .reply import said


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """Hermes without its words: for models that learn their tools by heart. Evidence is what was last looked at."""

    name: str = "short"
    system: str | None = None
    stop: tuple[str, ...] = ("</tool_call>",)
    cites: bool = False

    def tools(self, schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """None: the prompt stays short."""
        return []

    def tool_block(self, schemas: Sequence[dict[str, Any]]) -> str | None:
        """None."""
        return None

    def read(self, text: str, messages: Sequence[BaseMessage]) -> Said:
        """Take a reply apart."""
        return said(take_apart(text, "tool_call"), messages, lambda name, arguments: (name, arguments), USAGE)

    def write_call(self, name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage] = ()) -> str:
        """The call in tags."""
        return hermes_call(name, arguments)

    def write_answer(self, answer: str) -> str:
        """The answer, and nothing else."""
        return answer

    def observation(self, text: str) -> tuple[str, str, str]:
        """A message of the role `tool`."""
        return "tool", "", ""
