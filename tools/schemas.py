"""Tool schemas: those of others cleaned and bounded, and all of them as short as a prompt can have them.

What a tool of somebody else says of itself reaches a policy as instructions would. A server, or an installed package,
chooses names, descriptions, defaults and extensions freely. Of a JSON schema only the keywords that say how to write
arguments are kept; texts are defused and cut; names of arguments that are no names are replaced, and put back when the
call is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from .sanitize import defuse, named
from .tool import VideoTool

LONGEST_DESCRIPTION = 1500
"""Characters of what a tool says of itself."""
_ARGUMENT = 400  # characters of what it says of one argument
_MOST_ARGUMENTS = 64
_MOST_VALUES = 100  # of an enumeration
_MOST_PARTS = 400  # schemas inside one
_DEEPEST = 6
_WORD = re.compile(r"[^\w.$@-]+")
_PLAIN = re.compile(
    r"type|format|minimum|maximum|exclusiveMinimum|exclusiveMaximum|multipleOf|minLength|maxLength|minItems|maxItems|"
    r"uniqueItems|minProperties|maxProperties|nullable"
)
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NESTED = ("items", "additionalProperties", "not")
_BRIEF, _BRIEF_ARGUMENT = 60, 50  # characters of a description in a prompt
_NEED_NO_DESCRIPTION = frozenset({"start", "end", "labels"})
"""Arguments whose names say all, where a prompt says that times are seconds."""


def function_schema(item: BaseTool) -> dict[str, Any]:
    """Return a tool as an OpenAI function schema: as it is if it is made with `@tool`, else cleaned."""
    if isinstance(item, VideoTool):
        return convert_to_openai_tool(item)
    schema = item.tool_call_schema
    stated = schema if isinstance(schema, dict) else convert_to_openai_tool(item)["function"].get("parameters")
    cleaned, _ = clean_schema(stated or {})
    description = cut(defuse(item.description or ""), LONGEST_DESCRIPTION)
    return {"type": "function", "function": {"name": item.name, "description": description, "parameters": cleaned}}


def clean_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a JSON schema of arguments as a policy may read it, with references resolved.

    Returns:
        The schema, and for each argument that had to be renamed its name there and its own one.
    """
    parts = _Parts(schema)
    properties = schema.get("properties")
    names: dict[str, str] = {}
    kept: dict[str, Any] = {}
    for own, part in list(properties.items())[:_MOST_ARGUMENTS] if isinstance(properties, Mapping) else ():
        name = _name(str(own), {*kept, *names})
        kept[name] = parts.clean(part, _DEEPEST)
        if name != own:
            names[name] = str(own)
    back = {own: name for name, own in names.items()}
    names_of_required = [back.get(str(own), str(own)) for own in _list(schema.get("required"))]
    cleaned: dict[str, Any] = {"type": "object", "properties": kept}
    if required := [name for name in dict.fromkeys(names_of_required) if name in kept]:
        cleaned["required"] = required
    if "additionalProperties" in schema:
        cleaned["additionalProperties"] = parts.clean(schema["additionalProperties"], _DEEPEST)
    return cleaned, names


def cut(text: str, most: int) -> str:
    """`text`, or its beginning."""
    return text if len(text) <= most else text[:most] + " …"


def _name(own: str, taken: set[str]) -> str:
    name = _WORD.sub("_", named(own, 64)).strip("_") or "argument"
    stem, number = name, 2
    while name in taken:
        name, number = f"{stem[:60]}_{number}", number + 1
    return name


