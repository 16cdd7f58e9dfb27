"""Tracks as files that other programs read: COCO (with track ids) and MOT Challenge.

supervision writes COCO too, but needs the pictures as files, and leaves out scores, track ids and times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol import VideoSource
from ..span import Box, Span
from ..types import VideoRecord
from .track import Track

Sizes = Mapping[float, tuple[int, int]]
"""Width and height of the pictures at some times (seconds), where they are not all as large as the first."""


def sizes_of(video: VideoSource, tracks: Sequence[Track]) -> Sizes:
    """Decode the pictures in which objects were found for their sizes: a stream may change its size."""
    times = _times(tracks)
    return {time: frame.whole for time, frame in zip(times, video.frames_at(times, size=64), strict=True)}


def coco(tracks: Sequence[Track], record: VideoRecord, sizes: Sizes | None = None) -> dict[str, Any]:
    """Return the COCO detection format, one image a moment that was looked at.

    Beside what COCO asks for, annotations carry `track_id` and `score`, images `video_id`, `frame_id` and `time`
    (seconds), as COCO-VID and its readers have them. Boxes are left, top, width and height in square pixels of their
    image, whose size is that of the video's first picture where `sizes` has no other.
    """
    whole = (record.width, record.height)
    sizes = sizes or {}
    numbers = {time: number for number, time in enumerate(_times(tracks), 1)}
    categories = {label: number for number, label in enumerate(sorted({track.label for track in tracks}), 1)}
    annotations: list[dict[str, Any]] = []
    for track in tracks:
        for one in track.boxes:
            left, top, width, height = _pixels(one.box, sizes.get(one.time, whole))
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": numbers[one.time], "category_id": categories[track.label],
                    "bbox": [left, top, width, height], "area": round(width * height, 2), "iscrowd": 0,
                    "segmentation": [], "score": one.score, "track_id": track.id,
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
            for wide, high in [sizes.get(time, whole)]
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
        for frame, box in _each_frame(track, begin, fps):
            left, top, width, height = _pixels(box, (record.width, record.height))
            row = f"{frame},{track.id},{left},{top},{width},{height},1,{labels.index(track.label) + 1},1.0\n"
            rows.append((frame, track.id, row))
    truth = folder / "gt"
    truth.mkdir(parents=True, exist_ok=True)
    (truth / "gt.txt").write_text("".join(row for _, _, row in sorted(rows)), encoding="utf-8")
    (truth / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    length = max(1, round((record.end - begin) * fps))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={Path(record.name).stem}\nimDir=img1\nframeRate={fps:g}\nseqLength={length}\n"
        f"imWidth={record.width}\nimHeight={record.height}\nimExt=.jpg\n",
        encoding="utf-8",
    )
    return folder


def within(tracks: Sequence[Track], span: Span) -> list[Track]:
    """Return the part of each track that lies in a span."""
    cut = []
    for track in tracks:
        boxes = tuple(one for one in track.boxes if span.contains(one.time))
        if boxes:
            own = track.span.within(span)
            cut.append(replace(track, boxes=boxes, start=own.start, end=own.end))
    return cut


def _times(tracks: Sequence[Track]) -> list[float]:
    return sorted({one.time for track in tracks for one in track.boxes})


def _each_frame(track: Track, start: float, fps: float) -> Iterator[tuple[int, Box]]:
    """The number of each frame from the first box to the last, and where the object is in it."""
    first = int(np.ceil((track.boxes[0].time - start) * fps - 1e-3))
    last = int(np.floor((track.boxes[-1].time - start) * fps + 1e-3))
    for number in range(first, last + 1):
        yield number + 1, track.box_at(start + number / fps)


def _pixels(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    width, height = size
    left, top = round(box.left * width, 2), round(box.top * height, 2)
    return left, top, round(box.right * width - left, 2), round(box.bottom * height - top, 2)
