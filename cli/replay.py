"""`rewatch replay` and `rewatch report`: look at a run again, without models."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ..memory.registry import did_you_mean
from .settings.options import Memory
from .settings.places import memory_folder, runs_folder
from .terminal.output import Console, message

Run = Annotated[str | None, typer.Argument(metavar="[RUN]", help="A trace file or a run's id [default: the last run].")]


def replay(run: Run = None, memory: Memory = None) -> None:
    """Show a recorded run step by step, and check that its answer follows from what was recorded."""
    from ..agent.replay import replay as replay_trace
    from .terminal.console import show_answer, show_event

    path = find_trace(run, memory)
    result = replay_trace(path)
    console = Console()
    first = result.events[0]
    console.print(message("run", f"{first['run_id']}  “{first['question']['text']}”"))
    for event in result.events:
        show_event(console, event)
    if result.answer is None:
        console.print("The run was cut off before it had an answer.", style="yellow")
    else:
        names = {v["id"]: v["name"] for v in first["question"]["videos"]}
        show_answer(console, result.answer, names)
    for difference in result.differences:
        console.print(message("differs", difference, "red"))
    if result.differences:
        raise typer.Exit(1)


def report(
    run: Run = None,
    out: Annotated[Path | None, typer.Option("--out", help="The page to write [default: beside the trace].")] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    memory: Memory = None,
) -> None:
    """Write a run as one self-contained HTML page, and open it."""
    from ..agent.report import write_report

    path = find_trace(run, memory)
    page = write_report(path, out or path.with_suffix(".html"))
    Console().print(f"report   {page}", soft_wrap=True)
    if browser:
        webbrowser.open(page.resolve().as_uri())


def find_trace(run: str | None, memory: Path | None) -> Path:
    """The trace of a run: a file, an id in the memory's runs, or the newest of them."""
    from ..agent.trace import TraceError

    if run is not None and (Path(run).suffix == ".jsonl" or os.path.isfile(run)):
        return Path(run)
    folder = runs_folder(memory_folder(memory))
    traces = sorted(folder.glob("*.jsonl"), key=_written) if os.path.isdir(folder) else []
    if run is not None:
        begun = [path for path in traces if run and path.stem.startswith(run)]
        exact = [path for path in begun if path.stem == run]
        if len(exact or begun) == 1:
            return (exact or begun)[0]
        if begun:
            listed = ", ".join(path.stem for path in begun[:6])
            raise TraceError(f"{run!r} may be {listed}{' …' * (len(begun) > 6)}: write more of it.")
        near = did_you_mean([path.stem for path in traces], run)
        raise TraceError(f"No run {run!r} in {folder}; `ls {folder}` shows the runs, or give a .jsonl file.{near}")
    if not traces:
        raise TraceError(f'No run in {folder} yet; ask something first: rewatch ask FILE "What is said?"')
    return next((path for path in reversed(traces) if _has_event(path)), traces[-1])


def _has_event(path: Path) -> bool:
    """Return whether there is something in a trace: another process may have just started it, or have removed it."""
    from ..agent.trace import begun

    try:
        return begun(path)
    except OSError:
        return False


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it has gone meanwhile
        return 0.0
