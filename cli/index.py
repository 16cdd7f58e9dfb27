"""`rewatch index`: get videos into the memory."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..memory import ClipMemory, MemoryFolderError, RewatchError, VideoError, VideoRecord
from ..memory.cluster.ray_pool import RayCluster
from ..memory.cluster.shards import Shard
from ..memory.files.video_files import PassedOver, find_videos, is_maybe, is_pattern
from ..memory.ingest.parts import Bound
from .settings.groups import IndexOptions, MachineOptions, grouped, split_channels
from .settings.indexing import (
    add_video,
    checked_recording,
    damage,
    old_speech,
    part_bound,
    recorded_in_words,
    unfinished,
)
from .settings.options import Detector, Json, Memory, finite
from .settings.people import PeopleOptions
from .settings.places import memory_folder
from .settings.video_names import named
from .terminal.output import Console, message, plain, write_json

_LISTED = 30
"""Files that were passed over and are listed one by one."""


@grouped
def index(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Video files, folders (with all that lies in them) or patterns ('trip/**/*.mp4'); with --again also "
            "names or ids of indexed videos [default: all of them]."
        ),
    ] = None,
    memory: Memory = None,
    indexing: IndexOptions = IndexOptions(),  # noqa: B008
    machines: MachineOptions = MachineOptions(),  # noqa: B008
    clip_seconds: Annotated[
        float | None, typer.Option("--clip-seconds", min=1.0, callback=finite, help="Length of a clip [default: 10].")
    ] = None,
    clips: Annotated[
        Literal["fixed", "shots"] | None, typer.Option("--clips", help="Fixed windows, or shots [default: fixed].")
    ] = None,
    detector: Detector = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed last time.")] = False,
    again: Annotated[
        str | None,
        typer.Option(
            "--again", help="Channels to make anew, comma separated: speech after a better model has come, for example."
        ),
    ] = None,
    people: PeopleOptions = PeopleOptions(),  # noqa: B008
    only: Annotated[
        str | None, typer.Option("--glob", help="Of folders, only files whose names or paths match: '*.mp4'.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Index only what lies after this time of the video (754, 12:34, 1:02:00; 2026-05-03T09:10 where it is "
            "known when it was recorded). Other parts can be added later.",
        ),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Index only what lies before this time.")] = None,
    recorded: Annotated[
        str | None,
        typer.Option(
            "--recorded",
            help="When the recording began: 2026-05-03T09:00+02:00, 'DAY1 11:09:30', or none; also of an indexed "
            "video, by name or id [default: as its name or its metadata say].",
        ),
    ] = None,
    timeline: Annotated[
        str | None, typer.Option("--timeline", help="The timeline that the videos share a clock on [default: main].")
    ] = None,
    as_json: Json = False,
) -> None:
    """Index videos, or go on where an interrupted run stopped. A file that fails does not stop the others."""
    console = Console(stderr=as_json)
    if not files and again is None:
        raise typer.BadParameter("name a video file to index: rewatch index FILE.")
    if indexing.subtitles is not None and len(files or ()) != 1:
        raise typer.BadParameter("--subtitles goes with one video; index the others without it.")
    if recorded is not None and len(files or ()) != 1:
        raise typer.BadParameter("--recorded goes with one video; index the others without it.")
    when = checked_recording(recorded, timeline)
    settings: dict[str, Any] = {
        **indexing.arguments(),
        "clip_seconds": clip_seconds,
        "clips": clips,
        "retry": retry or None,
        "again": split_channels(again),
        "between": _between(since, until, again),
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    people.check()
    folder = memory_folder(memory)
    clip_memory = ClipMemory(folder, detector=detector, vector_index=machines.vector_index)
    paths = list(files or ())
    if when and len(paths) == 1 and not os.path.exists(paths[0]) and not again and not is_pattern(paths[0]):
        record = clip_memory.set_recording(named(clip_memory, str(paths[0])).id, **when)
        _tell_recording(record, console)
        if as_json:
            write_json({"schema": 1, "videos": [asdict(record)]})
        return
    settings |= when
    if again:  # also by name or id
        paths = [path if os.path.exists(path) else Path(named(clip_memory, str(path)).path) for path in paths]
    files_in, passed_over = _expanded(paths, only, folder)
    if recorded is not None and len(files_in) != 1:
        raise typer.BadParameter("--recorded goes with one video; index the others without it.")
    if again and not files:
        files_in = [(Path(record.path), True) for record in clip_memory.videos() if record.path]
    if machines.shard is not None:
        mine = set(Shard.parse(machines.shard).files([path for path, _ in files_in]))
        console.print(f"shard {plain(machines.shard)}: {len(mine)} of {len(files_in)} files", style="dim")
        files_in = [(path, by_name) for path, by_name in files_in if path in mine]
    records: list[VideoRecord] = []
    rows: list[dict[str, Any]] = []
    with nullcontext() if machines.ray is None else RayCluster(machines.ray, workers=indexing.workers) as cluster:
        if cluster is not None:
            settings["workers"] = cluster
        code = _add_all(clip_memory, files_in, settings, people, console, records, rows, passed_over)
    for line in (*old_speech(records), *unfinished(records, clip_memory)):
        console.print(line, style="yellow", soft_wrap=True)
    _tell(passed_over, console)
    if as_json:
        others = [{"path": plain(one.path), "why": plain(one.why)} for one in passed_over]
        write_json({"schema": 1, "videos": rows, **({"passed_over": others} if others else {})})
    raise typer.Exit(code)


def _add_all(
    memory: ClipMemory,
    files: Sequence[tuple[Path, bool]],
    settings: dict[str, Any],
    people: PeopleOptions,
    console: Console,
    records: list[VideoRecord],
    rows: list[dict[str, Any]],
    passed_over: list[PassedOver],
) -> int:
    """Add files, each with whether it was named itself; fills the three lists, and returns the exit code."""
    taken: dict[str, Path] = {}
    code = 0
    when = {name: settings[name] for name in ("recorded", "timeline") if name in settings}
    others = settings.keys() - when.keys() - {"between"}
    only_dates = bool(when) and not others and settings.get("between") == "all"  # nothing indexed is indexed again
    for path, by_name in files:
        try:
            known = memory.known(path) if only_dates else None
            if known is not None and known.complete:
                record = memory.set_recording(known.id, **when)
            else:
                record = add_video(memory, path, console, **settings)
            if not by_name and record.id in (other.id for other in records):
                passed_over.append(PassedOver(path, f"the same video as {taken[record.id]}"))
                continue
            taken[record.id] = path
            record = people.learn(memory, record, console)
            records.append(record)
            if when:
                _tell_recording(record, console)
            rows.append(asdict(record))
            broken = damage(path)
            if broken is not None:
                raise VideoError(broken)
        except MemoryFolderError:
            raise
        except RewatchError as error:
            if not by_name and isinstance(error, VideoError) and is_maybe(path):
                passed_over.append(PassedOver(path, str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")))
                continue
            code = error.exit_code
            rows.append({"path": str(path), "error": str(error)})
            Console(stderr=True).print(f"error: {error}", style="red", soft_wrap=True)
    if any(record.recorded is not None for record in records):
        with suppress(MemoryFolderError):  # another process is writing: what is not stored is made when it is read
            memory.summarize()
    return code


def _between(since: str | None, until: str | None, again: str | None) -> tuple[Bound, Bound] | str | None:
    """The part to index: all of it, but for what is only made anew, where nobody says."""
    if since is None and until is None:
        return "all" if again is None else None
    return part_bound(since), part_bound(until)


def _tell_recording(record: VideoRecord, console: Console) -> None:
    console.print(message("recorded", f"{record.name}  {recorded_in_words(record)}"), soft_wrap=True)


def _expanded(
    paths: Sequence[Path], only: str | None, memory: Path
) -> tuple[list[tuple[Path, bool]], list[PassedOver]]:
    """Return files, each with whether it was named itself; folders and patterns stand for the videos in them."""
    files: dict[Path, bool] = {}
    passed_over: list[PassedOver] = []
    empty = []
    for path in paths:
        if not path.is_dir() and not is_pattern(path):
            files[path] = True
            continue
        found = find_videos(path, only=only, leave_out=[memory])
        for video in found.videos:
            files.setdefault(video, False)
        passed_over += found.passed_over
        if not found.videos:
            others = found.passed_over
            of = f" ({len(others)} files are none: {_counted(others)})" if others else ""
            empty.append(f"There is no video{f' that matches {only}' if only else ''} in {plain(path)}{of}")
    if empty and not files:
        raise VideoError("; ".join(empty) + ": name a video file, or another folder.")
    return list(files.items()), passed_over


def _counted(passed_over: Sequence[PassedOver]) -> str:
    counts = Counter(one.why for one in passed_over)
    parts = [f"{count} {plain(why)[:80]}" for why, count in counts.most_common(6)]
    return ", ".join([*parts, *(["…"] if len(counts) > 6 else [])])


def _tell(passed_over: Sequence[PassedOver], console: Console) -> None:
    """Say what was passed over, a line each where they are few."""
    if not passed_over:
        return
    files = "file" if len(passed_over) == 1 else "files"
    lines = [f"passed over {len(passed_over)} {files}: {_counted(passed_over)}"]
    if len(passed_over) <= _LISTED:
        lines += [f"  {plain(one.path)}: {plain(one.why)}" for one in passed_over]
    else:
        lines.append("  --json lists them all")
    for line in lines:
        console.print(line, style="dim", soft_wrap=True)
