"""Thumbnails: the frames that a run looked at or cites, read from the video files and held as JPEG data URIs."""

from __future__ import annotations

import base64
import io
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory import Box, MediaURI, TruncatedVideo
from ...memory.files.names import from_text
from .reading import ReportLook, RunSummary, looked_and_found, mapping, number, place_of, rows, string

if TYPE_CHECKING:
    import numpy as np

    from ...memory import VideoSource

MOST = 40
"""Thumbnails on one page."""
SIZE = 320
"""Longest side of a thumbnail in pixels."""
_BYTES = 1_400_000  # of JPEG data on one page, as base64
_SECONDS = 60.0  # for reading frames; a page without pictures is better than none
_PER_LOOK = 6
_PER_EVIDENCE = 3
_APART = 1.0  # seconds: of two spans found nearly together, one picture is enough
_SMALL = 0.6  # a region narrower and lower than this share of the picture is shown enlarged too

OpenVideo = Callable[[str], "VideoSource"]
"""Opens a video by its id in the trace."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A frame to be shown: with its box drawn, or only what the box holds (`zoom`)."""

    video: str
    time: float
    box: Box | None = None
    zoom: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail and the time in seconds of the frame that it really shows."""

    wanted: Wanted
    time: float
    uri: str
    width: int
    height: int


@dataclass(slots=True)
class ReportImages:
    """The thumbnails of a page, and why others are not there."""

    evidence: list[list[Wanted]] = field(default_factory=list)
    """Per piece of evidence, in its order."""
    looks: dict[int, list[Wanted]] = field(default_factory=dict)
    """Per look, by its number."""
    pictures: dict[Wanted, Picture] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Per video id: why there are no pictures of it."""
    left_out: int = 0
    """Thumbnails that were wanted but would have made the page too large."""

    def of(self, wanted: Iterable[Wanted]) -> list[Picture]:
        """Those of `wanted` that could be had."""
        return [self.pictures[w] for w in wanted if w in self.pictures]


def make_album(run: RunSummary, open_video: OpenVideo | None) -> ReportImages:
    """Choose what to show, evidence first, and read it from the videos."""
    album = ReportImages()
    for item in rows((run.answer or {}).get("evidence")):
        place = place_of(item.get("uri"))
        album.evidence.append(_of_evidence(place, run) if place else [])
    for look in run.looks:
        album.looks[look.number] = _of_look(look, run)
    chosen = _keep_first(album)
    paths = {key: from_text(string(path)) for key, path in mapping(run.head.get("paths")).items()}
    deadline = time.monotonic() + _SECONDS
    now = number(run.question.get("now"))
    for video in dict.fromkeys(wanted.video for wanted in chosen):
        try:
            source = open_video(video) if open_video else _open_file(paths.get(video, ""))
            problem = _other_video(source, run.videos[video])
            if problem:
                album.problems[video] = problem
            else:
                if now is not None:
                    source = TruncatedVideo(source, now)  # a cited place that was not to be seen is not shown either
                _read(
                    source, [w for w in chosen if w.video == video and (now is None or w.time < now)], album, deadline
                )
        except Exception as error:  # whatever is wrong with a file, the page goes without its pictures and says so
            album.problems[video] = str(error) or type(error).__name__
    _keep_small(album, chosen)
    return album


def _keep_first(album: ReportImages) -> list[Wanted]:
    """Keep as many as one page may show, and name them, each once, in order of weight.

    The first of each piece of evidence come first, then its others, then the looks in the same way: the first of many
    looks must not take all the room.
    """
    groups = [album.evidence, [album.looks[n] for n in sorted(album.looks)]]
    turns = [(group, k) for some in groups for k in range(_PER_LOOK) for group in some if k < len(group)]
    kept = turns[:MOST]
    album.left_out = len(turns) - len(kept)
    chosen = list(dict.fromkeys(group[k] for group, k in kept))
    last: dict[int, int] = {id(group): k + 1 for group, k in kept}
    for some in groups:
        for group in some:
            del group[last.get(id(group), 0) :]
    return chosen


def _of_evidence(place: MediaURI, run: RunSummary) -> list[Wanted]:
    if place.video not in run.videos or place.span is None:
        return []
    if place.box is not None:
        return _boxed(place)
    times = [place.span.start] if place.is_frame else _spread(place.span.start, place.span.end, _PER_EVIDENCE)
    return [Wanted(place.video, t) for t in times]


def _boxed(place: MediaURI) -> list[Wanted]:
    assert place.span is not None and place.box is not None
    box = place.box
    whole = Wanted(place.video, place.span.middle, box)
    small = box.right - box.left < _SMALL and box.bottom - box.top < _SMALL
    return [whole, Wanted(place.video, place.span.middle, box, zoom=True)] if small else [whole]


