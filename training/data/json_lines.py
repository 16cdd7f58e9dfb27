"""Files of one JSON object a line, as tasks and conversations are kept: read line by line, with what is wrong where."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ...memory.errors import RewatchError
from ...memory.files.regular import LARGEST_TASKS, read_text
from .task import TaskError

_Made = TypeVar("_Made")


def read_lines(
    path: str | Path, make: Callable[[Any], _Made], unreadable: type[RewatchError]
) -> Iterator[tuple[int, _Made | TaskError]]:
    """The number of each line, and what `make` makes of it, or its mistake; empty lines are passed over.

    Args:
        path: the file.
        make: makes something of the JSON value of a line; raises `TaskError` where it cannot.
        unreadable: the error for a file that cannot be read at all.
    """
    try:
        text = read_text(path, "utf-8-sig", LARGEST_TASKS)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise unreadable(f"{path} cannot be read ({reason}); give a file of one JSON object a line.") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, make(json.loads(line))
        except json.JSONDecodeError as error:
            yield number, TaskError("line", f"is not JSON ({error.msg} at column {error.colno}), mend or remove it")
        except RecursionError:
            yield number, TaskError("line", "is nested too deeply, mend or remove it")
        except TaskError as error:
            yield number, error
