"""The rows of a released file with the line each stands on: a JSON array, JSON lines, a table, or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....memory.files.regular import LARGEST_TASKS, odd_kind, read_text
from ..task_files import TaskFileError

FORMS = ".json, .jsonl, .csv, .tsv or .parquet"
"""Endings of files that can be read, for messages."""
_DEEP = "nested too deeply"
_BLANK = " \t\r\n"
_TABLES = {".csv": ",", ".tsv": "\t"}


def rows_of(path: str | Path) -> Iterator[tuple[str, Any]]:
    """Each row with where it stands (`line 12`; `row 3` of a Parquet file).

    A row that is no JSON comes as the exception; in an array nothing behind it can be read.

    Raises:
        TaskFileError: if the file cannot be read, or is none of these.
    """
    file = Path(path)
    if kind := odd_kind(file):
        raise TaskFileError(f"{file} cannot be read ({kind}); give a {FORMS} file.")
    if file.suffix.lower() == ".parquet":
        yield from _parquet(file)
        return
    text = text_of_file(file)
    if file.suffix.lower() in _TABLES:
        yield from _table(text, file)
    else:
        yield from _array(text) if text.lstrip()[:1] == "[" else _json_lines(text)


def text_of_file(file: Path) -> str:
    """The text of a file of rows.

    Raises:
        TaskFileError: if it cannot be read.
    """
    try:
        return read_text(file, "utf-8-sig", LARGEST_TASKS)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise TaskFileError(f"{file} cannot be read ({reason}); give a {FORMS} file.") from None


def _table(text: str, file: Path) -> Iterator[tuple[str, Any]]:
    """The rows of a table whose first line names the columns; cells are texts, and empty ones are left out."""
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_TABLES[file.suffix.lower()])
    try:
        for row in rows:
            yield f"line {rows.line_num}", {name: cell for name, cell in row.items() if name and cell}
    except csv.Error as error:
        raise TaskFileError(f"{file}, line {rows.line_num} cannot be read ({error}); mend the table.") from None


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow.parquet

    try:
        parts = pyarrow.parquet.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise TaskFileError(f"{file} cannot be read as Parquet ({error}); download it again.") from None
    number = 0
    with parts:
        for batch in parts.iter_batches():
            for row in batch.to_pylist():
                yield f"row {number}", row
                number += 1


def _json_lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except ValueError as error:
                yield f"line {number}", error
            except RecursionError:
                yield f"line {number}", ValueError(_DEEP)


def _array(text: str) -> Iterator[tuple[str, Any]]:
    """The items of a JSON array one by one, so that each has its line."""
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        while at < len(text) and text[at] in _BLANK + ",":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            row, at = decoder.raw_decode(text, at)
        except ValueError as error:
            yield f"line {line}", error
            return
        except RecursionError:
            yield f"line {line}", ValueError(_DEEP)
            return
        yield f"line {line}", row
