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

from ..memory import ClipMemory, MemoryFolderError, RewatchError, VideoError
from .indexing import add_video, damage, split_channels
from .options import Channels, Detector, Json, Memory, Transcriber, Workers
from .places import memory_folder


class Clips(StrEnum):
    """How a video is cut into clips."""

    fixed = "fixed"
    shots = "shots"


def index(
    files: Annotated[list[Path], typer.Argument(help="Video files.")],
    memory: Memory = None,
    channels: Channels = None,
    clip_seconds: Annotated[
        float | None, typer.Option("--clip-seconds", min=1.0, help="Length of a clip [default: 10].")
    ] = None,
    clips: Annotated[Clips | None, typer.Option("--clips", help="Fixed windows, or shots [default: fixed].")] = None,
    subtitles: Annotated[
        Path | None, typer.Option("--subtitles", help="A .srt or .vtt taken instead of listening (one video).")
    ] = None,
    transcriber: Transcriber = None,
    detector: Detector = None,
    workers: Workers = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed last time.")] = False,
    as_json: Json = False,
) -> None:
    """Index videos, or go on where an interrupted run stopped. A file that fails does not stop the others."""
    console = Console(stderr=as_json)
    if subtitles is not None and len(files) > 1:
        raise typer.BadParameter("--subtitles goes with one video; index the others without it.")
    settings: dict[str, Any] = {
        "channels": split_channels(channels),
        "clip_seconds": clip_seconds,
        "clips": clips.value if clips else None,
        "subtitles": subtitles,
        "transcriber": transcriber,
        "workers": workers,
        "retry": retry or None,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    clip_memory = ClipMemory(memory_folder(memory), detector=detector)
    rows: list[dict[str, Any]] = []
    code = 0
    for path in files:
        try:
            rows.append(asdict(add_video(clip_memory, path, console, **settings)))
            broken = damage(path)
            if broken is not None:
                raise VideoError(broken)
        except MemoryFolderError:
            raise
        except RewatchError as error:
            code = error.exit_code
            rows.append({"path": str(path), "error": str(error)})
            Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "videos": rows}, ensure_ascii=False, default=str) + "\n")
    raise typer.Exit(code)
