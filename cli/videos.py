"""`rewatch videos`: what the memory holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..memory import ClipMemory, VideoRecord, clock
from ..memory.sanitize import one_line
from ..memory.types import MAIN
from .settings.indexing import old_speech, recorded_in_words
from .settings.options import Json, Memory
from .settings.places import memory_folder
from .settings.video_names import named
from .terminal.output import Console, megabytes, message, write_json
from .terminal.rows import show_rows


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
        record = named(clip_memory, remove)
        freed = clip_memory.remove(record.id)
        console.print(message("forgot", f"{record.name} ({record.id}), {megabytes(max(freed, 0))} freed"))
    else:
        clip_memory = ClipMemory(folder, read_only=True)
    records = clip_memory.videos()
    if as_json:
        write_json({"schema": 1, "videos": [_row(clip_memory, r) for r in records]})
        return
    if not records:
        console.print(f"No video in {folder}. Add one: rewatch index FILE")
        return
    dated = any(r.recorded is not None or r.timeline != MAIN for r in records)
    headings = ("id", "name", "length", "state", *(["recorded"] if dated else []), "picture", "channels")
    rows = []
    for r in records:
        state = "complete"
        if not r.complete:
            known = f"known so far: {clip_memory.coverage(r.id)}"
            verb = "watch" if clip_memory.source_of(r.id) else "index"
            busy = r.growing or clip_memory.is_written_elsewhere
            state = known if busy else f"{known}; rewatch {verb} goes on"
        elif r.failures:
            state = f"{len(r.failures)} pieces failed: rewatch index --retry"
        picture = f"{r.width}x{r.height} {r.codec}"
        when = [recorded_in_words(r)] if dated else []
        rows.append((r.id, one_line(r.name), clock(r.duration), state, *when, picture, ", ".join(r.channels)))
    show_rows(console, headings, rows, whole=4)
    for line in old_speech(records):
        console.print(line, style="yellow", soft_wrap=True)


def _row(memory: ClipMemory, record: VideoRecord) -> dict[str, Any]:
    """Return a record as plain values, with its coverage where that is not all."""
    return asdict(record) | ({} if record.complete else {"coverage": memory.coverage(record.id).as_dict()})
