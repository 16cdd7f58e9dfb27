"""`rewatch watch`: index a source while it is recorded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..memory import ClipMemory
from ..memory.sanitize import one_line
from .settings.groups import split_channels
from .settings.options import Detector, Memory, Transcriber, finite
from .settings.places import memory_folder
from .terminal.output import Console, message

if TYPE_CHECKING:
    from ..memory.live.watch import WatchEvent

_STYLES = {"lost": "yellow", "back": "green", "dropped": "yellow", "progress": "dim"}


def watch(
    source: Annotated[
        str,
        typer.Argument(
            help="A file that grows (MKV, MPEG-TS, fragmented MP4), a folder that files arrive in, the address of a "
            "stream (rtsp://, http://, an HLS playlist), or a camera (/dev/video0, avfoundation:0, dshow:video=NAME)."
        ),
    ],
    memory: Memory = None,
    channels: Annotated[
        str | None,
        typer.Option("--channels", help="What to index, comma separated: visual, speech, screen_text, objects."),
    ] = None,
    clip_seconds: Annotated[
        float | None, typer.Option("--clip-seconds", min=1.0, callback=finite, help="Length of a clip [default: 10].")
    ] = None,
    transcriber: Transcriber = None,
    language: Annotated[str | None, typer.Option("--language", help="Code of the language that is spoken.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, max=256, help="Processes that index [default: one a core].")
    ] = None,
    detector: Detector = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0.1, callback=finite, help="Stop after so many seconds.")
    ] = None,
    idle: Annotated[
        float, typer.Option("--idle", min=1.0, callback=finite, help="Seconds without growth that end a file.")
    ] = 10.0,
    patience: Annotated[
        float,
        typer.Option("--patience", min=0.0, callback=finite, help="Seconds for which a lost stream is tried again."),
    ] = 120.0,
    behind: Annotated[
        float,
        typer.Option(
            "--behind", min=10.0, callback=finite, help="Seconds of a stream that may wait before some are left out."
        ),
    ] = 60.0,
    keep: Annotated[
        float,
        typer.Option("--keep", min=0.01, callback=finite, help="GiB of a stream's recording that are kept."),
    ] = 20.0,
    timeline: Annotated[str | None, typer.Option("--timeline", help="The timeline of the video.")] = None,
) -> None:
    """Index a source while it is recorded, until it ends or Ctrl-C; the same command goes on later.

    Other commands may ask about it meanwhile: answers say what part is known so far.
    """
    from ..memory.live.watch import WatchOptions
    from ..memory.live.watch import watch as run

    console = Console(stderr=True)
    clip_memory = ClipMemory(memory_folder(memory), detector=detector)
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()

    def tell(event: WatchEvent) -> None:
        verb = {"begin": "watching", "end": "known", "progress": "known", "taken": "indexed"}.get(
            event.kind, event.kind
        )
        where = f"   ({event.video})" if event.kind in ("begin", "taken") else ""
        line = Text.assemble((f"{verb:<8} ", "bold"), (f"{one_line(event.text)}{where}", _STYLES.get(event.kind, "")))
        console.print(line, soft_wrap=True)

    settings: dict[str, Any] = {"clip_seconds": clip_seconds, "transcriber": transcriber, "language": language}
    options = WatchOptions(
        idle=idle, patience=patience, behind=behind, keep=int(keep * 2**30), timeline=timeline,
        segment=min(5.0, clip_seconds or 5.0),
    )  # fmt: skip
    try:
        record = run(
            clip_memory,
            source if "://" in source or not Path(source).exists() else Path(source),
            channels=split_channels(channels),
            workers=workers,
            options=options,
            stop=stop,
            listener=tell,
            **settings,
        )
    finally:
        stop.set()
        if timer is not None:
            timer.cancel()
    if record is None and stop.is_set():
        console.print(message("end", "nothing was received"), soft_wrap=True)
