"""Repair the arguments of a tool call: models write times, boxes and names in many ways."""

from __future__ import annotations

import difflib
import json
import math
import re
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from ..memory import Span
from .boxes import LONGEST_STRING, box_numbers, corners, side
from .errors import BadArguments
from .times import LONGEST_TIME, as_float, parse_seconds

_ALIASES = {
    "start": ("start_time", "begin", "from", "t_start", "time", "timestamp", "t", "start_s", "at"),
    "end": ("end_time", "to", "until", "stop", "t_end", "end_s"),
    "time": ("timestamp", "t", "at", "start", "start_time", "second", "seconds"),
    "query": ("q", "text", "question", "search", "keywords", "prompt"),
    "box": ("bbox", "region", "bounding_box", "rect", "bbox_2d", "area"),
    "k": ("top_k", "topk", "n", "limit", "num_results"),
    "fps": ("frame_rate", "rate"),
    "find": ("phrase", "word", "text", "query"),
}
_TIMES = {"time", "start", "end"}
_SPANS = ("span", "range", "interval", "time_range", "timespan", "time_span", "segment", "clip")
_WRAPPERS = ("arguments", "args", "input", "parameters", "params", "kwargs", "properties")
LARGEST = 10**9
"""Numbers beyond this are taken as this: none of ours means more, and native code has 32 bits."""
_DEEPEST = 20
_MOST_ITEMS = 1000
_MOST_NOTES = 8


