"""Getting videos into a memory, with a progress bar."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ...memory import ClipMemory, Video, VideoRecord, clock, wall_clock
from ...memory import Progress as Step
from ...memory.files.names import printable
from ...memory.ingest.parts import Bound
from ...memory.sanitize import one_line
from ...memory.types import MAIN
from ..terminal.estimates import index_estimate
from ..terminal.output import Console, message
from .video_names import refuse_address

_NAMES = {"visual": "colours", "speech": "speech", "screen_text": "screen text", "objects": "objects"}


EVERY = 5.0
"""Seconds between two lines that say how far indexing is, where no bar can be drawn."""


def add_video(memory: ClipMemory, path: Path, console: Console, **settings: Any) -> VideoRecord:
    """Add one file, or go on with one that was begun; prints one line when there was something to do."""
    refuse_address(str(path))
    is_known = memory.knows(path)
    found = memory.found_detector(settings.get("channels") or settings.get("again"))
    if found is not None:
        line = f"objects  by {found}, which lies there; --channels visual,speech,screen_text goes without"
        console.print(Text(line, style="dim"), soft_wrap=True)
    part = settings.get("between") not in (None, "all")
    expected = None if part else index_estimate(memory, path, settings.get("channels"), _NAMES)
    if expected is not None:
        console.print(message("estimate", expected), soft_wrap=True)
    done: dict[str, tuple[int, int]] = {}
    last_line = [time.monotonic()]
    bar = Progress(
        TextColumn("indexing {task.fields[name]}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", name=printable(path.name), what="opening", total=None)

        def step(progress: Step) -> None:
            done[progress.channel] = (progress.done, progress.total)
            ready, total = (sum(column) for column in zip(*done.values(), strict=True))
            what = _NAMES.get(progress.channel, progress.channel)
            bar.update(task, completed=ready, total=total, what=f"{what} {clock(progress.span.end)}")
            if not console.is_terminal and time.monotonic() - last_line[0] >= EVERY:
                last_line[0] = time.monotonic()
                share = f"{ready / total:>4.0%}" if total else ""
                line = f"{printable(path.name)}  {share}  {what} {clock(progress.span.end)}"
                console.print(message("indexing", line), soft_wrap=True)

        record = memory.add(path, progress=step, **settings)
        took = bar.tasks[0].elapsed or 0.0
    if done:
        channels = " · ".join(_NAMES.get(c, c) for c in record.channels)
        name = one_line(record.name)
        length = clock(record.duration) if record.complete else str(memory.coverage(record.id))
        told_of = f"{name}  {length} in {took:.1f} s   {channels}   ({record.id})"
        console.print(Text(f"indexed  {told_of}"), soft_wrap=not console.is_terminal)
    if done or not is_known:
        for note in record.notes:
            console.print(message("note", note, "yellow"), soft_wrap=True)
        if record.recorded is not None and settings.keys().isdisjoint(("recorded", "timeline")):
            disagree = ";" in record.recorded_source
            style = "yellow" if disagree else ""
            console.print(message("recorded", recorded_in_words(record), style), soft_wrap=True)
    for failure in record.failures[:3]:
        console.print(message("warning", f"{failure.channel} {failure.span}: {failure.reason}", "yellow"))
    if len(record.failures) > 3:
        console.print(Text(f"warning  {len(record.failures) - 3} more pieces failed", style="yellow"))
    return record


def checked_recording(recorded: str | None, timeline: str | None) -> dict[str, str]:
    """Return the arguments of `ClipMemory.set_recording` that were given; wrong usage where they mean nothing."""
    from ...memory.ingest.dating import check_timeline, recording_given

    try:
        if recorded is not None:
            recording_given(recorded)
        if timeline is not None:
            check_timeline(timeline)
    except ValueError as error:
        raise typer.BadParameter(f"--{error}") from None
    return {name: value for name, value in (("recorded", recorded), ("timeline", timeline)) if value is not None}


def recorded_in_words(record: VideoRecord) -> str:
    """Say when a video was recorded, where that was read, and its timeline where it is not the main one."""
    place = "" if record.timeline == MAIN else f", timeline {record.timeline}"
    if record.recorded is None:
        return f"nobody knows when{place}"
    return f"{wall_clock(record.recorded, record.zone)}{place} ({record.recorded_source})"


def old_speech(records: Sequence[VideoRecord]) -> list[str]:
    """One line if speech was recognized worse than it could be now: how to listen again; else nothing."""
    from ...memory.speech.transcriber import outdated

    old = [record.name for record in records if outdated(record.channels.get("speech", ""))]
    if not old:
        return []
    which = old[0] if len(old) == 1 else f"{len(old)} videos"
    name = f" {shlex.quote(old[0])}" if len(old) == 1 else ""
    made = f"speech of {which} was made with PocketSphinx"
    return [f"{made}; rewatch index --again speech{name} listens again with Whisper"]


def unfinished(records: Sequence[VideoRecord], memory: ClipMemory) -> list[str]:
    """One line if videos are indexed in part, so that what isn't found may still be there; else nothing."""
    begun = [record for record in records if not record.complete]
    if not begun:
        return []
    if len(begun) > 1:
        going = "" if memory.is_written_elsewhere else "; rewatch index FILE goes on"
        return [f"{len(begun)} videos are indexed in part{going}"]
    (record,) = begun
    covered = f"{record.name} is indexed in part ({memory.coverage(record.id)})"
    if record.growing or memory.is_written_elsewhere:
        return [covered]
    source = memory.source_of(record.id)
    how = f"watch {shlex.quote(source)}" if source else f"index {shlex.quote(record.path or record.name)}"
    return [f"{covered}; rewatch {how} goes on"]


def part_bound(text: str | None) -> Bound:
    """A bound of a part as `ClipMemory.add` takes it: seconds, or a moment of the timeline as it is written."""
    from ...tools.times import parse_seconds

    if text is None:
        return None
    try:
        return parse_seconds(text)
    except ValueError:
        return text


def damage(path: Path) -> str | None:
    """One line on what is wrong with a file that could be indexed in part; None for a whole one."""
    with Video(path) as video:
        wrong = video.info.damage
    return f"{path}: {wrong}; indexed as far as it goes; copy it again for the rest" if wrong else None
