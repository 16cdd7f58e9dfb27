"""Pictures in a row as a video file, so that they are searched and looked at like any video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from ...memory import VideoError
from ...memory.video.pictures import NotAPicture, decode_picture

if TYPE_CHECKING:
    from av.container import OutputContainer

PIXELS = 40_000_000
"""Pixels of a picture that is decoded."""
SIDE = 1920
"""Longest side of the video in pixels; larger pictures are scaled down."""
ENDING = ".mp4"
_TICK = Fraction(1, 1000)
_TICKS = {"video_track_timescale": "1000"}  # left alone, FFmpeg makes them finer: a gap of 38 h has no room then
_LEAST = 16  # pixels of a side, less is no video for some decoders


def write_frames(
    path: Path, pictures: Sequence[bytes], times: Sequence[float] | None, stopped: Callable[[], bool]
) -> None:
    """Write encoded pictures as a video without sound, each of them a keyframe.

    The first picture says the size and shape; another shape stands in the middle, with black around it.

    Args:
        path: the file.
        pictures: encoded, one or more.
        times: seconds at which each appears, going up; None: one a second, from 0 on. The last one stands for as long
            as the one before.
        stopped: is asked between pictures whether to give up.

    Raises:
        VideoError: if one is no picture or too large, or it was given up; the text says which.
    """
    seconds = [float(number) for number in range(len(pictures))] if times is None else list(times)
    starts = [round(time / _TICK) for time in seconds]
    last = starts[-1] - starts[-2] if len(starts) > 1 else round(1 / _TICK)
    lasting = dict(zip(starts, np.diff([*starts, starts[-1] + last]).tolist(), strict=True))
    images = _images(pictures, stopped)
    first = next(images)
    options = {"crf": "12", "preset": "veryfast", "g": "1", "x264-params": "keyint=1:bframes=0:threads=1:scenecut=0"}
    with av.open(str(path), "w", format="mp4", options=_TICKS) as container:
        stream = container.add_stream("libx264", rate=Fraction(1), options=options)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv444p"  # colored letters stay sharp
        stream.codec_context.time_base = stream.time_base = _TICK
        stream.thread_count = 1
        for start, image in zip(starts, _all(first, images), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv444p")
            frame.pts, frame.time_base = start, _TICK
            _mux(container, stream.encode(frame), lasting)
        _mux(container, stream.encode(None), lasting)


def _mux(container: OutputContainer, packets: Sequence[av.Packet], lasting: Mapping[int, int]) -> None:
    for packet in packets:
        packet.duration = lasting[round((packet.pts or 0) * packet.time_base / _TICK)]
        container.mux(packet)


def _all(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    for image in rest:
        yield _fitted(image, first.shape[1], first.shape[0])


def _images(pictures: Sequence[bytes], stopped: Callable[[], bool]) -> Iterator[np.ndarray]:
    for number, encoded in enumerate(pictures, 1):
        if stopped():
            raise VideoError("The request was given up while its pictures were read.")
        try:
            picture = decode_picture(encoded, most=PIXELS)
        except NotAPicture as error:
            raise VideoError(f"Picture {number} of {len(pictures)} cannot be read: {error}.") from None
        scale = min(1.0, SIDE / max(picture.size))
        width, height = (max(_LEAST, round(side * scale)) for side in picture.size)
        yield np.asarray(picture if (width, height) == picture.size else picture.resize((width, height)))


def _fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture scaled to fit into that size, in its middle."""
    from PIL import Image

    if image.shape[:2] == (height, width):
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    fitted = np.zeros((height, width, 3), np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    fitted[top : top + size[1], left : left + size[0]] = np.asarray(Image.fromarray(image).resize(size))
    return fitted
