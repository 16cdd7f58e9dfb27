"""`rewatch remove`: forget videos with everything that was found in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..memory import ClipMemory, VideoError, VideoRecord, clock
from .runs import Yes
from .settings.options import Json, Memory
from .settings.places import memory_folder, runs_folder
from .settings.run_files import remove_runs, runs_in
from .settings.video_names import named
from .terminal.output import Console, confirmed, megabytes, plain, write_json


def remove(
    videos: Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Names, ids or paths of indexed videos.")],
    yes: Yes = False,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Remove videos from the memory: texts, vectors, and runs about them alone. The video files stay."""
    folder = memory_folder(memory)
    ClipMemory(folder, read_only=True).close()  # a memory that is not there is not made
    with ClipMemory(folder) as clip_memory:
        records = list({record.id: record for record in (_named(clip_memory, word) for word in videos)}.values())
        runs = {record.id: [r for r in runs_in(runs_folder(folder)) if r.videos == (record.id,)] for record in records}
        names = ", ".join(f"{plain(record.name)} ({record.id}, {clock(record.duration)})" for record in records)
        many = sum(map(len, runs.values()))
        also = f", and {many} runs about {'it' if len(records) == 1 else 'them'}" if many else ""
        confirmed(f"Remove {names} from {plain(folder)}{also}?", yes)
        rows = []
        for record in records:
            freed = clip_memory.remove(record.id)
            freed += remove_runs(runs_folder(folder), runs[record.id])
            rows.append({"id": record.id, "name": plain(record.name), "freed": freed, "runs": len(runs[record.id])})
            what = f"removed  {plain(record.name)} ({record.id})  {megabytes(max(freed, 0))} freed"
            of_runs = f", {len(runs[record.id])} runs with it" if runs[record.id] else ""
            stays = f"; {plain(Path(record.path))} itself stays" if Path(record.path).exists() else ""
            Console(stderr=as_json).print(f"{what}{of_runs}{stays}", soft_wrap=True)
    if as_json:
        write_json({"schema": 1, "removed": rows})


def _named(memory: ClipMemory, word: str) -> VideoRecord:
    try:
        return named(memory, word)
    except VideoError:
        record = memory.known(word)  # under another name, or where it was when it was added
        if record is None:
            raise
        return record
