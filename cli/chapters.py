"""`rewatch chapters`: the course of a video at a glance."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from ..memory import VideoRecord, clock
from ..memory.chapters import Chapter
from .settings.agent import find_video, open_memory
from .settings.groups import IndexOptions, grouped
from .settings.options import Json, Memory
from .settings.places import memory_folder
from .settings.video_names import is_path
from .terminal.output import Console, write_json


@grouped
def chapters(
    video: Annotated[str, typer.Argument(help="A file, or the name or id of an indexed video.")],
    level: Annotated[
        Literal["chapter", "hour", "day"],
        typer.Option("--level", help="How long the parts are: 10 minutes, an hour, a day."),
    ] = "chapter",
    memory: Memory = None,
    indexing: IndexOptions = IndexOptions(),  # noqa: B008
    as_json: Json = False,
) -> None:
    """Show the chapters of a video, with what is said and what is on the screen in each, in order.

    A video of one chapter is divided where the screen changes, or nobody speaks. It is indexed first where it is new.
    """
    from ..memory.chapters import chapters as divided

    settings = indexing.arguments()
    clip_memory = open_memory(memory_folder(memory), None, writable=is_path(video))
    record = find_video(clip_memory, video, Console(stderr=True), settings)
    parts = divided(clip_memory, record.id, level=level)
    if as_json:
        write_json(_as_dict(record, parts))
        return
    console = Console()
    for part in parts:
        console.print(Text(str(part.span), style="bold"))
        console.print(_table(part))


def _table(part: Chapter) -> Table:
    table = Table.grid(padding=(0, 2))
    rows = [(text.start, "speech", f"“{text.text}”") for text in part.speech]
    for start, texts in groupby(part.screen_text, key=lambda row: max(row.span.start, part.span.start)):
        rows.append((start, "screen", " · ".join(" ".join(row.text.split()) for row in texts)))
    for start, kind, text in sorted(rows):
        table.add_row("", Text(clock(start), style="dim", no_wrap=True), Text(kind), Text(text))
    if part.look and not rows:
        table.add_row("", "", "picture", Text(part.look, style="dim"))
    return table


def _as_dict(record: VideoRecord, parts: list[Chapter]) -> dict[str, Any]:
    rows = [
        {
            "span": [part.span.start, part.span.end],
            "said": [{"span": [text.start, text.end], "text": text.text} for text in part.speech],
            "shown": [{"span": [row.span.start, row.span.end], "text": row.text} for row in part.screen_text],
            "looks": part.look,
        }
        for part in parts
    ]
    return {"schema": 1, "video": {"id": record.id, "name": record.name}, "chapters": rows}
