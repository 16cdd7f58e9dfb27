"""JSON that a prompt or a request's `response_format` asks for: as a schema, and filled with what an answer has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .filler import Filler
from .prompt import PromptError, Value
from .roles import role_of

_KEY = re.compile(r"[\"'“”‘’]([A-Za-z_][\w .-]{0,40})[\"'“”‘’]\s*:\s*")
_KEYS = re.compile(
    r"\b(?:keys?|fields?|properties|attributes)\b[^\n\"'`“.]{0,40}"
    r"((?:[\"'`“][\w .-]{1,40}[\"'`”](?:\s*\([^()\n]{0,60}\))?[\s,]*(?:and\s+|or\s+)?){1,12})",
    re.IGNORECASE,
)
_PLAIN_KEY = r"[A-Za-z_]\w{1,30}(?:\s?\([^()\n]{0,60}\))?"
_PLAIN_KEYS = re.compile(
    rf"\b(?:keys?|fields?)\b(?::|\s(?:named|called))?\s((?:{_PLAIN_KEY}(?:\s?,\s?(?:and\s)?|\sand\s)){{1,11}}{_PLAIN_KEY})",
    re.I,
)
"""Keys without quotation marks: `the fields answer (text), start and end`."""
_LISTS = re.compile(
    r"\[\s?(?:\[[^\[\]\n]{1,80}\]|[\"'][^\[\]\n]{1,80}[\"'])\s?"
    r"(?:,[^\[\]]{0,20}(?:\[[^\[\]\n]{1,80}\][,\s.…]{0,9}){0,3})?\]"
)
"""An example of a JSON list: `["A", "C"]`, `[["start", "end"], …]`."""
_EACH = re.compile(r"\b(?:list|array|sequence)\s+of\b[^\[\]{}]{0,30}$", re.IGNORECASE)
_PAIR = re.compile(
    r"\s*<?(?:start|begin|t_?start|s)\w{0,12}>?\s*,\s*<?(?:end|t_?end|e)\w{0,12}>?\s*|"
    r"\s*\d+(?:\.\d+)?\s*,\s*\d+(?:\.\d+)?\s*",
    re.IGNORECASE,
)
"""Two bounds of a span, as an example shows them."""
ASKS_JSON = re.compile(r"\bjson\b|\b(?:as|return|output)\s+an?\s+(?:object|dictionary|dict)\b", re.IGNORECASE)
_REFUSED = frozenset(
    "allOf contains dependentRequired dependentSchemas else format if multipleOf not pattern patternProperties "
    "propertyNames then unevaluatedItems unevaluatedProperties uniqueItems".split()
)
_WANTED: dict[str, type | tuple[type, ...]] = {
    "properties": Mapping, "$defs": Mapping, "definitions": Mapping, "anyOf": list, "oneOf": list, "prefixItems": list,
    "enum": list, "required": list, "type": (str, list), "$ref": str, "minItems": int, "maxItems": int,
    "minLength": int, "maxLength": int, "minProperties": int, "maxProperties": int,
    "minimum": (int, float), "maximum": (int, float), "exclusiveMinimum": (int, float),
    "exclusiveMaximum": (int, float),
}  # fmt: skip
_COUNTS = ("minItems", "minLength")
_MOST = 1000
"""Items or characters that a schema may demand."""
_GUESSED = {
    "confidence": "number", "number": "number", "abstained": "boolean",
    "span": "array", "evidence": "array",
}  # fmt: skip
_TYPES = frozenset(("object", "array", "string", "number", "integer", "boolean", "null"))
_DEEPEST, _DEEPEST_SCHEMA = 12, 40


def json_form(text: str, response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The schema of the JSON that is asked for by a request's `response_format` or in its words; None where none is.

    Raises:
        PromptError: if the schema is none, or has what cannot be kept to.
    """
    kind = (response_format or {}).get("type", "text")
    if kind == "json_schema":
        named = (response_format or {}).get("json_schema")
        schema = named.get("schema") if isinstance(named, Mapping) else None
        if not isinstance(schema, Mapping):
            raise PromptError("response_format: json_schema.schema is missing or no object; give a JSON schema.")
        _check(schema, 0)
        Filler(schema, {}).whole()  # one that nothing keeps to is refused here
        return schema
    if kind not in ("text", "json_object"):
        raise PromptError(f"response_format: there is no type {kind!r}; give text, json_object or json_schema.")
    if kind == "json_object" or ASKS_JSON.search(text):
        found = _in_words(text)
        if found is not None:
            return found
    if kind == "json_object":
        return _object({"answer": {"type": "string"}})
    return None


def plain_object(value: Value) -> Mapping[str, Any]:
    """The schema of JSON that is asked for without saying more, for what is to be told."""
    keys = {"span": ("start", "end"), "spans": ("start", "end"), "time": ("time",), "box": ("box",), "boxes": ("box",)}
    found = _object({key: _guessed(key) for key in keys.get(value, ("answer",))})
    return {"type": "array", "items": found} if value in ("spans", "boxes") else found


def example_in(text: str) -> tuple[int, int] | None:
    """Where the example of a JSON object begins and ends that a prompt shows; None where it shows none."""
    for opening in [m.start() for m in re.finditer(r"[\[{]", text)][:40]:
        end = _closing(text, opening)
        if end is not None and _KEY.search(text, opening, end):
            return opening, end + 1
    return None


