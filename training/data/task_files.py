"""Tasks in files: one JSON object a line, checked field by field; and as a `datasets.Dataset`.

A line is `{"schema": 1, "id": …, "question": …, "kind": …, "truth": {…}, …}` with the fields of `Task` and `Truth` by
their names; spans are `[start, end]` in seconds, boxes `[left, top, right, bottom]` as fractions, a track
`[[seconds, [left, top, right, bottom]], …]`. What has its default may be left out, `schema` included; a field that is
not known is a mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from ...memory import Box, Span
from ...memory.errors import RewatchError
from ...memory.files.regular import replacing
from .json_lines import read_lines
from .task import Task, TaskError, Truth
from .validation import Problem, Section, first_problem, kind_of

if TYPE_CHECKING:
    from datasets import Dataset

SCHEMA = 1
"""Version of a line; it grows when a field changes its meaning or goes."""


def _numbers(value: Any, count: int, remedy: str) -> list[float]:
    right = isinstance(value, list) and len(value) == count
    if not right or any(isinstance(part, bool) or not isinstance(part, (int, float)) for part in value):
        raise PydanticCustomError("place", remedy)  # type: ignore[arg-type]
    return [float(part) for part in value]


def _span(value: Any) -> Span:
    start, end = _numbers(value, 2, "write [start, end] in seconds")
    try:
        return Span(start, end)
    except ValueError:
        raise PydanticCustomError("place", "write finite seconds, the start first") from None


def _box(value: Any) -> Box:
    return Box(*_numbers(value, 4, "write [left, top, right, bottom] as fractions"))


def _moment(value: Any) -> tuple[float, Box]:
    if not isinstance(value, list) or len(value) != 2:
        raise PydanticCustomError("place", "write [seconds, [left, top, right, bottom]]")
    return _numbers(value[:1], 1, "write [seconds, [left, top, right, bottom]]")[0], _box(value[1])


_Item = TypeVar("_Item")
_List = Annotated[tuple[_Item, ...], Field(strict=False)]
_Span = Annotated[Any, PlainValidator(_span)]
_Box = Annotated[Any, PlainValidator(_box)]
_Moment = Annotated[Any, PlainValidator(_moment)]


class TaskFileError(RewatchError):
    """A file of tasks that cannot be used."""


def as_row(task: Task) -> dict[str, Any]:
    """A task as JSON values, every field."""
    row = asdict(replace(task, meta={}))
    row["truth"]["spans"] = [[span.start, span.end] for span in task.truth.spans]
    return {"schema": SCHEMA, **row, "meta": dict(task.meta)}


def as_line(task: Task) -> str:
    """A task as a line of a file of tasks.

    Raises:
        TaskError: if it holds what no such file can.
    """
    try:
        line = json.dumps(as_row(task), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TaskError("meta", f"is no JSON ({error}), put plain values there") from None
    try:
        line.encode()
    except UnicodeEncodeError as error:
        half = f"{line[error.start]!a}"
        raise TaskError("text", f"holds half a character ({half}), which no text in UTF-8 can, mend it") from None
    return line


class _TruthRow(Section):
    answer: str | None = None
    video: str | None = None
    spans: _List[_Span] = ()
    boxes: _List[_Box] = ()
    track: _List[_Moment] = ()
    words: _List[str] = ()
    tolerance: float = 0.0
    absent: bool = False


class _TaskRow(Section):
    id: str
    question: str
    kind: str
    truth: _TruthRow
    videos: _List[str] = ()
    options: _List[str] = ()
    now: float | str | None = None
    weight: float = 1.0
    source: str = ""
    difficulty: float | None = None
    meta: dict[str, Any] = {}


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
    try:
        made = _TaskRow.model_validate({name: value for name, value in row.items() if name != "schema"})
    except ValidationError as error:
        raise _task_error(first_problem(error, _TaskRow)) from None
    truth = Truth(**dict(made.truth))
    return Task(**{**dict(made), "truth": truth})


def _task_error(problem: Problem) -> TaskError:
    if problem.type == "extra_forbidden":
        return TaskError(problem.key, f"is not known, write one of {', '.join(problem.allowed)}")
    if problem.type == "missing":
        return TaskError(
            problem.key, f"is missing, write {'an object with what is true' if problem.key == 'truth' else 'it'}"
        )
    if problem.key == "truth":
        return TaskError("truth", f"is {_kind(problem.value)}, write an object with what is true")
    if problem.type == "tuple_type" and problem.key.rpartition(".")[2] in ("videos", "options", "words"):
        return TaskError(problem.key, f"is {_kind(problem.value)}, write a list of texts")
    if problem.type == "place":
        return TaskError(problem.key, f"is {problem.value!r}, {problem.remedy}")
    return TaskError(problem.key, f"is {_kind(problem.value)}, {problem.remedy}")


def _kind(value: Any) -> str:
    return {"empty": "missing", "keys": "an object"}.get(kind_of(value), kind_of(value))


def _lines(path: str | Path, *, root: Path | None = None) -> Iterator[Task | str]:
    """Each task of a file, or what is wrong with its line."""
    lines: dict[str, int] = {}
    for number, task in read_lines(path, from_row, TaskFileError):
        if isinstance(task, Task):
            missing = [video for video in task.videos if root is not None and not (root / video).exists()]
            if task.id in lines:
                task = TaskError("id", f"{task.id!r} is that of line {lines[task.id]} too, give each task its own")
            elif missing:
                lines[task.id] = number
                task = TaskError("videos", f"there is no {missing[0]} in {root}, put it there or leave the task out")
            else:
                lines[task.id] = number
        yield task if isinstance(task, Task) else f"{path}, line {number}: {task}"


def validate(path: str | Path, *, root: str | Path | None = None) -> list[str]:
    """List the mistakes in a file of tasks: `FILE, line N: field: what, what to do`; empty if nothing is.

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
        TaskFileError: if two have the same id, or one holds what no file of tasks can.
    """
    lines: set[str] = set()
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for task in tasks:
            if task.id in lines:
                raise TaskFileError(f"Two tasks have the id {task.id!r}; give each its own.")
            lines.add(task.id)
            try:
                line = as_line(task)
            except TaskError as error:
                raise TaskFileError(f"Task {task.id}: {error}.") from None
            file.write(line + "\n")
    return len(lines)


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
    tasks = list(tasks)
    moments = any(isinstance(task.now, str) for task in tasks)
    features["now"] = text if moments else number  # a column has one type
    for task in tasks:
        row = as_row(task)
        row["now"] = str(row["now"]) if moments and row["now"] is not None else row["now"]
        row["truth"]["track"] = [{"time": time, "box": box} for time, box in row["truth"]["track"]]
        rows.append({**row, "meta": json.dumps(row["meta"], ensure_ascii=False, allow_nan=False)})
    return Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features=features)


def _now(value: Any) -> Any:
    """A number that stands as text beside moments of a timeline."""
    with suppress(TypeError, ValueError):
        return float(value)
    return value


def from_dataset(dataset: Dataset) -> list[Task]:
    """The tasks of a dataset that `to_dataset` made.

    Raises:
        TaskFileError: naming the row and field that is wrong.
    """
    tasks = []
    for number, row in enumerate(dataset):
        try:
            row = {**row, "meta": json.loads(row.get("meta") or "{}"), "now": _now(row.get("now"))}
            if isinstance(row.get("truth"), dict):
                track = [[moment["time"], moment["box"]] for moment in row["truth"].get("track") or []]
                row["truth"] = {**row["truth"], "track": track}
            tasks.append(from_row(row))
        except TaskError as error:
            raise TaskFileError(f"Row {number} of the dataset: {error}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise TaskFileError(f"Row {number} of the dataset is none that to_dataset made ({error}).") from None
    return tasks
