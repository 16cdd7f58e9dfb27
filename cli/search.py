"""`rewatch search`: temporal retrieval, without an agent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from ..memory import (
    ClipMemory,
    Hit,
    MediaURI,
    Moment,
    Span,
    TimelineSpan,
    VideoRecord,
    resolve_now,
    wall_clock,
)
from ..memory.sanitize import one_line
from .settings.agent import importing
from .settings.groups import split_channels
from .settings.options import Json, Memory
from .settings.places import memory_folder
from .settings.video_names import named
from .terminal.output import Console, write_json


def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]...", help="Words that might be said, shown or seen.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Instead of words: clips that look like this image file or media URI.")
    ] = None,
    video: Annotated[list[str] | None, typer.Option("--video", help="Only this video (id or name); repeat.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Only after this time of the video (90, 1:30) or its timeline ('DAY1 09:30')."),
    ] = None,
    end: Annotated[str | None, typer.Option("--end", help="Only before this time, likewise.")] = None,
    channels: Annotated[str | None, typer.Option("--channels", help="Only these channels, comma separated.")] = None,
    level: Annotated[
        Literal["clip", "chapter", "hour", "day", "week"], typer.Option("--level", help="How long the spans are.")
    ] = "clip",
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many spans.")] = 8,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Find the spans that match words, over every video and channel of the memory."""
    query = " ".join(words or ())
    if bool(query.strip()) == (image is not None):
        raise typer.BadParameter("give either words or --image FILE.")
    clip_memory = ClipMemory(memory_folder(memory), read_only=True)
    asked = [named(clip_memory, v) for v in video] if video else None
    ids = None if asked is None else [record.id for record in asked]
    between = _between(start, end, clip_memory.videos() if asked is None else asked)
    hits = clip_memory.search(
        query if image is None else _picture(image),
        channels=split_channels(channels),
        videos=ids,
        between=between,
        level=level,
        k=k,
    )
    zones = {v.id: v.zone for v in clip_memory.videos()}
    if as_json:
        rows = [
            {
                "uri": hit.uri,
                "video": hit.video,
                "span": [hit.span.start, hit.span.end],
                "wall_clock": _wall_clock(hit, zones),
                "level": hit.level,
                **({} if hit.node is None else {"from": hit.node.start, "to": hit.node.end, "summary": hit.node.text}),
                "score": hit.score,
                "channels": hit.channels,
                "texts": [{"channel": t.channel, "span": [t.start, t.end], "text": t.text} for t in hit.texts],
            }
            for hit in hits
        ]
        write_json({"schema": 1, "query": query or image, "hits": rows})
        return
    console = Console()
    names = {v.id: v.name for v in clip_memory.videos()}
    calendars = clip_memory.levels(ids).calendars
    for hit in hits:
        when = _wall_clock(hit, zones)
        place = f"{one_line(names.get(hit.video, hit.video))}  {hit.span}" + (f"  {when[0]}" if when else "")
        if hit.node is not None:
            place = f"{calendars[hit.node.timeline].title(hit.level, hit.node.span)}  {place}"
        console.print(Text(place, style="bold"), Text(f"score {hit.score:.3f}", style="dim"))
        table = Table.grid(padding=(0, 2))
        for text in hit.texts[:3]:
            quoted = Text(f"“{' '.join(text.text.split())}”")
            table.add_row("", Text(str(text.span), no_wrap=True), text.channel, quoted)
        console.print(table)
    if not hits:
        console.print("Nothing matches. Try other words; `rewatch videos` lists what is indexed.", style="yellow")


def _between(start: str | None, end: str | None, records: Sequence[VideoRecord]) -> Span | TimelineSpan | None:
    """Return the span that --start and --end mean: seconds of each video, or moments of the timeline."""
    with importing():
        from ..tools.times import parse_seconds

    if start is None and end is None:
        return None
    try:
        return Span(max(parse_seconds(start or 0), 0.0), parse_seconds(end) if end else 1e9)
    except ValueError as error:
        problem = str(error)
    try:
        first, last = (None if text is None else resolve_now(text, records) for text in (start, end))
        if isinstance(first, Moment | None) and isinstance(last, Moment | None):
            timeline = (first or last or Moment(0.0)).timeline
            return TimelineSpan(first.seconds if first else -math.inf, last.seconds if last else math.inf, timeline)
    except ValueError as error:
        problem = str(error)
    how = "write seconds (90), a clock time (1:30), or both as moments ('DAY1 09:30')"
    raise typer.BadParameter(f"--start/--end: {problem.rstrip('.')}; {how}.")


def _wall_clock(hit: Hit, zones: Mapping[str, int | None]) -> list[str] | None:
    if hit.recorded is None:
        return None
    return [wall_clock(seconds, zones.get(hit.video)) for seconds in (hit.recorded.start, hit.recorded.end)]


def _picture(image: str) -> Path | MediaURI:
    if not image.startswith("video:"):
        return Path(image).expanduser()
    try:
        return MediaURI.parse(image)
    except ValueError as error:
        raise typer.BadParameter(f"--image: {error}") from None
