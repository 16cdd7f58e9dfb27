"""`rewatch transcript`: what is said in a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from ..memory import clock
from .settings.agent import find_video, open_memory
from .settings.groups import IndexOptions, grouped
from .settings.indexing import add_video
from .settings.options import Memory
from .settings.places import memory_folder
from .settings.video_names import is_path
from .terminal.output import Console, write


@grouped
def transcript(
    video: Annotated[str, typer.Argument(help="A file, or the name or id of an indexed video.")],
    to: Annotated[
        Literal["srt", "vtt", "txt", "json"] | None,
        typer.Option("--to", help="A file on standard output, instead of lines to read."),
    ] = None,
    memory: Memory = None,
    indexing: IndexOptions = IndexOptions(),  # noqa: B008
) -> None:
    """Print what is said in a video, with times; it is indexed first where it is new."""
    steps = Console(stderr=True)
    settings = indexing.arguments()
    clip_memory = open_memory(memory_folder(memory), None, writable=is_path(video))
    record = find_video(clip_memory, video, steps, settings)
    if "speech" not in record.channels:
        record = add_video(clip_memory, Path(record.path), steps, **{**settings, "channels": ["speech"]})
    utterances = clip_memory.texts(record.id, channel="speech")
    if not utterances:
        why = "no speech was recognized in it" if record.has_audio else "it has no sound"
        steps.print(Text(f"{record.name}: {why}", style="yellow"))
    if to is not None:
        from ..memory.speech.transcript import transcript as format_transcript

        write(format_transcript(record, utterances, to))
        return
    table = Table.grid(padding=(0, 2))
    for text in utterances:
        speakers = [str(claim) for claim in clip_memory.people.speakers(record.id, text.span)]
        told = ("language",) if speakers else ("speaker", "language")
        marks = [*speakers, *(str(text.data[key]) for key in told if text.data.get(key))]
        table.add_row(Text(clock(text.start), style="dim", no_wrap=True), Text(text.text), Text(" ".join(marks), "dim"))
    Console().print(table)
