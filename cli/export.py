"""`rewatch export`: the tracks of a video as COCO or MOT, or drawn into frames and clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..memory import OBJECTS, CapabilityError, ClipMemory, Span, VideoError
from .settings.options import Json, Memory
from .settings.places import memory_folder
from .settings.video_names import named
from .terminal.output import Console, message, write_json


def export(
    video: Annotated[str, typer.Argument(help="An indexed video: its id, name or path.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file (coco, clip) or folder (mot, frames) to write.")],
    form: Annotated[
        Literal["coco", "mot", "clip", "frames"],
        typer.Option("--format", help="COCO JSON, MOT Challenge, or drawn into pictures."),
    ],
    label: Annotated[list[str] | None, typer.Option("--label", help="Only this kind of objects; repeat.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="Only after this time (90, 1:30).")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Only before this time.")] = None,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Write the objects that were followed when a video was indexed with --detector."""
    from ..memory.ingest.objects_channel import stored_tracks
    from ..memory.tracking import drawing as objects_draw
    from ..memory.tracking import export as objects_export
    from ..tools.builtin.track_objects import tracks_of_kinds
    from ..tools.times import parse_seconds

    clip_memory = ClipMemory(memory_folder(memory), read_only=True)
    record = named(clip_memory, video)
    if record.channels.get(OBJECTS, "unavailable").startswith("unavailable"):
        raise CapabilityError(
            f"No objects are known in {record.name}: index them with rewatch index {record.path} --channels objects "
            "--detector FILE."
        )
    try:
        whole = record.span
        span = Span(parse_seconds(start) if start else whole.start, parse_seconds(end) if end else whole.end)
    except ValueError as error:
        raise typer.BadParameter(f"--start/--end: {error}") from None
    tracks = objects_export.within(stored_tracks(clip_memory.texts(record.id, channel=OBJECTS)), span.within(whole))
    if label:
        tracks = list(tracks_of_kinds(tracks, label)[0])
    written = [out]
    if form == "coco":
        try:
            sizes = objects_export.sizes_of(clip_memory.open(record.id), tracks)
        except VideoError:  # its file is gone: as large as the first picture, then
            sizes = None
        objects_export.write_coco(tracks, record, out, sizes)
    elif form == "mot":
        objects_export.write_mot(tracks, record, out)
    elif form == "clip":
        objects_draw.write_clip(clip_memory.open(record.id), span.within(whole), tracks, out)
    else:
        # The middle of each track shows it best.
        times = sorted({track.boxes[len(track.boxes) // 2].time for track in tracks})
        written = objects_draw.write_frames(clip_memory.open(record.id), times, tracks, out)
    if as_json:
        row = {"schema": 1, "video": record.id, "format": form, "tracks": len(tracks)}
        write_json({**row, "files": [str(path) for path in written]})
        return
    Console().print(message("tracks", f"{len(tracks)} of {record.name} written to {out}"), soft_wrap=True)
