"""GOT-10k: follow one object, given its box in the first frame (Huang et al. 2019).

Seen: the code that reads a sequence (got-10k/toolkit, got10k/datasets/got10k.py and got10k/experiments/got10k.py): a
folder with `groundtruth.txt` (left, top, width, height in pixels, a frame a line), `meta_info.ini` (`name: value` below
a heading) and `cover.label` (a number a frame, 0 where the object cannot be seen); `list.txt` names the sequences of a
split. The names in `meta_info.ini` beside `resolution` (`object_class`, `anno_fps: 10Hz`) are inferred; the data set
itself was not seen.

A sequence is released as pictures. A video of it is looked for as `NAME.mp4`, at the rate of the annotation:
`ffmpeg -framerate 10 -i NAME/%08d.jpg NAME.mp4`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...memory import Box
from ...training.data.readers.rows import text_of_file
from ...training.data.task import Task, TaskError, Truth
from ...training.data.task_files import TaskFileError
from .benchmark import Benchmark
from .temporal import video_file

NAME = "got10k"
RATE = 10.0
"""Frames a second of the annotation, where a sequence does not say."""


def read(path: Path) -> Iterator[Task | TaskError]:
    """The sequences of a split's folder (those of its `list.txt`, or all), or a single one."""
    for folder in _sequences(path):
        try:
            yield _task(folder)
        except TaskError as error:
            yield TaskError(str(folder), str(error))


def _sequences(path: Path) -> list[Path]:
    if (path / "groundtruth.txt").is_file():
        return [path]
    names = path / "list.txt"
    found = (
        [path / line.strip() for line in text_of_file(names).split("\n") if line.strip()]
        if names.is_file()
        else sorted(folder for folder in path.iterdir() if (folder / "groundtruth.txt").is_file())
        if path.is_dir()
        else []
    )
    if not found:
        raise TaskFileError(f"{path} holds no sequence; give the folder of a split, such as GOT-10k/val.")
    return found


def _task(folder: Path) -> Task:
    facts = _facts(folder / "meta_info.ini")
    width, height = _size(facts.get("resolution", ""))
    stated = re.match(r"\d{1,3}(?:\.\d{1,3})?", facts.get("anno_fps", ""))
    rate = float(stated[0]) if stated and float(stated[0]) > 0 else RATE
    rectangles = [_numbers(line, 4, "groundtruth.txt") for line in _lines(folder / "groundtruth.txt")]
    boxes = [within(rectangle, width, height) for rectangle in rectangles]
    seen = [_numbers(line, 1, "cover.label")[0] > 0 for line in _lines(folder / "cover.label")]
    if len(seen) != len(boxes) or not boxes or boxes[0].area <= 0:
        raise TaskError("groundtruth.txt", f"has {len(boxes)} boxes for {len(seen)} frames, or an empty first one")
    first = ", ".join(f"{part:.3f}" for part in boxes[0])
    name = facts.get("object_class", "object")
    # The first frame is given. Where the object cannot be seen, the toolkit does not look.
    track = tuple((n / rate, box) for n, box in enumerate(boxes) if n and seen[n] and box.area > 0)
    return Task(
        id=f"{NAME}-{folder.name}",
        question=f"The {name} is in the box [{first}] (left, top, right, bottom as fractions of the picture) in the "
        "first frame. Where is it from then on? Give its box over time.",
        kind="track",
        truth=Truth(track=track),
        videos=(video_file(folder.name),),
        source=NAME,
        meta={"width": width, "height": height, "fps": rate},
    )


def within(rectangle: Sequence[float], width: int, height: int) -> Box:
    """A rectangle (left, top, width, height in pixels) as fractions of a picture, clipped as the toolkit clips it.

    got10k/utils/metrics.py, `rect_iou`: the corner is moved into the picture, and then the size is cut.
    """
    left, top = min(max(rectangle[0], 0.0), width), min(max(rectangle[1], 0.0), height)
    right = left + min(max(rectangle[2], 0.0), width - left)
    bottom = top + min(max(rectangle[3], 0.0), height - top)
    return Box(left / width, top / height, right / width, bottom / height)


def _facts(file: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in _lines(file))
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\(\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\)", text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise TaskError("meta_info.ini", f"gives the resolution {text[:40]!r}, (width, height) is wanted")
    return int(match[1]), int(match[2])


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in text_of_file(file).split("\n") if line.strip()]
    except TaskFileError:
        raise TaskError(file.name, "cannot be read, and a sequence needs it") from None


def _numbers(line: str, count: int, name: str) -> list[float]:
    try:
        found = [float(part) for part in re.split(r"[,\s]+", line.strip())]
    except ValueError:
        found = []
    if len(found) != count:
        raise TaskError(name, f"has the line {line[:40]!r}, {count} numbers are wanted")
    return found


GOT10K = Benchmark(
    name=NAME,
    read=read,
    measures=("tracking",),
    files="val (the folder with list.txt and a folder for each sequence)",
    paper="GOT-10k (arXiv 1810.11981); got-10k/toolkit, got10k/experiments/got10k.py",
)
