"""What a tool of somebody else says of itself reaches a policy as instructions would: it is cleaned, and bounded.

A server, or an installed package, chooses the names, descriptions, defaults and extensions of its schemas freely. Of a
JSON schema only the keywords that say how to write arguments are kept; texts are defused and cut; names of arguments
that are no names are replaced, and put back when the call is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from .tool import VideoTool
from .untrusted import defuse, named

LONGEST_DESCRIPTION = 1500
"""Characters of what a tool says of itself."""
_ARGUMENT = 400  # characters of what it says of one argument
_MOST_ARGUMENTS = 64
_MOST_VALUES = 100  # of an enumeration
_DEEPEST = 6
_WORD = re.compile(r"[^\w.$@-]+")
_PLAIN = re.compile(
    r"type|format|minimum|maximum|exclusiveMinimum|exclusiveMaximum|multipleOf|minLength|maxLength|minItems|maxItems|"
    r"uniqueItems|minProperties|maxProperties|nullable"
)
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NESTED = ("items", "additionalProperties", "not")


def described(item: BaseTool) -> dict[str, Any]:
    """A tool as an OpenAI function schema: as it is where it is made with `@tool`, else cleaned."""
    schema: dict[str, Any] = convert_to_openai_tool(item)
    if isinstance(item, VideoTool):
        return schema
    function = schema["function"]
    cleaned, _ = clean_schema(function.get("parameters") or {})
    description = defuse(str(function.get("description") or ""))
    told = {"name": function["name"], "description": cut(description, LONGEST_DESCRIPTION), "parameters": cleaned}
    return {"type": "function", "function": told}


def clean_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A JSON schema of an object's arguments as a policy may read it.

    Args:
        schema: as a tool states it.

    Returns:
        The schema, and for each argument that had to be renamed its name there and its own one.
    """
    properties = schema.get("properties")
    names: dict[str, str] = {}
    kept: dict[str, Any] = {}
    for own, part in list(properties.items())[:_MOST_ARGUMENTS] if isinstance(properties, Mapping) else ():
        name = _name(str(own), {*kept, *names})
        kept[name] = _part(part, _DEEPEST)
        if name != own:
            names[name] = str(own)
    back = {own: name for name, own in names.items()}
    wanted = [back.get(str(own), str(own)) for own in _list(schema.get("required"))]
    cleaned: dict[str, Any] = {"type": "object", "properties": kept}
    if required := [name for name in dict.fromkeys(wanted) if name in kept]:
        cleaned["required"] = required
    for key in ("$defs", "definitions"):
        if isinstance(schema.get(key), Mapping):
            cleaned[key] = _parts(schema[key], _DEEPEST)
    if "additionalProperties" in schema:
        cleaned["additionalProperties"] = _part(schema["additionalProperties"], _DEEPEST)
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


def _part(part: Any, left: int) -> Any:
    """A schema inside a schema: what is not known as a keyword is left out."""
    if not isinstance(part, Mapping):
        return part if isinstance(part, bool) else {}
    if left == 0:
        return {}
    kept: dict[str, Any] = {}
    for key, value in part.items():
        if not isinstance(key, str):
            continue
        if key == "description":
            kept[key] = cut(defuse(str(value)), _ARGUMENT)
        elif key in ("enum", "examples"):
            values = [one for one in _list(value)[:_MOST_VALUES] if _harmless(one)]
            kept |= {key: values} if values else {}
        elif key in ("const", "default"):
            kept |= {key: value} if _harmless(value) else {}
        elif key == "pattern":
            kept |= {key: value} if isinstance(value, str) and len(value) <= 200 and _harmless(value) else {}
        elif key == "$ref":
            kept |= {key: value} if isinstance(value, str) and re.fullmatch(r"#/[\w./$-]{1,200}", value) else {}
        elif key == "required":
            kept[key] = [name for name in _list(value) if isinstance(name, str) and _is_name(name)]
        elif key in ("properties", "$defs", "definitions"):
            kept[key] = _parts(value, left)
        elif key in _LISTS:
            kept[key] = [_part(one, left - 1) for one in _list(value)[:_MOST_VALUES]]
        elif key in _NESTED:
            kept[key] = _part(value, left - 1)
        elif _PLAIN.fullmatch(key) and _is_plain(value):
            kept[key] = value
    if "required" in kept and isinstance(kept.get("properties"), dict):
        kept["required"] = [name for name in kept["required"] if name in kept["properties"]]
    return kept


def _parts(parts: Any, left: int) -> dict[str, Any]:
    """Named schemas; those whose names are none are left out, since nothing could put them back."""
    if not isinstance(parts, Mapping):
        return {}
    rows = [(key, part) for key, part in parts.items() if isinstance(key, str) and _is_name(key)]
    return {key: _part(part, left - 1) for key, part in rows[:_MOST_ARGUMENTS]}


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 64 and _WORD.search(name) is None and named(name) == name


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= 40 and re.fullmatch(r"[\w-]+", value) is not None
    if isinstance(value, list):
        return len(value) <= 10 and all(isinstance(one, str) and _is_plain(one) for one in value)
    return value is None or isinstance(value, (bool, int, float))


def _harmless(value: Any) -> bool:
    """Whether a value can be repeated as it is: it must be, to be of use."""
    if isinstance(value, str):
        return len(value) <= _ARGUMENT and "\n" not in value and defuse(value) == value
    if isinstance(value, Mapping):
        return len(value) <= 20 and all(_harmless(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple)):
        return len(value) <= 20 and all(map(_harmless, value))
    return value is None or isinstance(value, (bool, int, float))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
