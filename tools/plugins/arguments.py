"""Arguments for tools whose schema is JSON, as MCP servers and some LangChain tools have it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ..arguments import BadArguments


def fit(schema: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments fitted to a JSON schema: near misses of names, numbers and booleans written as text, nulls dropped.

    Raises:
        BadArguments: if a required one is missing or a number cannot be read; what else is wrong the tool will say.
    """
    wanted: Mapping[str, Any] = schema.get("properties") or {}
    fitted: dict[str, Any] = {}
    notes: list[str] = []
    for key, value in arguments.items():
        name = key if key in wanted else _near(key, [n for n in wanted if n not in arguments and n not in fitted])
        if name is None:
            if schema.get("additionalProperties"):
                fitted[key] = value
            else:
                notes.append(f"ignored {key}")
            continue
        if name != key:
            notes.append(f"read {key} as {name}")
        fitted[name] = _read(name, value, wanted[name])
    required = [str(name) for name in schema.get("required") or ()]
    fitted = {name: value for name, value in fitted.items() if value is not None or name in required}
    missing = [name for name in required if name not in fitted]
    if missing:
        raise BadArguments(f"{', '.join(missing)} must be given.")
    return fitted, notes


def _near(key: str, names: list[str]) -> str | None:
    bare = {_bare(name): name for name in names}
    close = difflib.get_close_matches(_bare(key), bare, n=1, cutoff=0.8)
    return bare[close[0]] if close else None


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _read(name: str, value: Any, schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(value, str) or kind not in ("integer", "number", "boolean"):
        return value
    text = value.strip().lower()
    if kind == "boolean":
        if text in ("true", "false"):
            return text == "true"
        raise BadArguments(f'{name}="{value}" is neither true nor false.')
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        raise BadArguments(
            f'{name}="{value}" is not {"a whole number" if kind == "integer" else "a number"}.'
        ) from None
