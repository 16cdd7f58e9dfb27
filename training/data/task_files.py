"""Tasks in files: one JSON object a line, checked field by field; and as a `datasets.Dataset`.

A line is `{"schema": 1, "id": …, "question": …, "kind": …, "truth": {…}, …}` with the fields of `Task` and `Truth` by
their names; spans are `[start, end]` in seconds, boxes `[left, top, right, bottom]` as fractions, a track
`[[seconds, [left, top, right, bottom]], …]`. What has its default may be left out, `schema` included; a field that is
not known is a mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory import Box, Span
from ...memory.errors import RewatchError
from ...memory.files.regular import LARGEST_TASKS, read_text, replacing
from .task import Task, TaskError, Truth

if TYPE_CHECKING:
    from datasets import Dataset

SCHEMA = 1
"""Version of a line; it grows when a field changes its meaning or goes."""
_TEXTS = {"id", "question", "kind", "source", "answer", "video"}
_LISTS = {"videos", "options", "words"}
_NUMBERS = {"now", "weight", "difficulty", "tolerance"}


class TaskFileError(RewatchError):
    """A file of tasks that cannot be used."""


def as_row(task: Task) -> dict[str, Any]:
    """A task as JSON values, every field."""
    truth = task.truth
    return {
        "schema": SCHEMA,
        "id": task.id,
        "question": task.question,
        "kind": task.kind,
        "truth": {
            "answer": truth.answer,
            "video": truth.video,
            "spans": [[span.start, span.end] for span in truth.spans],
            "boxes": [list(box) for box in truth.boxes],
            "track": [[time, list(box)] for time, box in truth.track],
            "words": list(truth.words),
            "tolerance": truth.tolerance,
            "absent": truth.absent,
        },
        "videos": list(task.videos),
        "options": list(task.options),
        "now": task.now,
        "weight": task.weight,
        "source": task.source,
        "difficulty": task.difficulty,
        "meta": dict(task.meta),
    }


def from_row(row: Any) -> Task:
    """The task that `as_row` wrote, or a person did.

    Raises:
        TaskError: naming the first field that is wrong.
    """
    if not isinstance(row, Mapping):
        raise TaskError("line", f"is {_kind(row)}, write one JSON object a line")
    version = row.get("schema", SCHEMA)
    if version != SCHEMA:
        raise TaskError("schema", f"is {version!r}, this rewatch reads {SCHEMA}: write the file anew or update rewatch")
    values = {name: value for name, value in row.items() if name not in ("schema", "truth")}
    truth = row.get("truth")
    if not isinstance(truth, Mapping):
        raise TaskError("truth", f"is {_kind(truth)}, write an object with what is true")
    return Task(**_read(values, Task, "", {"truth"}), truth=Truth(**_read(truth, Truth, "truth.", set())))


def _read(row: Mapping[str, Any], into: type, prefix: str, given: set[str]) -> dict[str, Any]:
    """The fields of `into`, each of its type."""
    known = {f.name: f for f in fields(into) if f.name not in given}
    for name in row:
        if name not in known:
            raise TaskError(f"{prefix}{name}", f"is not known, write one of {', '.join(known)}")
    for name, f in known.items():
        if name not in row and f.default is MISSING and f.default_factory is MISSING:
            raise TaskError(f"{prefix}{name}", "is missing, write it")
    return {name: _value(name, value, prefix + name) for name, value in row.items()}


def _value(name: str, value: Any, field: str) -> Any:
    if name in _TEXTS:
        if not isinstance(value, str) and not (value is None and name in ("answer", "video")):
            raise TaskError(field, f"is {_kind(value)}, write a text")
        return value
    if name in _LISTS:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TaskError(field, f"is {_kind(value)}, write a list of texts")
        return tuple(value)
    if name in _NUMBERS:
        return None if value is None and name in ("now", "difficulty") else _number(value, field)
    if name == "absent":
        if not isinstance(value, bool):
            raise TaskError(field, f"is {_kind(value)}, write true or false")
        return value
    if name == "meta":
        if not isinstance(value, dict):
            raise TaskError(field, f"is {_kind(value)}, write an object")
        return value
    if not isinstance(value, list):
        raise TaskError(field, f"is {_kind(value)}, write a list")
    read = {"spans": _span, "boxes": _box, "track": _moment}[name]
    return tuple(read(item, f"{field}[{n}]") for n, item in enumerate(value))


def _number(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TaskError(field, f"is {_kind(value)}, write a number")
    return float(value)


def _span(value: Any, field: str) -> Span:
    if not isinstance(value, list) or len(value) != 2:
        raise TaskError(field, f"is {value!r}, write [start, end] in seconds")
    try:
        return Span(*(_number(part, field) for part in value))
    except ValueError:
        raise TaskError(field, f"is {value}, write finite seconds, the start first") from None


def _box(value: Any, field: str) -> Box:
    if not isinstance(value, list) or len(value) != 4:
        raise TaskError(field, f"is {value!r}, write [left, top, right, bottom] as fractions")
    return Box(*(_number(part, field) for part in value))


def _moment(value: Any, field: str) -> tuple[float, Box]:
    if not isinstance(value, list) or len(value) != 2:
        raise TaskError(field, f"is {value!r}, write [seconds, [left, top, right, bottom]]")
    return _number(value[0], field), _box(value[1], field)


_KIND = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


def _kind(value: Any) -> str:
    return "missing" if value is None else _KIND.get(type(value), type(value).__name__)


def _lines(path: str | Path, *, root: Path | None = None) -> Iterator[Task | str]:
    """Each task of a file, or what is wrong with its line. Empty lines are passed over."""
    seen: dict[str, int] = {}
    try:
        text = read_text(path, "utf-8-sig", LARGEST_TASKS)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise TaskFileError(
            f"The tasks {path} cannot be read ({reason}); give a file of one JSON object a line."
        ) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            task = from_row(json.loads(line))
            if task.id in seen:
                raise TaskError("id", f"{task.id!r} is that of line {seen[task.id]} too, give each task its own")
            seen[task.id] = number
            missing = [video for video in task.videos if root is not None and not (root / video).exists()]
            if missing:
                raise TaskError("videos", f"there is no {missing[0]} in {root}, put it there or leave the task out")
            yield task
        except json.JSONDecodeError as error:
            yield f"{path}, line {number}: line: is not JSON ({error.msg} at column {error.colno}), mend or remove it"
        except TaskError as error:
            yield f"{path}, line {number}: {error}"


def validate(path: str | Path, *, root: str | Path | None = None) -> list[str]:
    """What is wrong with a file of tasks: `FILE, line N: field: what, what to do`; empty if nothing is.

    Args:
        path: the file.
        root: a folder in which every video must be found; None does not look for them.

    Raises:
        TaskFileError: if it cannot be read at all.
    """
    folder = None if root is None else Path(root)
    return [found for found in _lines(path, root=folder) if isinstance(found, str)]


def read_tasks(path: str | Path) -> list[Task]:
    """The tasks of a file.

    Raises:
        TaskFileError: with the first problem, if there is one, and how many more there are; or if there are no tasks.
    """
    found = list(_lines(path))
    problems = [item for item in found if isinstance(item, str)]
    if problems:
        more = f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise TaskFileError(problems[0] + more)
    if not found:
        raise TaskFileError(f"{path} holds no tasks; write one JSON object a line.")
    return [item for item in found if isinstance(item, Task)]


def write_tasks(path: str | Path, tasks: Iterable[Task]) -> int:
    """Write tasks to a file, whole or not at all; how many there were.

    Raises:
        TaskFileError: if two have the same id, or `meta` holds what is no JSON.
    """
    seen: set[str] = set()
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for task in tasks:
            if task.id in seen:
                raise TaskFileError(f"Two tasks have the id {task.id!r}; give each its own.")
            seen.add(task.id)
            try:
                line = json.dumps(as_row(task), ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise TaskFileError(f"Task {task.id}: meta: is no JSON ({error}), put plain values there.") from None
            file.write(line + "\n")
    return len(seen)


def to_dataset(tasks: Iterable[Task]) -> Dataset:
    """The tasks as a `datasets.Dataset` of one schema; `meta`, which differs from task to task, is JSON text there."""
    from datasets import Dataset, Features, Value

    number, text = Value("float64"), Value("string")
    truth = {
        "answer": text,
        "video": text,
        "spans": [[number]],
        "boxes": [[number]],
        "track": [{"time": number, "box": [number]}],
        "words": [text],
        "tolerance": number,
        "absent": Value("bool"),
    }
    features = Features(
        {
            "schema": Value("int32"),
            **dict.fromkeys(("id", "question", "kind"), text),
            "truth": truth,
            "videos": [text],
            "options": [text],
            "now": number,
            "weight": number,
            "source": text,
            "difficulty": number,
            "meta": text,
        }
    )
    rows = []
    for task in tasks:
        row = as_row(task)
        row["truth"]["track"] = [{"time": time, "box": box} for time, box in row["truth"]["track"]]
        rows.append({**row, "meta": json.dumps(row["meta"], ensure_ascii=False, allow_nan=False)})
    return Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features=features)


def from_dataset(dataset: Dataset) -> list[Task]:
    """The tasks of a dataset that `to_dataset` made.

    Raises:
        TaskFileError: naming the row and field that is wrong.
    """
    tasks = []
    for number, row in enumerate(dataset):
        try:
            row = {**row, "meta": json.loads(row.get("meta") or "{}")}
            if isinstance(row.get("truth"), dict):
                track = [[moment["time"], moment["box"]] for moment in row["truth"].get("track") or []]
                row["truth"] = {**row["truth"], "track": track}
            tasks.append(from_row(row))
        except TaskError as error:
            raise TaskFileError(f"Row {number} of the dataset: {error}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise TaskFileError(f"Row {number} of the dataset is none that to_dataset made ({error}).") from None
    return tasks
