"""Frames and clips with the tracks drawn into them, through supervision; clips are written with PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol import Frame, VideoSource, grid
from ..span import Span
from ..video.shape import resize
from .track import Track

_LONGEST = 1280  # pixels of the longest side of a clip


class Annotator:
    """Draws boxes, ids with labels, and the path of each object so far."""

    def __init__(self, width: int, *, traces: bool = True) -> None:
        import supervision as sv

        thick = max(1, round(width / 400))
        by_track = sv.ColorLookup.TRACK
        self._drawers: list[Any] = [sv.BoxAnnotator(thickness=thick, color_lookup=by_track)]
        if traces:
            self._drawers.append(sv.TraceAnnotator(thickness=thick, trace_length=60, color_lookup=by_track))
        self._labels = sv.LabelAnnotator(
            text_scale=max(0.35, width / 1600), text_thickness=thick, text_padding=2 * thick, color_lookup=by_track
        )

    def draw(self, frame: Frame, tracks: Sequence[Track]) -> np.ndarray:
        """Draw every object in view into a frame and return `[H, W, 3]`; frames come in order."""
        import supervision as sv

        height, width = frame.image.shape[:2]
        visible = [track for track in tracks if track.start <= frame.time <= track.end]
        boxes = np.array([track.box_at(frame.time) for track in visible], np.float32).reshape(-1, 4)
        detections = sv.Detections(
            xyxy=boxes * np.array([width, height, width, height], np.float32),
            tracker_id=np.array([track.id for track in visible], int),
            class_id=np.zeros(len(visible), int),
        )
        picture = np.ascontiguousarray(frame.image[..., ::-1])  # supervision draws in BGR
        for drawer in self._drawers:
            picture = drawer.annotate(picture, detections)
        labels = [f"#{track.id} {track.label}" for track in visible]
        picture = self._labels.annotate(picture, detections, labels=labels)
        return np.ascontiguousarray(picture[..., ::-1])


def write_frames(video: VideoSource, times: Sequence[float], tracks: Sequence[Track], folder: Path) -> list[Path]:
    """Write one JPEG for each time (seconds), with the objects drawn into it."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for time, frame in zip(sorted(times), video.frames_at(sorted(times)), strict=True):
        path = folder / f"{round(time * 1000):09d}.jpg"
        annotator = Annotator(frame.image.shape[1], traces=False)
        Image.fromarray(annotator.draw(Frame(time, frame.image), tracks)).save(path, quality=90)
        paths.append(path)
    return paths


def write_clip(video: VideoSource, span: Span, tracks: Sequence[Track], path: Path) -> Path:
    """Write a span as an MP4 (H.264, no sound) with the objects drawn into it; one frame at a time is held."""
    import av

    rate = Fraction(min(video.info.fps or 25.0, 30.0)).limit_denominator(1001)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": "23", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(_drawn(video, span, tracks, float(rate))):
            if index == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def _drawn(video: VideoSource, span: Span, tracks: Sequence[Track], fps: float) -> Iterator[np.ndarray]:
    times = grid(span, fps, video.info.span).tolist()
    annotator, shape = None, (0, 0)
    first = (0, 0)
    for time, frame in zip(times, video.frames_at(times, size=_LONGEST), strict=True):
        even = frame.image[: frame.image.shape[0] // 2 * 2, : frame.image.shape[1] // 2 * 2]  # as the format wants
        if annotator is None or even.shape[:2] != shape:  # paths are drawn in pixels
            annotator, shape = Annotator(even.shape[1]), even.shape[:2]
            first = first if any(first) else shape
        drawn = annotator.draw(Frame(time, even), tracks)
        # A stream may change its size; a file that others play has one.
        yield drawn if shape == first else _in_frame(drawn, first)


def _in_frame(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """`image` in the middle of a black picture of `shape` (height, width), as large as it fits."""
    height, width = image.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    framed = np.zeros((*shape, 3), np.uint8)
    top, left = (shape[0] - high) // 2, (shape[1] - wide) // 2
    framed[top : top + high, left : left + wide] = resize(image, (wide, high))
    return framed
