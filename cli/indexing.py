"""Getting videos into a memory, with a progress bar."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..memory import CHANNELS, OBJECTS, ClipMemory, Video, VideoError, VideoRecord, clock
from ..memory import Progress as Step
from ..memory.names import shown
from .estimates import index_estimate

_NAMES = {"visual": "colours", "speech": "speech", "screen_text": "screen text", "objects": "objects"}


def add_video(memory: ClipMemory, path: Path, console: Console, **settings: Any) -> VideoRecord:
    """Add one file, or go on with one that was begun; prints one line when there was something to do."""
    if str(path).startswith(("http:/", "https:/")):
        raise VideoError(
            f"{path} is an address, not a file; download it first, for example with yt-dlp, and name the file."
        )
    known = memory.knows(path)
    found = memory.found_detector(settings.get("channels") or settings.get("again"))
    if found is not None:
        line = f"objects  by {found}, which lies there; --channels visual,speech,screen_text goes without"
        console.print(Text(line, style="dim"), soft_wrap=True)
    expected = index_estimate(memory, path, settings.get("channels"), _NAMES)
    if expected is not None:
        console.print(Text(f"estimate {expected}"), soft_wrap=True)
    done: dict[str, tuple[int, int]] = {}
    bar = Progress(
        TextColumn("indexing {task.fields[name]}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", name=shown(path.name), what="opening", total=None)

        def step(progress: Step) -> None:
            done[progress.channel] = (progress.done, progress.total)
            ready, total = (sum(column) for column in zip(*done.values(), strict=True))
            what = _NAMES.get(progress.channel, progress.channel)
            bar.update(task, completed=ready, total=total, what=f"{what} {clock(progress.span.end)}")

        record = memory.add(path, progress=step, **settings)
        took = bar.tasks[0].elapsed or 0.0
    if done:
        channels = " · ".join(_NAMES.get(c, c) for c in record.channels)
        line = f"indexed  {record.name}  {clock(record.duration)} in {took:.1f} s   {channels}   ({record.id})"
        console.print(Text(line))
    if done or not known:
        for note in record.notes:
            console.print(Text(f"note     {note}", style="yellow"), soft_wrap=True)
    for failure in record.failures[:3]:
        console.print(Text(f"warning  {failure.channel} {failure.span}: {failure.reason}", style="yellow"))
    if len(record.failures) > 3:
        console.print(Text(f"warning  {len(record.failures) - 3} more pieces failed", style="yellow"))
    return record


def old_speech(records: Sequence[VideoRecord]) -> list[str]:
    """One line if speech was recognized worse than it could be now: how to listen again; else nothing."""
    from ..memory.speech import outdated

    old = [record.name for record in records if outdated(record.channels.get("speech", ""))]
    if not old:
        return []
    which = old[0] if len(old) == 1 else f"{len(old)} videos"
    name = f" {shlex.quote(old[0])}" if len(old) == 1 else ""
    return [
        f"speech of {which} was made with PocketSphinx; rewatch index --again speech{name} listens again with Whisper"
    ]


def damage(path: Path) -> str | None:
    """One line on what is wrong with a file that could be indexed in part; None for a whole one."""
    with Video(path) as video:
        return (
            f"{path}: {video.info.damage}; indexed as far as it goes; copy it again for the rest"
            if video.info.damage
            else None
        )


def split_channels(text: str | None) -> Sequence[str] | None:
    """`speech,screen_text` as a list; None stays None.

    Raises:
        BadParameter: if there is no such channel.
    """
    if text is None:
        return None
    names = [part.strip() for part in text.split(",") if part.strip()]
    known = (*CHANNELS, OBJECTS)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise typer.BadParameter(f"no channel {', '.join(unknown) or text!r}; there are {', '.join(known)}.")
    return names
