"""Hermes: tools and calls as in Nous Research's Hermes models and Qwen's chat templates; the loop's own dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from ..parsing.reply import take_apart
from .dialect import Said
from .reply import call_json, said

_PLAIN = frozenset({"start", "end", "time", "query", "find", "question", "text"})
_VALUES: dict[str, Any] = {"number": 12.5, "integer": 3, "boolean": True, "array": [], "object": {}}
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

    places: str = ""
    """In which numbers it was taught to write places in pictures (`Eyes.scale`); empty where that is not known."""

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
    """The tools as text: one signature a line, behind one worked example of a call."""
    lines = "\n".join(signature(schema) for schema in schemas)
    return (
        "To look further, write one call like this, and nothing else:\n"
        f"{hermes_call(*_example(schemas))}\n"
        f"Tools (arguments with ? may be left out):\n{lines}"
    )


def signature(schema: dict[str, Any]) -> str:
    """A schema as one line: `read_text(start, end?, find?): read the text on the screen`."""
    function = schema["function"]
    shape = function.get("parameters") or {}
    required = set(shape.get("required", ()))
    arguments = [
        f"{name}{'' if name in required else '?'}{_kind(name, row)}"
        for name, row in (shape.get("properties") or {}).items()
    ]
    described = " ".join(str(function.get("description") or "").split())
    return f"{function['name']}({', '.join(arguments)}): {described}"


def _kind(name: str, row: dict[str, Any]) -> str:
    """What an argument takes, where its name does not say so."""
    kinds = [kind for kind in row.get("anyOf", ()) if kind.get("type") != "null"] or [row]
    choices = [str(choice) for kind in kinds for choice in kind.get("enum", ())]
    if choices:
        return f": {'|'.join(choices)}"
    if name in _PLAIN:
        return ""
    types = "|".join(dict.fromkeys(str(kind.get("type") or "any") for kind in kinds))
    if any(kind.get("properties") for kind in kinds):
        return f": {json.dumps(row, ensure_ascii=False)}"
    return f": {types}"


def _example(schemas: Sequence[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A call to show the form: a search where there is one, else the first tool's required arguments."""
    functions = {schema["function"]["name"]: schema["function"] for schema in schemas}
    if "search_clips" in functions:
        return "search_clips", {"query": "ticket price"}
    name, function = next(iter(functions.items()))
    shape = function.get("parameters") or {}
    properties = shape.get("properties") or {}
    return name, {key: _VALUES.get(str(properties.get(key, {}).get("type")), "…") for key in shape.get("required", ())}