def repair(schema: type[BaseModel], raw: Any, *, within: Span | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments as `schema` has them, and a note for each repair.

    Args:
        schema: the tool's argument model.
        raw: what the policy wrote: a mapping or a JSON string.
        within: span of the video (seconds) that `time`, `start` and `end` must lie in.
    """
    written, cleaned = tidy(as_mapping(raw))
    arguments, notes = _rename(schema.model_fields, _unwrap(schema, written))
    notes = [*cleaned, *notes]
    _split_spans(schema.model_fields, arguments, notes)
    for name, field in schema.model_fields.items():
        if name in arguments:
            arguments[name] = fit(name, field.annotation, arguments[name], notes)
    _fit_times(arguments, within, notes)
    try:
        model = schema.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"]) or "arguments"
        raise BadArguments(f"{where}: {first['msg'][:200]}.") from None
    except RecursionError:
        raise BadArguments("The arguments are nested too deeply.") from None
    if len(notes) > _MOST_NOTES:
        notes = [*notes[:_MOST_NOTES], f"and {len(notes) - _MOST_NOTES} more"]
    return {name: getattr(model, name) for name in schema.model_fields}, notes


def as_mapping(raw: Any) -> dict[str, Any]:
    """Return a call's arguments as a mapping: also from JSON text, and from JSON text of JSON text."""
    for _ in range(3):
        if not isinstance(raw, str):
            break
        if not raw.strip():
            return {}
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise BadArguments("The arguments are not JSON.") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise BadArguments(f"The arguments must be a JSON object, not {type(raw).__name__}.")
    return {str(key): value for key, value in raw.items()}


def tidy(arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Remove what no tool can use from arguments (halves of surrogate pairs, NULs, endless strings), with notes."""
    notes: list[str] = []
    try:
        tidied = {
            clean(key)[:200]: _tidied(value, clean(key)[:60], notes, _DEEPEST)
            for key, value in list(arguments.items())[:_MOST_ITEMS]
        }
    except RecursionError:
        raise BadArguments("The arguments are nested too deeply.") from None
    return tidied, list(dict.fromkeys(notes))


def _tidied(value: Any, name: str, notes: list[str], depth: int) -> Any:
    if isinstance(value, str):
        if len(value) > LONGEST_STRING:
            notes.append(f"{name} cut to {LONGEST_STRING} characters")
        return clean(value[:LONGEST_STRING])
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        notes.append(f"{name} is too large, taken as {LARGEST if value > 0 else -LARGEST}")
        return LARGEST if value > 0 else -LARGEST
    if isinstance(value, (dict, list, tuple)) and depth == 0:
        raise BadArguments("The arguments are nested too deeply.")
    if isinstance(value, dict):
        items = list(value.items())[:_MOST_ITEMS]
        return {clean(str(key))[:200]: _tidied(item, name, notes, depth - 1) for key, item in items}
    if isinstance(value, (list, tuple)):
        if len(value) > _MOST_ITEMS:
            notes.append(f"{name} cut to {_MOST_ITEMS} items")
        return [_tidied(item, name, notes, depth - 1) for item in value[:_MOST_ITEMS]]
    return value


def clean(text: str) -> str:
    """`text` without halves of surrogate pairs and NULs, which no file, database or tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _unwrap(schema: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments themselves where a policy has put all of them under one name."""
    if len(arguments) == 1:
        ((name, inner),) = arguments.items()
        if name.lower() in _WRAPPERS and name not in schema.model_fields:
            inner = _json_or_text(inner) if isinstance(inner, str) else inner
            if isinstance(inner, dict):
                return {str(key): value for key, value in inner.items()}
    return arguments


def _split_spans(fields: Collection[str], arguments: dict[str, Any], notes: list[str]) -> None:
    """A span that stands in `start` ("0:10-0:20", [10, 20]) goes into `start` and `end`."""
    if not ("start" in fields and "end" in fields and "start" in arguments):
        return
    pair = _pair(arguments["start"])
    if pair is None:
        return
    arguments["start"] = pair[0]
    if arguments.get("end") is None or _pair(arguments["end"]) is not None:
        arguments["end"] = pair[1]
    notes.append(f"read start as the span {pair[0]:g} to {pair[1]:g}")


def _pair(value: Any) -> tuple[float, float] | None:
    if isinstance(value, str):
        value = re.split(r"\s*(?:-->|->|–|—|\bto\b|,\s|;|(?<=[\d.s])\s*-)\s*", value[: 2 * LONGEST_TIME].strip("[]() "))
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    try:
        return parse_seconds(value[0]), parse_seconds(value[1])
    except (ValueError, TypeError):
        return None


def _rename(
    fields: Collection[str], raw: dict[str, Any], *, keep_unknown: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Map names that were nearly right; drop nulls and, unless they are kept, names that the tool does not know."""
    arguments = {k: v for k, v in raw.items() if k in fields and v is not None}
    notes: list[str] = []
    for key, value in raw.items():
        if key in fields or value is None:
            continue
        bare = re.sub(r"[^a-z0-9]+", "_", key.lower()[:200]).strip("_")
        open_names = [name for name in fields if name not in arguments]
        target = next((n for n in open_names if bare == n or bare in _ALIASES.get(n, ())), None)
        if bare in _SPANS and "start" in open_names and "end" in open_names:
            target = "start"  # `_split_spans` takes it apart
        if target is None:
            close = difflib.get_close_matches(bare[:60], open_names, n=1, cutoff=0.8)
            target = close[0] if close else None
        if target is not None:
            arguments[target] = value
            notes.append(f"read {key[:60]} as {target}")
        elif keep_unknown:
            arguments[key] = value
        else:
            notes.append(f"ignored {key[:60]}")
    return arguments, notes


def _fit_times(arguments: dict[str, Any], within: Span | None, notes: list[str]) -> None:
    """Swap a reversed span and clamp times into the video; a span wholly outside is an error."""
    times = {
        k: v for k, v in arguments.items() if k in _TIMES and isinstance(v, (int, float)) and not isinstance(v, bool)
    }
    if any(not math.isfinite(v) for v in times.values()):
        raise BadArguments("Times must be finite seconds.")
    if "start" in times and "end" in times and times["end"] < times["start"]:
        arguments["start"], arguments["end"] = times["end"], times["start"]
        times["start"], times["end"] = arguments["start"], arguments["end"]
        notes.append("swapped start and end")
    if within is None or not times:
        return
    if min(times.values()) > within.end or max(times.values()) < within.start - 1e-3:
        raise BadArguments(f"The video runs from {within.start:g} to {within.end:g} s; ask inside that.")
    for name, value in times.items():
        inside = min(max(value, within.start), within.end)
        if inside != value:
            arguments[name] = inside
            notes.append(f"{name} {value:g} set to {inside:g}, the video's bound")


def fit(name: str, annotation: Any, value: Any, notes: list[str]) -> Any:
    """Return a value in the type of the annotation, where it can be read so; else the value as it is."""
    kinds = _annotations(annotation)
    if isinstance(value, str) and type(None) in kinds and value.strip().lower() in ("", "null", "none"):
        return None
    choices = [choice for kind in kinds if typing.get_origin(kind) is Literal for choice in typing.get_args(kind)]
    if choices and isinstance(value, str):
        bare = value.strip().lower()
        return next((choice for choice in choices if str(choice).lower() == bare), value)
    items = next((kind for kind in kinds if typing.get_origin(kind) is list), None)
    if name == "box" and items is not None:
        try:
            return box_numbers(value)
        except ValueError as error:
            raise BadArguments(f"box: {error}; give [left, top, right, bottom] between 0 and 1.") from None
    if items is not None:
        of = _annotations((typing.get_args(items) or (Any,))[0])
        try:
            listed = _as_list(value, numbers=_numeric(of))
        except ValueError as error:
            raise BadArguments(f"{name}: {str(error)[:100]}. Write a list of numbers.") from None
        if isinstance(listed, list) and _numeric(of):
            return [_number(name, item, whole=float not in of, notes=notes) for item in listed]
        return listed
    if _numeric(kinds):
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        return _number(name, value, whole=float not in kinds, notes=notes)
    if str in kinds and not isinstance(value, str):
        return _as_words(value)
    if isinstance(value, str) and any(typing.get_origin(kind) is dict or kind is dict for kind in kinds):
        return _json_or_text(value)
    return value


def _number(name: str, value: Any, *, whole: bool, notes: list[str]) -> Any:
    """Return a finite number of a usable size; what is neither number nor text is left to the schema."""
    if isinstance(value, str):
        try:
            percent = value.strip()[:LONGEST_TIME].endswith("%")
            number = side(value) / 100 if percent else parse_seconds(value)
        except ValueError:
            raise BadArguments(f'{name}="{value[:40]}" is not a number of seconds.') from None
        if value.strip() != f"{number:g}":
            notes.append(f'read {name}="{value[:40]}" as {number:g}')
        value = number
    if isinstance(value, bool):
        raise BadArguments(f"{name}={value} is not a number.")
    if not isinstance(value, (int, float)):
        return value
    number = as_float(value)
    if math.isnan(number) or (math.isinf(number) and isinstance(value, float)):
        raise BadArguments(f"{name} must be a finite number.")
    if abs(number) > LARGEST:
        value = LARGEST if number > 0 else -LARGEST
        notes.append(f"{name} is too large, taken as {value}")
    if whole and not float(value).is_integer():
        notes.append(f"{name} {value:g} taken as {round(value)}")
    return round(value) if whole else value


def _as_list(value: Any, *, numbers: bool) -> Any:
    """A list from JSON text, from words or numbers with commas between them, or from a single one."""
    if isinstance(value, str):
        value = _json_or_text(value) if value.strip()[:1] in ("[", "{", '"') else value
    if isinstance(value, str):
        value = value.strip("[](){} ")
        parts = re.split(r"[,;\s]+" if numbers else r"\s*[,;\n]\s*", value)
        return [part for part in parts if part]
    if isinstance(value, dict) and numbers:
        return corners(value)
    return [value] if isinstance(value, (int, float)) else value


def _as_words(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(map(str, value))
    return value


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _annotations(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _annotations(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return {part for item in typing.get_args(annotation) for part in _annotations(item)}
    return {annotation}


def _numeric(kinds: set[Any]) -> bool:
    return bool(kinds & {int, float}) and str not in kinds


def fit_to_json_schema(schema: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Fit arguments to a JSON schema: near misses of names, numbers and booleans written as text, nulls dropped."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    required = [str(name) for name in schema.get("required") or ()]
    fitted, notes = _rename(properties, arguments, keep_unknown=bool(schema.get("additionalProperties")))
    _split_spans(properties, fitted, notes)
    fitted = {name: _read(name, value, properties.get(name)) for name, value in fitted.items()}
    fitted |= {name: None for name in required if name in arguments and arguments[name] is None}
    missing = [name for name in required if name not in fitted]
    if missing:
        raise BadArguments(f"{', '.join(missing)} must be given.")
    return fitted, notes


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
