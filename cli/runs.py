"""`rewatch runs` and `rewatch clean`: what earlier runs have left, and getting rid of it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from ..memory import MemoryFolderError
from .settings.options import Json, Memory
from .settings.places import memory_folder, runs_folder
from .settings.run_files import remove_runs, runs_in
from .terminal.output import Console, confirmed, megabytes, plain, write_json

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
_UNITS = {"": 86400.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def runs(
    last: Annotated[int, typer.Option("--last", min=1, help="How many, the newest.")] = 20,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """List the runs that are kept beside the memory, with their sizes."""
    folder = runs_folder(memory_folder(memory))
    _require_memory(memory_folder(memory))
    found = runs_in(folder)
    if as_json:
        rows = [run.as_dict() for run in found]
        write_json({"schema": 1, "folder": plain(folder), "runs": rows})
        return
    console = Console()
    if not found:
        console.print(f"No run in {plain(folder)}.")
        return
    table = Table(box=None, pad_edge=False)
    narrow = console.width < 80  # the beginning of an id tells the time too
    for heading in ("run", *(() if narrow else ("asked",)), "state", "size", "question"):
        whole = heading != "question"  # an id that is broken cannot be copied
        side: Literal["left", "right"] = "right" if heading == "size" else "left"
        table.add_column(heading, overflow="fold", no_wrap=whole, justify=side)
    for run in found[-last:]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.touched))
        table.add_row(run.id, *(() if narrow else (when,)), run.state, megabytes(run.bytes), plain(run.question)[:80])
    console.print(table)
    total = megabytes(sum(run.bytes for run in found))
    console.print(f"{len(found)} runs, {total}. rewatch replay RUN shows one, rewatch clean removes old ones.")


def clean(
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Only these runs, by their ids.")] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", help="Runs that were last written so long ago: 30d, 12h, 2w; 0 for all [30d]."),
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep the newest so many, however old.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Remove traces, reports and stored steps of old runs. Videos, and what was found in them, stay."""
    if run and (older_than is not None or keep):
        raise typer.BadParameter("name runs, or say --older-than and --keep, not both.")
    seconds = _age("30d" if older_than is None else older_than)
    _require_memory(memory_folder(memory))
    folder = runs_folder(memory_folder(memory))
    found = runs_in(folder)
    console = Console(stderr=as_json)
    if run:
        there = {one.id: one for one in found}
        for id_ in run:
            if id_ not in there:
                raise typer.BadParameter(f"there is no run {plain(id_)} in {plain(folder)}; rewatch runs lists them.")
        chosen = [there[id_] for id_ in dict.fromkeys(run)]
    else:
        before = time.time() - seconds
        old = [one for one in found[: len(found) - keep] if one.touched <= before]
        chosen = [one for one in old if not one.going_on]
        if len(chosen) < len(old):
            going_on = len(old) - len(chosen)
            console.print(f"{going_on} without an answer were written in the last hour and may go on: kept.")
    size = sum(one.bytes for one in chosen)
    what = f"{len(chosen)} of {len(found)} runs, {megabytes(size)}"
    freed = 0
    if not chosen:
        console.print(f"Nothing to remove: {len(found)} runs are kept.")
    elif dry_run:
        console.print(f"would remove {what}")
    else:
        confirmed(f"Remove {what}, from {plain(folder)}?", yes)
        freed = remove_runs(folder, chosen)
        console.print(f"removed {len(chosen)} runs, {megabytes(freed)} freed")
    if as_json:
        ids = [one.id for one in chosen]
        write_json({"schema": 1, "runs": ids, "bytes": size, "freed": freed, "dry_run": dry_run})


def _age(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"--older-than {text!r} is no time: write 30d, 12h, 2w, or 0 for all.")
    return float(found[1]) * _UNITS[found[2]]


def _require_memory(folder: Path) -> None:
    if not folder.is_dir():
        raise MemoryFolderError(f"There is no memory at {folder}: add a video first, or give another folder.")
