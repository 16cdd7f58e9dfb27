"""After an interruption: the one line that says how to go on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

_AGAIN = frozenset({"ask", "chapters", "demo", "index", "transcript"})
"""What goes on by itself where it stopped, when it is typed again: what was indexed is kept."""
_noted: list[Sequence[str]] = []


def note(words: Sequence[str]) -> None:
    """From here on, the command that goes on is this one (its words)."""
    _noted[:] = [words]


def note_run(run_id: str) -> None:
    """From here on, the question that was typed goes on with `--resume`."""
    typed = sys.argv[1:]
    note(typed if "--resume" in typed else [*typed, "--resume", run_id])


def forget() -> None:
    """Nothing is to be gone on with."""
    _noted.clear()


def how() -> str:
    """Return the words for an interruption."""
    words = _noted[0] if _noted else sys.argv[1:] if sys.argv[1:2] and sys.argv[1] in _AGAIN else None
    _noted.clear()
    if words is None:
        return "interrupted"
    return f"interrupted; what was stored is kept. To go on: {shlex.join(['rewatch', *words])}"
