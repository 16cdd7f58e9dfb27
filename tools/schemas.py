"""Tool schemas as short as they can be: what a policy reads in every prompt. Docstrings stay whole for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LONGEST, _LONGEST_ARGUMENT = 60, 50
_PLAIN = frozenset({"start", "end", "labels"})
"""Arguments whose names say all, where a prompt says that times are seconds."""
_KEPT = ("type", "enum", "items")


def brief(schema: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The schema of one function with one short line for it and for each argument.

    Args:
        schema: as OpenAI's API takes it.
        without: arguments that are left out, where the schema does not require them.
    """
    function = schema["function"]
    shape = function.get("parameters") or {}
    required = [name for name in shape.get("required", ())]
    properties = {
        name: _argument(row, told=name not in _PLAIN)
        for name, row in (shape.get("properties") or {}).items()
        if name in required or name not in without
    }
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    described = _first(str(function.get("description") or ""), _LONGEST)
    made = {"name": function["name"], "description": described, "parameters": parameters}
    return {"type": "function", "function": made}


def _argument(row: Mapping[str, Any], *, told: bool) -> dict[str, Any]:
    """One argument without titles, defaults and what may be left out anyway."""
    kinds = [kind for kind in row.get("anyOf", ()) if kind.get("type") != "null"]
    source = kinds[0] if len(kinds) == 1 else row
    kept = {key: source[key] for key in _KEPT if key in source}
    if len(kinds) > 1:
        kept["anyOf"] = kinds
    description = _first(str(row.get("description") or ""), _LONGEST_ARGUMENT) if told else ""
    return {**kept, "description": description} if description else kept


def _first(text: str, longest: int) -> str:
    """The first sentence of a text; where that is too long, its beginning up to a colon, semicolon or comma."""
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".")
    for sign in (":", ";", ","):
        if len(sentence) <= longest:
            break
        sentence = sentence.partition(f"{sign} ")[0]
    return sentence if len(sentence) <= 2 * longest else sentence[: 2 * longest].rsplit(" ", 1)[0]