class _Parts:
    """Cleans the schemas inside a schema, without unknown keywords and what exceeds the bounds."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._remaining = _MOST_PARTS

    def clean(self, part: Any, depth: int) -> Any:
        if not isinstance(part, Mapping):
            return part if isinstance(part, bool) else {}
        self._remaining -= 1
        if depth == 0 or self._remaining < 0:
            return {}
        kept: dict[str, Any] = {}
        for key, value in part.items():
            if isinstance(key, str):
                kept |= self._keyword(key, value, depth)
        if "required" in kept and isinstance(kept.get("properties"), dict):
            kept["required"] = [name for name in kept["required"] if name in kept["properties"]]
        return kept

    def _keyword(self, key: str, value: Any, depth: int) -> dict[str, Any]:
        if key == "description":
            return {key: cut(defuse(str(value)), _ARGUMENT)}
        if key in ("enum", "examples"):
            values = [one for one in _list(value)[:_MOST_VALUES] if _harmless(one)]
            return {key: values} if values else {}
        if key in ("const", "default"):
            return {key: value} if _harmless(value) else {}
        if key == "pattern":
            return {key: value} if isinstance(value, str) and len(value) <= 200 and _harmless(value) else {}
        if key == "$ref":
            target = self.clean(self._referred(value), depth - 1)
            return target if isinstance(target, dict) else {}
        if key == "required":
            return {key: [name for name in _list(value) if isinstance(name, str) and _is_name(name)]}
        if key == "properties":
            return {key: self._named(value, depth)}
        if key in _LISTS:
            return {key: [self.clean(one, depth - 1) for one in _list(value)[:_MOST_VALUES]]}
        if key in _NESTED:
            return {key: self.clean(value, depth - 1)}
        return {key: value} if _PLAIN.fullmatch(key) and _is_plain(value) else {}

    def _named(self, parts: Any, depth: int) -> dict[str, Any]:
        """Clean named parts but those with names that are none, since nothing could put them back."""
        if not isinstance(parts, Mapping):
            return {}
        rows = [(key, part) for key, part in parts.items() if isinstance(key, str) and _is_name(key)]
        return {key: self.clean(part, depth - 1) for key, part in rows[:_MOST_ARGUMENTS]}

    def _referred(self, address: Any) -> Any:
        """Return the part at `#/$defs/Name`."""
        part: Any = self._schema
        for step in str(address)[:200].removeprefix("#/").split("/"):
            part = part.get(step) if isinstance(part, Mapping) else None
        return part


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 64 and _WORD.search(name) is None and named(name) == name


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= 40 and re.fullmatch(r"[\w-]+", value) is not None
    if isinstance(value, list):
        return len(value) <= 10 and all(isinstance(one, str) and _is_plain(one) for one in value)
    return value is None or isinstance(value, (bool, int, float))


def _harmless(value: Any) -> bool:
    """Return whether a value can be repeated as it is: it must be, to be of use."""
    if isinstance(value, str):
        return len(value) <= _ARGUMENT and "\n" not in value and defuse(value) == value
    if isinstance(value, Mapping):
        return len(value) <= 20 and all(_harmless(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple)):
        return len(value) <= 20 and all(map(_harmless, value))
    return value is None or isinstance(value, (bool, int, float))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def brief(schema: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the schema of one function with one short line for it and for each argument.

    Args:
        schema: as OpenAI's API takes it.
        without: arguments that are left out, where the schema does not require them.
    """
    function = schema["function"]
    shape = function.get("parameters") or {}
    required = [name for name in shape.get("required", ())]
    properties = {
        name: _argument(row, described=name not in _NEED_NO_DESCRIPTION)
        for name, row in (shape.get("properties") or {}).items()
        if name in required or name not in without
    }
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    description = _first(str(function.get("description") or ""), _BRIEF)
    made = {"name": function["name"], "description": description, "parameters": parameters}
    return {"type": "function", "function": made}


def _argument(row: Mapping[str, Any], *, described: bool) -> dict[str, Any]:
    """One argument without titles, defaults and what may be left out anyway."""
    kinds = [kind for kind in row.get("anyOf", ()) if kind.get("type") != "null"]
    source = kinds[0] if len(kinds) == 1 else row
    kept = {key: source[key] for key in ("type", "enum", "items") if key in source}
    if len(kinds) > 1:
        kept["anyOf"] = kinds
    description = _first(str(row.get("description") or ""), _BRIEF_ARGUMENT) if described else ""
    return {**kept, "description": description} if description else kept


def _first(text: str, longest: int) -> str:
    """The first sentence of a text; where that is too long, its beginning up to a colon, semicolon or comma."""
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".")
    for sign in (":", ";", ","):
        if len(sentence) <= longest:
            break
        sentence = sentence.partition(f"{sign} ")[0]
    return sentence if len(sentence) <= 2 * longest else sentence[: 2 * longest].rsplit(" ", 1)[0]
