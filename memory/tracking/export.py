"""Tracks as files that other programs read: COCO (with track ids) and MOT Challenge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol import VideoSource
from ..span import Span
from ..types import VideoRecord
from .tracker import Sighting, Track

Sizes = Mapping[float, tuple[int, int]]
"""Width and height of the pictures at some times (seconds), where they are not all as large as the first."""


def sizes_of(video: VideoSource, tracks: Sequence[Track]) -> Sizes:
    """The sizes of the pictures in which objects were seen: a stream may change its size. Decodes them."""
    times = sorted({sight.time for track in tracks for sight in track.sights})
    return {time: frame.whole for time, frame in zip(times, video.frames_at(times, size=64), strict=True)}


def coco(tracks: Sequence[Track], record: VideoRecord, sizes: Sizes | None = None) -> dict[str, Any]:
    """The COCO detection format, one image a moment that was looked at.

    Beside what COCO asks for, annotations carry `track_id` and `score`, images `video_id`, `frame_id` and `time`
    (seconds), as COCO-VID and its readers have them. Boxes are left, top, width and height in square pixels of their
    image, whose size is that of the video's first picture where `sizes` does not tell another.
    """
    whole = (record.width, record.height)
    known = sizes or {}
    times = sorted({sight.time for track in tracks for sight in track.sights})
    numbers = {time: number for number, time in enumerate(times, 1)}
    categories = {label: number for number, label in enumerate(sorted({track.label for track in tracks}), 1)}
    annotations: list[dict[str, Any]] = []
    for track in tracks:
        for sight in track.sights:
            left, top, width, height = _pixels(sight, known.get(sight.time, whole))
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": numbers[sight.time], "category_id": categories[track.label],
                    "bbox": [left, top, width, height], "area": round(width * height, 2), "iscrowd": 0,
                    "segmentation": [], "score": sight.score, "track_id": track.id,
                }
            )  # fmt: skip
    return {
        "info": {"description": f"objects in {record.name}, followed by rewatch", "version": "1.0"},
        "licenses": [],
        "videos": [{"id": 1, "name": record.name, "width": record.width, "height": record.height}],
        "images": [
            {
                "id": number, "file_name": f"{Path(record.name).stem}_{round(time * 1000):09d}.jpg",
                "width": wide, "height": high, "video_id": 1, "frame_id": number, "time": time,
            }
            for time, number in numbers.items()
            for wide, high in [known.get(time, whole)]
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": label, "supercategory": ""} for label, number in categories.items()],
    }  # fmt: skip


def write_coco(tracks: Sequence[Track], record: VideoRecord, path: Path, sizes: Sizes | None = None) -> Path:
    """Write one COCO file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco(tracks, record, sizes)) + "\n", encoding="utf-8")
    return path


def write_mot(tracks: Sequence[Track], record: VideoRecord, folder: Path) -> Path:
    """Write a sequence as MOT Challenge has them: `seqinfo.ini`, `gt/gt.txt` and `gt/labels.txt`.

    Frames are numbered from 1 at the video's own rate; between the moments that were looked at, boxes are interpolated,
    so that each frame has its row: frame, id, left, top, width, height (pixels), 1, number of the label, visibility.
    The format has one picture size for a sequence, which is the first picture's here.
    """
    fps = record.fps if record.fps > 0 else 25.0
    begin = record.start if record.first_picture is None else record.first_picture
    labels = sorted({track.label for track in tracks})
    rows: list[tuple[int, int, str]] = []
    for track in tracks:
        kind = labels.index(track.label) + 1
        for frame, sight in _each_frame(track, begin, fps):
            left, top, width, height = _pixels(sight, (record.width, record.height))
            rows.append((frame, track.id, f"{frame},{track.id},{left},{top},{width},{height},1,{kind},1.0"))
    truth = folder / "gt"
    truth.mkdir(parents=True, exist_ok=True)
    (truth / "gt.txt").write_text("".join(f"{row}\n" for _, _, row in sorted(rows)), encoding="utf-8")
    (truth / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    length = max(1, round((record.end - begin) * fps))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={Path(record.name).stem}\nimDir=img1\nframeRate={fps:g}\nseqLength={length}\n"
        f"imWidth={record.width}\nimHeight={record.height}\nimExt=.jpg\n",
        encoding="utf-8",
    )
    return folder


def within(tracks: Sequence[Track], span: Span) -> list[Track]:
    """The part of each track that lies in a span."""
    from dataclasses import replace

    cut = []
    for track in tracks:
        sights = tuple(sight for sight in track.sights if span.contains(sight.time))
        if sights:
            own = track.span.within(span)
            cut.append(replace(track, sights=sights, start=own.start, end=own.end))
    return cut


def _each_frame(track: Track, start: float, fps: float) -> list[tuple[int, Sighting]]:
    """The number of each frame from the first sight to the last, and where the object is in it."""
    first = int(np.ceil((track.sights[0].time - start) * fps - 1e-3))
    last = int(np.floor((track.sights[-1].time - start) * fps + 1e-3))
    times = [sight.time for sight in track.sights]
    scores = [sight.score for sight in track.sights]
    frames = []
    for number in range(first, last + 1):
        time = start + number / fps
        frames.append((number + 1, Sighting(time, track.box_at(time), float(np.interp(time, times, scores)))))
    return frames


def _pixels(sight: Sighting, size: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = sight.box
    width, height = size
    corner = (round(left * width, 2), round(top * height, 2))
    return (*corner, round(right * width - corner[0], 2), round(bottom * height - corner[1], 2))
