"""`rewatch merge`: put the memories of several processes or machines into one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..memory import merge_memories
from .settings.options import Json
from .terminal import resume_hint
from .terminal.output import Console, message, plain, write_json


def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The memory folder to put them into; made if need be.")],
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART...", help="Memory folders, such as those of rewatch index --shard.")
    ],
    as_json: Json = False,
) -> None:
    """Put memories into one. The parts stay as they are; the same command again adds what they have got since."""
    console = Console(stderr=as_json)
    resume_hint.note(["merge", str(out), *map(str, parts)])
    merged = merge_memories(
        out, parts, progress=lambda name: console.print(message("merged", name, "dim"), soft_wrap=True)
    )
    resume_hint.forget()
    for note in merged.notes:
        console.print(message("note", note, "yellow"), soft_wrap=True)
    counts = f"{len(merged.added)} videos added, {len(merged.filled)} completed, {len(merged.known)} known before"
    console.print(f"{plain(out)}: {counts}", soft_wrap=True)
    if as_json:
        write_json({"schema": 1, **asdict(merged)})
