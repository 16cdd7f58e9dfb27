"""The output of the command line: made harmless, in whatever the terminal can show, and never the end of a run."""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import sys
import time
import traceback
import unicodedata
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import platformdirs
import typer
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ...memory.files.names import printable
from ...memory.sanitize import as_json, one_line, sanitize

_ASCII = {"“": '"', "”": '"', "‘": "'", "’": "'", "·": "-", "–": "-", "—": "-", "…": "...", "×": "x", "→": "->",
          "‹": "<", "›": ">", "«": '"', "»": '"', "±": "+-", "█": "#", "━": "-", "╸": "-", "╺": "-"}  # fmt: skip
_unwritten: list[str] = []
"""Why output was lost, where it was: a full disk, but not a reader that has seen enough."""


class Console(RichConsole):
    """Prints what it is given as text: no markup is read in it, no escape sequence passes, no failure gets out.

    `print("[red]")` prints `[red]`: styles are given as `style=` or in a `Text`. A pipe that is closed at its other end
    (`| head`) takes no more; the run goes on.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"markup": False, "highlight": False, "emoji": False, **arguments})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See `rich`: every piece of text passes here before it is written."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(sanitize(text), style)

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: go on without printing."""
        self._give_up(BrokenPipeError())

    def _give_up(self, error: Exception) -> None:
        self.quiet = True
        del self._buffer[:]
        _lost(error, sys.stderr if self.stderr else sys.stdout)


def write(text: str) -> None:
    """Write to standard output as it is, and at once."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        _lost(error, sys.stdout)


def write_json(value: Any) -> None:
    """One JSON object on standard output, on one line."""
    plain = not (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").startswith("utf")
    write(as_json(value, ascii_only=plain) + "\n")


def say_error(message: str) -> None:
    """One line on standard error."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"error: {one_line(message)}\n")
        sys.stderr.flush()


def message(head: str, text: str, style: str = "") -> Text:
    """One line that begins with a word of ours; what follows cannot begin another."""
    return Text(f"{head:<8} {one_line(text)}", style=style)


def prepare() -> None:
    """Have all that a process writes pass here: output, warnings, log lines. Called before anything is written."""
    codecs.register_error("rewatch", _spelled_out)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # closed by whoever started us (>&-)
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the whole process
            with contextlib.suppress(OSError):
                os.dup2(getattr(sys, name).fileno(), number)
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            with contextlib.suppress(OSError, ValueError):
                reconfigure(errors="rewatch")
    warnings.showwarning = _warn
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_OneLine())


def finish(code: int) -> int:
    """The exit code, once everything is written: 1 where a done run could not tell its outcome."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            _lost(error, stream)
    if _unwritten and code == 0:
        say_error(f"the output could not be written ({_unwritten[0]}); what was found is kept in the memory's runs")
        code = 1
    _unwritten.clear()
    return code


def fault(error: BaseException) -> str:
    """One line on an error that nobody foresaw, and the file in which its traceback was put."""
    summary = f"{type(error).__name__}: {one_line(str(error), 300)}" if str(error) else type(error).__name__
    trace = "".join(traceback.format_exception(error))
    folder = Path(platformdirs.user_cache_dir("rewatch")) / "faults"
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{sys.argv!r}\n{trace}\n")
    except OSError:
        return f"{summary}; this is a fault of rewatch: {one_line(trace[-600:])}"
    if isinstance(error, OSError) and error.strerror:  # of the system, most likely
        where = f"{one_line(str(error.filename), 200)}: " if error.filename is not None else ""
        return f"{where}{error.strerror}; where that happened stands in {path}"
    return f"{summary}; this is a fault of rewatch, please report it: the traceback is in {path}"


def _lost(error: Exception, stream: TextIO) -> None:
    """Output that could not be written; the stream leads nowhere from here on."""
    if not isinstance(error, BrokenPipeError):
        _unwritten.append(getattr(error, "strerror", None) or type(error).__name__)
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _spelled_out(error: UnicodeError) -> tuple[str, int]:
    """Return what an encoding cannot show, in characters that every encoding has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    plain = (_ASCII.get(c) or unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() or "?" for c in part)
    return "".join(plain), error.end


def _warn(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)):
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"warning  {one_line(str(message), 1000)}\n")


class _OneLine(logging.Formatter):
    """A log record on one line of ours."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        why = f" ({fault(error)})" if error is not None else ""
        return f"{record.levelname.lower():<8} {one_line(record.getMessage(), 1000)}{why}"


def megabytes(count: int) -> str:
    """A number of bytes for people: `3.2 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def plain(text: str | Path) -> str:
    """A name for a terminal or for JSON, as one line of printable text."""
    return printable(str(text))


def confirmed(question: str, yes: bool) -> None:
    """Ask, unless the answer was given beforehand; wrong usage where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Nobody can be asked here: say --yes.")
    typer.confirm(question, abort=True, err=True)
