"""`rewatch videos`: what the memory holds."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..memory import ClipMemory, clock
from .indexing import old_speech
from .options import Json, Memory
from .places import memory_folder
from .saying import megabytes


def videos(
    remove: Annotated[
        str | None, typer.Option("--remove", help="Forget this video (id or name); the file stays.")
    ] = None,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """List the videos of the memory."""
    folder = memory_folder(memory)
    console = Console(stderr=as_json)
    if remove is not None:
        clip_memory = ClipMemory(folder)
        record = clip_memory.video(remove)
        freed = clip_memory.remove(record.id)
        console.print(
            f"forgot {record.name} ({record.id}), {megabytes(max(freed, 0))} freed", markup=False, highlight=False
        )
    else:
        clip_memory = ClipMemory(folder, read_only=True)
    records = clip_memory.videos()
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "videos": [asdict(r) for r in records]}, default=str) + "\n")
        return
    if not records:
        console.print(f"No video in {folder}. Add one: rewatch index FILE", markup=False, highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "length", "picture", "channels", "state"):
        table.add_column(heading, overflow="fold")
    for r in records:
        state = "complete" if r.complete else "unfinished: rewatch index goes on"
        if r.failures:
            state = f"{len(r.failures)} pieces failed: rewatch index --retry"
        table.add_row(r.id, r.name, clock(r.duration), f"{r.width}x{r.height} {r.codec}", ", ".join(r.channels), state)
    console.print(table, markup=False)
    for line in old_speech(records):
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
