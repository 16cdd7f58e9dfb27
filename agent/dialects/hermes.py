"""Hermes: tools and calls as in Nous Research's Hermes models and Qwen's chat templates; the loop's own dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from .dialect import Said
from .reply import call_json, said, take_apart

USAGE = 'Write <tool_call>{"name": "a tool", "arguments": {…}}</tool_call> with valid JSON.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Hermes:
    """Our tools by their own names, in `<tool_call>` tags; answers cite media URIs."""

    name: str = "hermes"
    system: str | None = None
    stop: tuple[str, ...] = ()
    """Nothing: several calls may stand in one reply."""
    cites: bool = True
    template_writes_tools: bool = True
    """Whether the model's chat template writes the tools; else they are put into the system prompt as text."""

    def tools(self, schemas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The schemas as they are."""
        return list(schemas)

    def tool_block(self, schemas: Sequence[dict[str, Any]]) -> str | None:
        """The tools as text, where no template writes them."""
        return None if self.template_writes_tools else hermes_block(schemas)

    def read(self, text: str, messages: Sequence[BaseMessage]) -> Said:
        """Take a reply apart."""
        return said(take_apart(text, "tool_call"), messages, lambda name, arguments: (name, arguments), USAGE)

    def write_call(self, name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage] = ()) -> str:
        """The call in tags."""
        return hermes_call(name, arguments)

    def observation(self, text: str) -> tuple[str, str, str]:
        """A message of the role `tool`."""
        return "tool", "", ""


def hermes_call(name: str, arguments: dict[str, Any]) -> str:
    """One call in tags, byte for byte as Qwen's chat templates write it."""
    return f"<tool_call>\n{call_json(name, arguments)}\n</tool_call>"


def hermes_block(schemas: Sequence[dict[str, Any]]) -> str:
    """The tools as text: one JSON schema a line between `<tools>` tags, and how to call them."""
    lines = "\n".join(json.dumps(schema, ensure_ascii=False) for schema in schemas)
    return (
        f"# Tools\n\nThese functions can be called:\n<tools>\n{lines}\n</tools>\n\n"
        "To call one, write its name and arguments as a JSON object between tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )
