"""Hermes: tools and calls as in Nous Research's Hermes models and Qwen's chat templates; the loop's own format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .tool_format import Arguments, Schema, ToolFormat, call_json, tool_call

_SELF_EXPLAINING = frozenset({"start", "end", "time", "query", "find", "question", "text"})
_VALUES: dict[str, Any] = {"number": 12.5, "integer": 3, "boolean": True, "array": [], "object": {}}


def hermes_call(name: str, arguments: Arguments) -> str:
    """One call in tags."""
    return tool_call(call_json(name, arguments))


def hermes_block(schemas: Sequence[Schema]) -> str:
    """The tools as text: one signature a line, behind one worked example of a call."""
    lines = "\n".join(_signature(schema) for schema in schemas)
    return (
        "To look further, write one call like this, and nothing else:\n"
        f"{hermes_call(*_example(schemas))}\n"
        f"Tools (arguments with ? may be left out):\n{lines}"
    )


HERMES = ToolFormat(name="hermes", cites=True, answer_style="cited", thinks=False)
"""Our tools by their own names, in `<tool_call>` tags, several in one reply; answers cite media URIs."""
HERMES_TEXT = ToolFormat(name="hermes-text", cites=True, answer_style="cited", thinks=False, write_tools=hermes_block)
"""`hermes` for models whose chat template knows of no tools."""
QWEN3_VL = ToolFormat(name="qwen3-vl", cites=True, answer_style="cited", thinks=False, places="grid")
"""`hermes` with places on a grid of 0 to 1000."""
SHORT = ToolFormat(name="short", stop=("</tool_call>",), published={}, answer_form="{}")
"""The shortest format, for models that learn their tools by heart: no schemas, and the bare word as the answer."""


def _signature(schema: Schema) -> str:
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
    """Return what an argument takes, where its name does not say so."""
    kinds = [kind for kind in row.get("anyOf", ()) if kind.get("type") != "null"] or [row]
    choices = [str(choice) for kind in kinds for choice in kind.get("enum", ())]
    if choices:
        return f": {'|'.join(choices)}"
    if name in _SELF_EXPLAINING:
        return ""
    if any(kind.get("properties") for kind in kinds):
        return f": {json.dumps(row, ensure_ascii=False)}"
    return f": {'|'.join(dict.fromkeys(str(kind.get('type') or 'any') for kind in kinds))}"


def _example(schemas: Sequence[Schema]) -> tuple[str, Arguments]:
    """A call to show the form: a search where there is one, else the first tool's required arguments."""
    functions = {schema["function"]["name"]: schema["function"] for schema in schemas}
    if "search_clips" in functions:
        return "search_clips", {"query": "ticket price"}
    name, function = next(iter(functions.items()))
    shape = function.get("parameters") or {}
    properties = shape.get("properties") or {}
    return name, {key: _VALUES.get(str(properties.get(key, {}).get("type")), "…") for key in shape.get("required", ())}