def _of_look(look: ReportLook, run: RunSummary) -> list[Wanted]:
    """Frames that were looked at; where there were none, the middle of what was found."""
    if look.error:
        return []
    known = [p for p in look.places if p.video in run.videos and p.span is not None]
    frames = [p for p in known if p.is_frame]
    boxed = {p.span for p in frames if p.box}
    frames = [p for p in frames if p.box or p.span not in boxed]
    found: list[Wanted] = []
    for place in _thinned(frames or looked_and_found(known)[1], _PER_LOOK):
        assert place.span is not None
        same = any(w.video == place.video and abs(w.time - place.span.middle) < _APART for w in found)
        if place.box and place.is_frame:
            found += _boxed(place)
        elif place.box or place.is_frame or not same:
            found.append(Wanted(place.video, place.span.middle, place.box))
    return list(dict.fromkeys(found))


def _thinned(places: list[MediaURI], most: int) -> list[MediaURI]:
    """At most `most` of them, evenly."""
    if len(places) <= most:
        return places
    return [places[round(k * (len(places) - 1) / (most - 1))] for k in range(most)]


def _spread(start: float, end: float, most: int) -> list[float]:
    """Up to `most` moments of a span, a second or more apart, none at its very edges."""
    count = max(1, min(most, int(end - start)))
    return [round(start + (end - start) * (k + 0.5) / count, 3) for k in range(count)]


def _open_file(path: str) -> VideoSource:
    if not path:
        raise FileNotFoundError("the trace does not say where the file was")
    if not Path(path).is_file():  # a pipe or a device could block for ever
        raise FileNotFoundError(f"{path} is not there any more")
    from ...memory.video.file import Video

    return Video(path)


def _other_video(source: VideoSource, facts: dict[str, Any]) -> str | None:
    """Whether the file is plainly not the one that the run was about."""
    info = source.info
    size = (number(facts.get("width")), number(facts.get("height")))
    start, end = number(facts.get("start")), number(facts.get("end"))
    if size != (info.width, info.height) or start is None or end is None:
        return f"{info.path} is another video than the one that was asked about"
    if abs(start - info.start) > 0.5 or end > info.end + 0.5:
        return f"{info.path} is another video than the one that was asked about"
    return None


def _read(source: VideoSource, wanted: list[Wanted], album: ReportImages, deadline: float) -> None:
    """Decode what is wanted of one video; a zoomed region needs the frame at its full size."""
    bounds = source.info
    inside = [w for w in wanted if bounds.start <= w.time <= bounds.end]
    for zoom, size in ((False, SIZE), (True, None)):
        some = sorted((w for w in inside if w.zoom == zoom), key=lambda w: w.time)
        frames = source.frames_at([w.time for w in some], size=size)
        for one, frame in zip(some, frames, strict=True):
            album.pictures[one] = _picture(one, frame.time, frame.image)
            if time.monotonic() > deadline:
                album.problems[one.video] = f"reading frames took longer than {_SECONDS:.0f} s"
                return


def _picture(wanted: Wanted, at: float, image: np.ndarray) -> Picture:
    from PIL import Image, ImageDraw

    picture = Image.fromarray(image)
    box = wanted.box
    if box is not None and wanted.zoom:
        picture = _enlarge(picture.crop(_pixels(box, picture.size, margin=0.02)))
    elif box is not None:
        drawing = ImageDraw.Draw(picture)
        left, top, right, bottom = _pixels(box, picture.size)
        drawing.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=(0, 0, 0))
        drawing.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=(255, 214, 10), width=2)
    picture.thumbnail((SIZE, SIZE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80, optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return Picture(wanted, at, f"data:image/jpeg;base64,{data}", *picture.size)


def _pixels(box: Box, size: tuple[int, int], margin: float = 0.0) -> tuple[int, int, int, int]:
    """A box in pixels, inside the picture and at least one pixel large."""
    width, height = size
    left = min(max(int((box.left - margin) * width), 0), width - 1)
    top = min(max(int((box.top - margin) * height), 0), height - 1)
    right = min(max(round((box.right + margin) * width), left + 1), width)
    bottom = min(max(round((box.bottom + margin) * height), top + 1), height)
    return left, top, right, bottom


def _enlarge(picture: Any) -> Any:
    """A small region at up to four times its size, so that print in it can be read."""
    from PIL import Image

    scale = min(4.0, SIZE / max(picture.size))
    if scale <= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _keep_small(album: ReportImages, order: list[Wanted]) -> None:
    """Drop the last of the thumbnails where all together are too large for one page."""
    shown = Counter(w for group in (*album.evidence, *album.looks.values()) for w in group)
    size = 0
    for wanted in order:
        picture = album.pictures.get(wanted)
        size += len(picture.uri) * shown[wanted] if picture else 0
        if picture and size > _BYTES:
            del album.pictures[wanted]
            album.left_out += shown[wanted]


def shown_of(album: ReportImages) -> Iterator[str]:
    """What to say about the pictures that are not there, one sentence each."""
    for video, problem in album.problems.items():
        yield f"No pictures of video {video}: {problem}."
    if album.left_out:
        yield f"{album.left_out} more pictures were left out to keep this page small."
