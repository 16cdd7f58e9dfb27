"""Small words that several verbs say: sizes, names of files, and whether to go on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer


def megabytes(count: int) -> str:
    """A number of bytes for people: `3.2 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def shown(text: str | Path) -> str:
    """A name for a terminal or for JSON: what is no character, or steers a terminal, is a question mark."""
    plain = os.fsencode(text).decode("utf-8", "replace") if isinstance(text, Path) else str(text)
    return "".join(c if c.isprintable() and not 0xD800 <= ord(c) < 0xE000 else "?" for c in plain)


def confirmed(question: str, yes: bool) -> None:
    """Ask, unless the answer was given beforehand.

    Raises:
        BadParameter: if nobody can be asked.
        Abort: if the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Nobody can be asked here: say --yes.")
    typer.confirm(question, abort=True, err=True)
