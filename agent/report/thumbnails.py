"""Thumbnails: the frames that a run looked at or cites, read from the video files and held as JPEG data URIs."""

from __future__ import annotations

import base64
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory import Box, MediaURI, TruncatedVideo
from ...memory.files.names import from_text
from .run_summary import ReportCall, RunSummary, mapping, number, place_of, string, through_and_found

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from ...memory import VideoSource

MOST = 40
"""Thumbnails on one page."""
SIZE = 320
"""Longest side of a thumbnail in pixels."""
_BYTES = 1_400_000  # of JPEG data on one page, as base64
_SECONDS = 60.0  # for reading frames; a page without pictures is better than none
_PER_CALL = 6
_PER_EVIDENCE = 3
_APART = 1.0  # seconds: of two spans found nearly together, one picture is enough
_SMALL = 0.6  # a region narrower and lower than this share of the picture is shown enlarged too

OpenVideo = Callable[[str], "VideoSource"]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A frame to be shown: with its box drawn, or only what the box holds (`zoom`)."""

    video: str
    time: float
    box: Box | None = None
    zoom: bool = False


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture and the time in seconds of the frame that it really shows."""

    request: ImageRequest
    time: float
    uri: str
    width: int
    height: int


@dataclass(slots=True)
class ReportImages:
    """The thumbnails of a page, and why others are not there."""

    evidence: list[list[ImageRequest]] = field(default_factory=list)
    """Per piece of evidence, in its order."""
    calls: dict[int, list[ImageRequest]] = field(default_factory=dict)
    """Per call, by its number."""
    pictures: dict[ImageRequest, Thumbnail] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Per video id: why there are no pictures of it."""
    left_out: int = 0
    """Thumbnails that would have made the page too large."""

    def of_evidence(self, index: int) -> list[Thumbnail]:
        """Return the pictures of a piece of evidence."""
        requests = self.evidence[index] if index < len(self.evidence) else []
        return [self.pictures[request] for request in requests if request in self.pictures]

    def of_call(self, number: int) -> list[Thumbnail]:
        """Return the pictures of a call."""
        return [self.pictures[request] for request in self.calls.get(number, ()) if request in self.pictures]

    def notes(self) -> Iterator[str]:
        """Yield a sentence about each kind of picture that is not there."""
        for video, problem in self.problems.items():
            yield f"No pictures of video {video}: {problem}."
        if self.left_out:
            yield f"{self.left_out} more pictures were left out to keep this page small."


def make_images(run: RunSummary, open_video: OpenVideo | None) -> ReportImages:
    """Choose what to show, evidence first, and read it from the videos."""
    images = ReportImages()
    images.evidence = [_of_evidence(place_of(item.get("uri")), run) for item in run.evidence]
    images.calls = {call.number: _of_call(call, run) for call in run.calls}
    chosen = _keep_first(images)
    paths = {key: from_text(string(path)) for key, path in mapping(run.head.get("paths")).items()}
    deadline = time.monotonic() + _SECONDS
    for video in dict.fromkeys(request.video for request in chosen):
        now = run.now_of(video)
        requests = [r for r in chosen if r.video == video and (now is None or r.time < now)]
        try:
            source = open_video(video) if open_video else _open_file(paths.get(video, ""))
            if not _is_video_of(source, run.videos[video]):
                images.problems[video] = f"{source.info.path} is another video than the one that was asked about"
                continue
            # A cited place that was not to be seen is not shown either.
            _read_frames(source if now is None else TruncatedVideo(source, now), requests, images, deadline)
        except Exception as error:  # any source may be given: the page goes without its pictures and says so
            images.problems[video] = str(error) or type(error).__name__
    _keep_small(images, chosen)
    return images


def _keep_first(images: ReportImages) -> list[ImageRequest]:
    """Keep as many as one page may show, and return them, each once, in order of weight.

    The first of each piece of evidence come first, then its others, then the calls in the same way: the first of many
    calls must not take all the room.
    """
    groups = [images.evidence, [images.calls[n] for n in sorted(images.calls)]]
    turns = [(group, k) for some in groups for k in range(_PER_CALL) for group in some if k < len(group)]
    kept = turns[:MOST]
    images.left_out = len(turns) - len(kept)
    chosen = list(dict.fromkeys(group[k] for group, k in kept))
    last: dict[int, int] = {id(group): k + 1 for group, k in kept}
    for some in groups:
        for group in some:
            del group[last.get(id(group), 0) :]
    return chosen


def _of_evidence(place: MediaURI | None, run: RunSummary) -> list[ImageRequest]:
    """Return the frames of a cited place: up to three moments, a second or more apart, none at its very edges."""
    if place is None or place.video not in run.videos or place.span is None:
        return []
    if place.box is not None:
        return _boxed(place)
    start, length = place.span.start, place.span.duration
    count = max(1, min(_PER_EVIDENCE, int(length)))
    return [ImageRequest(place.video, round(start + length * (k + 0.5) / count, 3)) for k in range(count)]


def _boxed(place: MediaURI) -> list[ImageRequest]:
    assert place.span is not None and place.box is not None
    box = place.box
    whole = ImageRequest(place.video, place.span.middle, box)
    small = box.right - box.left < _SMALL and box.bottom - box.top < _SMALL
    return [whole, ImageRequest(place.video, place.span.middle, box, zoom=True)] if small else [whole]


def _of_call(call: ReportCall, run: RunSummary) -> list[ImageRequest]:
    """Return the frames that were looked at; where there were none, the middle of what was found."""
    if call.error:
        return []
    places = [p for p in call.places if p.video in run.videos and p.span is not None]
    frames = [p for p in places if p.is_frame]
    boxed = {p.span for p in frames if p.box}
    frames = [p for p in frames if p.box or p.span not in boxed]
    requests: list[ImageRequest] = []
    for place in _thinned(frames or through_and_found(places)[1], _PER_CALL):
        assert place.span is not None
        same = any(w.video == place.video and abs(w.time - place.span.middle) < _APART for w in requests)
        if place.box and place.is_frame:
            requests += _boxed(place)
        elif place.box or place.is_frame or not same:
            requests.append(ImageRequest(place.video, place.span.middle, place.box))
    return list(dict.fromkeys(requests))


def _thinned(places: list[MediaURI], most: int) -> list[MediaURI]:
    if len(places) <= most:
        return places
    return [places[round(k * (len(places) - 1) / (most - 1))] for k in range(most)]


def _open_file(path: str) -> VideoSource:
    if not path:
        raise FileNotFoundError("the trace does not say where the file was")
    if not Path(path).is_file():  # a pipe or a device could block for ever
        raise FileNotFoundError(f"{path} is not there any more")
    from ...memory.video.file import Video

    return Video(path)


def _is_video_of(source: VideoSource, facts: dict[str, Any]) -> bool:
    """Return False where a file is plainly not the video that the run was about."""
    info = source.info
    width, height, start, end = (number(facts.get(key)) for key in ("width", "height", "start", "end"))
    if (width, height) != (info.width, info.height) or start is None or end is None:
        return False
    return abs(start - info.start) <= 0.5 and end <= info.end + 0.5


def _read_frames(source: VideoSource, requests: list[ImageRequest], images: ReportImages, deadline: float) -> None:
    """Decode the requests for one video; a zoomed region needs the frame at its full size."""
    bounds = source.info
    inside = [r for r in requests if bounds.start <= r.time <= bounds.end]
    for zoom, size in ((False, SIZE), (True, None)):
        some = sorted((r for r in inside if r.zoom == zoom), key=lambda r: r.time)
        frames = source.frames_at([r.time for r in some], size=size)
        for request, frame in zip(some, frames, strict=True):
            images.pictures[request] = _thumbnail(request, frame.time, frame.image)
            if time.monotonic() > deadline:
                images.problems[request.video] = f"reading frames took longer than {_SECONDS:.0f} s"
                return


def _thumbnail(request: ImageRequest, at: float, image: np.ndarray) -> Thumbnail:
    from PIL import Image, ImageDraw

    picture = Image.fromarray(image)
    if request.box is not None and request.zoom:
        picture = _enlarged(picture.crop(_pixels(request.box, picture.size, margin=0.02)))
    elif request.box is not None:
        drawing = ImageDraw.Draw(picture)
        left, top, right, bottom = _pixels(request.box, picture.size)
        drawing.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=(0, 0, 0))
        drawing.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=(255, 214, 10), width=2)
    picture.thumbnail((SIZE, SIZE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80, optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return Thumbnail(request, at, f"data:image/jpeg;base64,{data}", *picture.size)


def _pixels(box: Box, size: tuple[int, int], margin: float = 0.0) -> tuple[int, int, int, int]:
    """Return a box in pixels, inside the picture and at least one pixel large."""
    width, height = size
    left = min(max(int((box.left - margin) * width), 0), width - 1)
    top = min(max(int((box.top - margin) * height), 0), height - 1)
    right = min(max(round((box.right + margin) * width), left + 1), width)
    bottom = min(max(round((box.bottom + margin) * height), top + 1), height)
    return left, top, right, bottom


def _enlarged(picture: Image) -> Image:
    """Return a small region at up to four times its size, so that print in it can be read."""
    from PIL.Image import Resampling

    scale = min(4.0, SIZE / max(picture.size))
    if scale <= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Resampling.BICUBIC)


def _keep_small(images: ReportImages, order: list[ImageRequest]) -> None:
    """Drop the last of the thumbnails where all together are too large for one page."""
    uses = Counter(request for group in (*images.evidence, *images.calls.values()) for request in group)
    size = 0
    for request in order:
        picture = images.pictures.get(request)
        size += len(picture.uri) * uses[request] if picture else 0
        if picture and size > _BYTES:
            del images.pictures[request]
            images.left_out += uses[request]
