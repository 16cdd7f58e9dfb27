"""What the readers of benchmarks have in common: rows with their places, and questions with options."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...memory import Span
from ...training.data.readers.rows import FORMS, rows_of, text_of_file
from ...training.data.task import Task, TaskError, Truth
from ...training.data.task_files import TaskFileError, as_line

Row = Mapping[str, Any]
Placed = tuple[str, Any]
"""Where a row stands (`FILE, line 3`), and the row, or what is wrong with it."""
_SUFFIXES = frozenset(FORMS.replace(",", "").replace("or ", "").split())


def placed_rows(path: Path) -> Iterator[Placed]:
    """The rows of a file, or of every such file of a folder, by name.

    Raises:
        TaskFileError: if the file cannot be read, or the folder holds none.
    """
    for file in files_of(path):
        for place, row in rows_of(file):
            yield f"{file}, {place}", row


def unfolded_rows(path: Path) -> Iterator[Placed]:
    """The rows of a file or folder; of a JSON file that is one object, those of its one list, or the values by id.

    Raises:
        TaskFileError: if it cannot be read.
    """
    rows = placed_rows(path)
    first = next(rows, None)
    second = next(rows, None)
    whole = None
    if path.suffix.lower() == ".json" and first is not None:
        if isinstance(first[1], ValueError):
            whole = document(path)
        elif second is None:
            whole = first[1]
    inner = _inside(whole, path) if isinstance(whole, Mapping) else []
    if inner:
        yield from inner
    else:
        yield from (one for one in (first, second) if one is not None)
        yield from rows


def _inside(whole: Row, path: Path) -> list[Placed]:
    """The rows that an object holds; none where it is a row itself."""
    lists = [value for value in whole.values() if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    if len(lists) == 1:
        return [(f"{path}, item {number}", row) for number, row in enumerate(lists[0])]
    if whole and all(isinstance(value, Mapping) for value in whole.values()):
        return [(f"{path}, {key}", {"id": key, **row}) for key, row in whole.items()]
    return []


def files_of(path: Path, suffixes: Iterable[str] = _SUFFIXES) -> list[Path]:
    """The file, or the files of a folder with one of these endings, by name.

    Raises:
        TaskFileError: if there are none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix.lower() in suffixes)
    if not found:
        raise TaskFileError(f"{path} holds no {', '.join(sorted(suffixes))} file; give the folder or file that does.")
    return found


def document(path: Path) -> Any:
    """The JSON value that a file is.

    Raises:
        TaskFileError: if it cannot be read, or is none.
    """
    try:
        return json.loads(text_of_file(path))
    except (ValueError, RecursionError) as error:
        raise TaskFileError(f"{path} is not JSON ({error}); mend it, or download it again.") from None


def tasks_from(rows: Iterable[Placed], make: Callable[[Row, str], Task | None]) -> Iterator[Task | TaskError]:
    """The task that `make` makes of each row and its place, or what is wrong with it; None leaves a row out."""
    for place, row in rows:
        if isinstance(row, ValueError):
            yield TaskError(place, f"is not JSON ({row}), mend or remove it")
        elif isinstance(row, TaskError):
            yield TaskError(place, str(row))
        elif not isinstance(row, Mapping):
            yield TaskError(place, f"is a {type(row).__name__}, an object is wanted")
        else:
            try:
                task = make(row, place)
                if task is not None:
                    as_line(task)  # what cannot be kept would end an evaluation before it begins
            except TaskError as error:
                yield TaskError(place, str(error))
            else:
                if task is not None:
                    yield task


def choice_task(
    *,
    id: str,
    question: str,
    options: Sequence[str],
    answer: str,
    video: str | Sequence[str],
    source: str,
    spans: Sequence[Span] = (),
    now: float | str | None = None,
    categories: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Task:
    """A question with options.

    Args:
        id: unique in the set.
        question: without the options.
        options: texts without letters.
        answer: letter of the right one; several with commas.
        video: its path as released, or those of several.
        source: name of the set.
        spans: times of the answer, where they are released.
        now: what may be seen.
        categories: by which the set breaks its figures down; empty values are left out.
        meta: what else the measures of the set need.

    Raises:
        TaskError: naming the field that is wrong.
    """
    known = {name: str(value) for name, value in (categories or {}).items() if value not in (None, "")}
    several = "," in answer
    return Task(
        id=id,
        question=question,
        kind="mcq",
        truth=Truth(answer=answer, spans=tuple(spans)),
        videos=(video,) if isinstance(video, str) else tuple(video),
        options=tuple(options),
        now=now,
        source=source,
        meta={
            **({} if several else {"chance": 1 / len(options)} if options else {}),
            **({"categories": known} if known else {}),
            **(meta or {}),
        },
    )
