"""Whether a value keeps to a JSON schema, of which only that is read which `Filler` fills."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .prompt import PromptError

Resolve = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Follows the references of a schema."""
_DEEPEST = 100
_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": Mapping, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


def keeps_to(value: Any, schema: Any, resolve: Resolve, depth: int = 0) -> bool:
    """Return whether a value keeps to a schema that was found to be one.

    Raises:
        PromptError: if the references of the schema go in a circle.
    """
    if depth > _DEEPEST:
        raise PromptError("response_format: the schema never ends; its references go in a circle.")
    if isinstance(schema, bool):
        return schema

    def keeps(inner: Any, to: Any) -> bool:
        return keeps_to(inner, to, resolve, depth + 1)

    if "$ref" in schema and not keeps(value, resolve(schema)):
        return False
    if "const" in schema and not _equal(value, schema["const"]):
        return False
    if "enum" in schema and not any(_equal(value, one) for one in schema["enum"]):
        return False
    if "anyOf" in schema and not any(keeps(value, one) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(keeps(value, one) for one in schema["oneOf"]) != 1:
        return False
    kinds = schema.get("type", list(_KINDS))
    if not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return False
    if isinstance(value, Mapping):
        return _object_keeps(value, schema, keeps)
    if isinstance(value, list):
        return _list_keeps(value, schema, keeps)
    if isinstance(value, str):
        return _within(len(value), schema, "minLength", "maxLength")
    return _is(value, "boolean") or value is None or _number_keeps(value, schema)


def _object_keeps(value: Mapping[str, Any], schema: Mapping[str, Any], keeps: Callable[[Any, Any], bool]) -> bool:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    return (
        all(name in value for name in schema.get("required", ()))
        and _within(len(value), schema, "minProperties", "maxProperties")
        and all(keeps(one, properties.get(name, others)) for name, one in value.items())
    )


def _list_keeps(value: Sequence[Any], schema: Mapping[str, Any], keeps: Callable[[Any, Any], bool]) -> bool:
    first = schema.get("prefixItems", [])
    shapes = [*first, *[schema.get("items", True)] * max(0, len(value) - len(first))]
    return _within(len(value), schema, "minItems", "maxItems") and all(map(keeps, value, shapes))


def _number_keeps(value: float, schema: Mapping[str, Any]) -> bool:
    above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
    return _within(value, schema, "minimum", "maximum") and above < value < below


def _within(size: float, schema: Mapping[str, Any], least: str, most: str) -> bool:
    return bool(schema.get(least, -math.inf) <= size <= schema.get(most, math.inf))


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    whole = kind == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, _KINDS[kind])


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where `true` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
