"""Files that people write, checked by pydantic: the first mistake in plain words, with what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

_REMEDIES = {
    "int_type": "write a whole number",
    "float_type": "write a number",
    "string_type": "write a text",
    "bool_type": "write true or false",
    "dict_type": "write keys with values",
    "tuple_type": "write a list",
}
_KINDS: dict[type, str] = {
    bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "keys",
    type(None): "empty",
}  # fmt: skip
SCALARS = frozenset({"int_type", "float_type", "string_type", "bool_type"})


class Section(BaseModel):
    """A part of a file: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mistake in a file."""

    key: str
    """Where, as `tasks.levels[0]`."""
    type: str
    """Pydantic's name of it."""
    value: Any
    allowed: tuple[str, ...]
    """The keys that there are at this place, for a key that is unknown or not given keys."""
    remedy: str
    """Words that say what to write instead."""


def first_problem(error: ValidationError, model: type[BaseModel], *prefix: str) -> Problem:
    """The first mistake: an unknown key before what is missing in its place.

    Args:
        error: of `model`.
        model: a `Section`.
        prefix: the keys that lead to it.
    """
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    path, kind = first["loc"], first["type"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (*prefix, *path))
    allowed: list[str] = []
    remedy = _REMEDIES.get(kind, "write it" if kind == "missing" else first["msg"])
    if kind == "extra_forbidden":
        allowed = _keys_at(model, path[:-1])
    elif kind == "model_type":
        allowed = _keys_at(model, path)
        remedy = f"write its keys: {', '.join(allowed)}"
    elif kind == "literal_error":
        remedy = "write " + first["ctx"]["expected"].replace("'", "").replace(", ", " or ")
    return Problem(key=key.removeprefix("."), type=kind, value=first["input"], allowed=tuple(allowed), remedy=remedy)


def _keys_at(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys of the section at a place; names in mappings and places in lists are passed over."""
    for part in path:
        if part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            model = next((one for one in _flat(annotation) if hasattr(one, "model_fields")), model)
    return list(model.model_fields)


def _flat(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _flat(inner)


def unknown(name: str, known: Iterable[str]) -> str:
    """The words for a key that is not known, with the nearest of those that are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    listed = names if len(names) <= 24 else [*difflib.get_close_matches(name, names, 8, 0.3), "…"]
    return f"is not known; {meant}Allowed: {', '.join(listed)}."


def kind_of(value: Any) -> str:
    """A value of YAML or JSON in words."""
    return _KINDS.get(type(value), type(value).__name__)
