"""Small words that several verbs say: sizes, names of files, and whether to go on."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from ...memory.files.names import printable


def megabytes(count: int) -> str:
    """A number of bytes for people: `3.2 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def shown(text: str | Path) -> str:
    """A name for a terminal or for JSON, as one line of printable text."""
    return printable(str(text))


def confirmed(question: str, yes: bool) -> None:
    """Ask, unless the answer was given beforehand; wrong usage where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Nobody can be asked here: say --yes.")
    typer.confirm(question, abort=True, err=True)
