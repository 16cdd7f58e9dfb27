"""Repairing the arguments of a tool call: models write times, boxes and names in many ways."""

from __future__ import annotations

import difflib
import json
import math
import re
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from ..memory import Box, Span

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_UNITS = re.compile(
    r"(?:(\d+(?:\.\d+)?)\s*h(?:ours?|rs?)?)?\s*(?:(\d+(?:\.\d+)?)\s*m(?:in(?:ute)?s?)?)?\s*"
    r"(?:(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?)?",
)
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


class BadArguments(Exception):
    """A tool call cannot be understood; the text tells the policy how to write it."""


def parse_seconds(value: Any) -> float:
    """Seconds from a number, `"12.5s"`, `"1m30s"`, `"00:01:30"`, `"1:30.5"` or `"t=90"`.

    Raises:
        ValueError: if `value` is none of these, or not finite.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(f"not a time: {value!r}")
    if isinstance(value, (int, float)):
        seconds = float(value)
    else:
        text = str(value).strip().lower().removeprefix("t=").strip("[]()\"' ")
        clock, units = _CLOCK.fullmatch(text), _UNITS.fullmatch(text)
        if clock:
            hours, minutes, rest = clock.groups()
            seconds = int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
        elif units and any(units.groups()):
            seconds = sum(float(part or 0) * scale for part, scale in zip(units.groups(), (3600, 60, 1), strict=True))
        else:
            seconds = float(text)
    if not math.isfinite(seconds):
        raise ValueError(f"not a time: {value!r}")
    return seconds


def parse_box(value: Any, width: int, height: int) -> Box:
    """A box as [0, 1] fractions from four numbers (fractions, percent, or pixels), a mapping, or a string.

    Values up to 1 are fractions, up to 100 percent, larger ones pixels of a `width` x `height` picture.

    Raises:
        ValueError: if it is not a box with a positive area inside the picture.
    """
    if isinstance(value, str):
        value = [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", value)]
    if isinstance(value, dict):
        keys = (("left", "top", "right", "bottom"), ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"))
        names = next((n for n in keys if all(k in value for k in n)), None)
        if names:
            value = [value[k] for k in names]
        elif all(k in value for k in ("x", "y", "width", "height")):
            value = [value["x"], value["y"], value["x"] + value["width"], value["y"] + value["height"]]
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        raise ValueError("a box is four numbers [left, top, right, bottom]")
    numbers = [float(part) for part in value]
    if not all(math.isfinite(n) for n in numbers):
        raise ValueError("a box needs finite numbers")
    if max(numbers) > 100:
        numbers = [n / side for n, side in zip(numbers, (width, height, width, height), strict=True)]
    elif max(numbers) > 1:
        numbers = [n / 100 for n in numbers]
    left, right = sorted((numbers[0], numbers[2]))
    top, bottom = sorted((numbers[1], numbers[3]))
    box = Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    if box.right - box.left < 1e-3 or box.bottom - box.top < 1e-3:
        raise ValueError("the box has no area inside the picture")
    return box


def repair(schema: type[BaseModel], raw: Any, *, within: Span | None = None) -> tuple[dict[str, Any], list[str]]:
    """Arguments as `schema` wants them, and a note for each repair.

    Args:
        schema: the tool's argument model.
        raw: what the policy wrote: a mapping or a JSON string.
        within: span of the video (seconds) that `time`, `start` and `end` must lie in.

    Raises:
        BadArguments: if something required is missing or cannot be read.
    """
    arguments, notes = _rename(schema, _as_mapping(raw))
    for name, field in schema.model_fields.items():
        if name in arguments and isinstance(arguments[name], str) and _is_number(field.annotation):
            try:
                value = parse_seconds(arguments[name])
            except ValueError:
                raise BadArguments(f'{name}="{arguments[name]}" is not a number of seconds.') from None
            if str(arguments[name]).strip() != f"{value:g}":
                notes.append(f'read {name}="{arguments[name]}" as {value:g}')
            arguments[name] = int(value) if _is_whole(field.annotation) else value
    _fit_times(arguments, within, notes)
    try:
        model = schema.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise BadArguments(f"{where}: {first['msg']}.") from None
    return {name: getattr(model, name) for name in schema.model_fields}, notes


def _as_mapping(raw: Any) -> dict[str, Any]:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except json.JSONDecodeError:
            raise BadArguments("The arguments are not JSON.") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise BadArguments(f"The arguments must be a JSON object, not {type(raw).__name__}.")
    return {str(key): value for key, value in raw.items()}


def _rename(schema: type[BaseModel], raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Map names that were nearly right; drop nulls and what the tool does not take."""
    wanted = schema.model_fields
    arguments = {k: v for k, v in raw.items() if k in wanted and v is not None}
    notes: list[str] = []
    for key, value in raw.items():
        if key in wanted or value is None:
            continue
        bare = re.sub(r"[^a-z0-9]+", "_", key.lower()).strip("_")
        open_names = [name for name in wanted if name not in arguments]
        target = next((n for n in open_names if bare == n or bare in _ALIASES.get(n, ())), None)
        if target is None:
            close = difflib.get_close_matches(bare, open_names, n=1, cutoff=0.8)
            target = close[0] if close else None
        if target is None:
            notes.append(f"ignored {key}")
        else:
            arguments[target] = value
            notes.append(f"read {key} as {target}")
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


def _annotations(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return {part for item in typing.get_args(annotation) for part in _annotations(item)}
    return {annotation}


def _is_number(annotation: Any) -> bool:
    kinds = _annotations(annotation)
    return bool(kinds & {int, float}) and str not in kinds


def _is_whole(annotation: Any) -> bool:
    kinds = _annotations(annotation)
    return int in kinds and float not in kinds