def _in_words(text: str) -> Mapping[str, Any] | None:
    """The schema of an example of JSON in a prompt, or of the keys that it names."""
    example = example_in(text)
    if example:
        shape = _shape(text[slice(*example)])
        each = _EACH.search(text[max(0, example[0] - 40) : example[0]])
        return {"type": "array", "items": shape} if each and shape.get("type") == "object" else shape
    listed = _LISTS.search(text)
    if listed:
        return _shape(listed[0])
    named = _KEYS.search(text)
    if named:
        keys = re.findall(r"[\"'`“]([\w .-]{1,40})[\"'`”]", named[1])
        return _object({key: _guessed(key) for key in keys})
    plain = _PLAIN_KEYS.search(text)
    if plain:
        keys = re.findall(r"[A-Za-z_]\w+", re.sub(r"\([^()]*\)|\band\b", " ", plain[1]))
        return _object({key: _guessed(key) for key in keys})
    found = list(dict.fromkeys(_KEY.findall(text)))
    return _object({key: _guessed(key) for key in found}) if found else None


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for at in range(opening, min(len(text), opening + 4000)):
        depth += text[at] in "[{"
        depth -= text[at] in "]}"
        if depth == 0:
            return at
    return None


def _shape(written: str, depth: int = 0) -> dict[str, Any]:
    """The schema of a value that a prompt shows, placeholders and all."""
    written = written.strip()
    while written.startswith("{{") and written.endswith("}}"):
        written = written[1:-1].strip()
    if written.startswith("{") and depth < _DEEPEST:
        properties: dict[str, Any] = {}
        at = 0
        while key := _KEY.search(written, at):
            at = _value_end(written, key.end())
            properties[key[1]] = _typed(key[1], _shape(written[key.end() : at], depth + 1))
        return _object(properties)
    if written.startswith("[") and depth < _DEEPEST:
        inside = written[1:-1] if written.endswith("]") else written[1:]
        if _PAIR.fullmatch(inside):
            return {"type": "array", "items": {"type": "number"} if inside.strip()[0].isdigit() else {}, "maxItems": 2}
        first = inside[: _value_end(inside, 0)].strip()
        return {"type": "array", "items": _shape(first, depth + 1)} if first else {"type": "array"}
    if re.fullmatch(r"(?:true|false|<?bool(?:ean)?>?|true\s*[/|]\s*false)\W*", written, re.IGNORECASE):
        return {"type": "boolean"}
    if re.match(r"[<{(]?\s*(?:-?\d|float|int\b|integer|number|seconds)", written, re.IGNORECASE):
        return {"type": "number"}
    return {"type": "string"} if written[:1] in "\"'“‘" else {}


def _value_end(text: str, at: int) -> int:
    """Where the value ends that begins at `at`: at the comma, bracket or line end outside of brackets and quotes."""
    depth, quote = 0, ""
    for place in range(at, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and depth == 0 and text[at:place].strip() == "":
            quote = sign
        elif sign in "[{(<":
            depth += 1
        elif sign in "]})>":
            if depth == 0:
                return place
            depth -= 1
        elif sign == "," and depth == 0:
            return place
    return len(text)


def _typed(key: str, shape: dict[str, Any]) -> dict[str, Any]:
    return shape or _guessed(key)


def _guessed(key: str) -> dict[str, Any]:
    """The type that a key without an example asks for."""
    role = role_of(key)
    if role == "box":
        return {"type": "array", "items": {"type": "number"}}
    return {} if role in ("start", "end", "time") else {"type": _GUESSED.get(role, "string")}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _check(schema: Any, depth: int) -> None:
    """Raise `PromptError` for a schema that is none, or has what cannot be kept to."""
    if depth > _DEEPEST_SCHEMA:
        raise PromptError("response_format: the schema is nested too deeply.")
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise PromptError(f"response_format: {str(schema)[:40]!r} stands in the schema where a schema is wanted.")
    for name, value in schema.items():
        wanted = _WANTED.get(name)
        if name in _REFUSED:
            raise PromptError(f"response_format: the schema uses {name!r}, which cannot be kept to; leave it out.")
        if wanted and (not isinstance(value, wanted) or (isinstance(value, list) and not value and name != "required")):
            raise PromptError(f"response_format: {name} is {str(value)[:40]!r}, which it cannot be in a schema.")
        if name in _COUNTS and not 0 <= value <= _MOST:
            raise PromptError(f"response_format: {name} is {value}; give 0 to {_MOST}.")
        if name in ("properties", "$defs", "definitions"):
            for one in value.values():
                _check(one, depth + 1)
        elif name in ("anyOf", "oneOf", "prefixItems"):
            for one in value:
                _check(one, depth + 1)
        elif name in ("items", "additionalProperties"):
            _check(value, depth + 1)
    kinds = schema.get("type", "string")
    unknown = set(kinds if isinstance(kinds, list) else [kinds]) - _TYPES
    if unknown:
        raise PromptError(f"response_format: there is no type {sorted(map(str, unknown))[0]!r} in JSON.")
