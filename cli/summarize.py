"""`rewatch summarize`: summaries of the hours, days and weeks of the memory's timelines."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.text import Text

from ..memory import ClipMemory, VideoError
from ..memory.sanitize import one_line
from ..memory.types import Summary
from .settings.agent import importing
from .settings.options import Json, Memory
from .settings.places import memory_folder
from .terminal.output import Console, write_json


def summarize(
    level: Annotated[Literal["hour", "day", "week"], typer.Option("--level", help="Which summaries to show.")] = "day",
    model: Annotated[
        str | None,
        typer.Option("--model", help="Have this language model write them (a name as for ask --policy)."),
    ] = None,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Show what each day (hour, week) holds over all dated videos; what is stale or missing is made first."""
    with ClipMemory(memory_folder(memory), read_only=True) as clip_memory:  # a memory that is not there is not made
        if not clip_memory.levels().calendars:
            raise VideoError(
                "Nobody knows when the videos of this memory were recorded: say it with rewatch index FILE --recorded "
                "2026-05-03T09:00, or show the chapters of one video with rewatch chapters."
            )
    with ClipMemory(memory_folder(memory)) as clip_memory:
        console = Console(stderr=True)

        def told(made: Summary) -> None:
            title = clip_memory.levels().calendars[made.timeline].title(made.level, made.span)
            console.print(f"made  {made.level} {title}", style="dim", soft_wrap=True)

        if model is None:
            clip_memory.summarize()
        else:
            with importing():
                from ..agent.models.summarizer import ModelSummarizer
            clip_memory.summarize(ModelSummarizer(model), progress=told)
        levels = clip_memory.levels()
        nodes = levels.summaries(level)
        if as_json:
            write_json({"schema": 1, "level": level, "summaries": [_row(node) for node in nodes]})
            return
        several = len({node.timeline for node in nodes}) > 1
        for node in nodes:
            title = levels.calendars[node.timeline].title(level, node.span)
            title += f", timeline {one_line(node.timeline)}" if several else ""
            Console().print(Text(title, style="bold"), soft_wrap=True)
            for line in node.text.splitlines() or ["nothing was said or shown"]:
                Console().print(Text(f"  {one_line(line)}"), soft_wrap=True)


def _row(node: Summary) -> dict[str, object]:
    return {
        "timeline": node.timeline, "start": node.start, "end": node.end, "zone": node.zone, "text": node.text,
        "maker": node.maker, "videos": [str(part) for part in node.parts],
    }  # fmt: skip
