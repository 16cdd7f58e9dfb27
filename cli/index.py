"""`rewatch index`: get videos into the memory."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..memory import ClipMemory, MemoryFolderError, RewatchError, VideoError, VideoRecord
from .indexing import add_video, damage, old_speech, split_channels
from .options import Audio, Channels, Detector, Json, Language, Memory, SubtitleStream, Transcriber, Workers
from .places import memory_folder


class Clips(StrEnum):
    """How a video is cut into clips."""

    fixed = "fixed"
    shots = "shots"


def index(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Video files; with --again also names or ids of indexed videos [default: all of them]."),
    ] = None,
    memory: Memory = None,
    channels: Channels = None,
    clip_seconds: Annotated[
        float | None, typer.Option("--clip-seconds", min=1.0, help="Length of a clip [default: 10].")
    ] = None,
    clips: Annotated[Clips | None, typer.Option("--clips", help="Fixed windows, or shots [default: fixed].")] = None,
    subtitles: Annotated[
        Path | None, typer.Option("--subtitles", help="A .srt or .vtt taken instead of listening (one video).")
    ] = None,
    subtitle_stream: SubtitleStream = None,
    audio: Audio = None,
    transcriber: Transcriber = None,
    language: Language = None,
    detector: Detector = None,
    workers: Workers = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed last time.")] = False,
    again: Annotated[
        str | None,
        typer.Option(
            "--again", help="Channels to make anew, comma separated: speech after a better model has come, for example."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Index videos, or go on where an interrupted run stopped. A file that fails does not stop the others."""
    console = Console(stderr=as_json)
    if not files and again is None:
        raise typer.BadParameter("name a video file to index: rewatch index FILE.")
    if subtitles is not None and len(files or ()) != 1:
        raise typer.BadParameter("--subtitles goes with one video; index the others without it.")
    if subtitles is not None and subtitle_stream is not None:
        raise typer.BadParameter("--subtitles or --subtitle-stream: give one of them.")
    settings: dict[str, Any] = {
        "channels": split_channels(channels),
        "clip_seconds": clip_seconds,
        "clips": clips.value if clips else None,
        "subtitles": subtitles,
        "transcriber": transcriber,
        "language": language,
        "audio": audio,
        "subtitle_stream": subtitle_stream,
        "workers": workers,
        "retry": retry or None,
        "again": split_channels(again),
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    clip_memory = ClipMemory(memory_folder(memory), detector=detector)
    paths = [_known(clip_memory, path) for path in files or ()] if again else list(files or ())
    if again and not files:
        paths = [Path(record.path) for record in clip_memory.videos() if record.path]
    records: list[VideoRecord] = []
    rows: list[dict[str, Any]] = []
    code = 0
    for path in paths:
        try:
            records.append(add_video(clip_memory, path, console, **settings))
            rows.append(asdict(records[-1]))
            broken = damage(path)
            if broken is not None:
                raise VideoError(broken)
        except MemoryFolderError:
            raise
        except RewatchError as error:
            code = error.exit_code
            rows.append({"path": str(path), "error": str(error)})
            Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    for line in old_speech(records):
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "videos": rows}, ensure_ascii=False, default=str) + "\n")
    raise typer.Exit(code)


def _known(memory: ClipMemory, path: Path) -> Path:
    """A file as it is; else the file of the indexed video of that name or id."""
    return path if path.exists() else Path(memory.video(str(path)).path)
