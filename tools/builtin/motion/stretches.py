"""A video cut into stretches in which the camera stands still, each small enough to hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ....memory.span import Span
from .camera import CutFinder, camera_moves

if TYPE_CHECKING:
    from ....memory.protocol import VideoSource

Array = np.ndarray[Any, Any]

LONGEST = 120.0  # seconds of small frames that are held at once, as JPEG of about 15 kB each
SHORTEST = 1.5  # seconds; in less a background cannot be told from what moves
_STEP, _LONG_STEP = 0.5, 4.0  # seconds between the two frames in which the camera's movement is looked for


@dataclass(slots=True)
class Stretch:
    """Consecutive small frames from a camera that stands still."""

    goes_on: bool  # with the view of the stretch before it
    times: list[float] = field(default_factory=list)
    pictures: list[Array] = field(default_factory=list)  # JPEG

    @property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        return self.times[-1] - self.times[0]

    def image(self, index: int) -> Array:
        """One frame, `[H, W, 3]` uint8 RGB."""
        import cv2

        return np.asarray(cv2.imdecode(self.pictures[index], cv2.IMREAD_COLOR_RGB))

    def samples(self, count: int) -> Array:
        """At most `count` frames at even distances, `[N, H, W, 3]` uint8."""
        picks = np.unique(np.linspace(0, len(self.times) - 1, min(count, len(self.times))).round().astype(int))
        return np.stack([self.image(int(pick)) for pick in picks])


def still_stretches(video: VideoSource, span: Span, fps: float, size: int) -> Iterator[Stretch]:
    """The parts of a span in which the camera stands still, each of at most `LONGEST` seconds.

    Args:
        video: where the frames come from.
        span: seconds to watch.
        fps: frames looked at per second.
        size: longest side of the frames in pixels.
    """
    import cv2

    # Even pieces: a rest of a few seconds would have no background of its own.
    longest = span.duration / max(1, round(span.duration / LONGEST + 0.49))
    cuts = CutFinder()
    watch = _Watch()
    held = Stretch(goes_on=False)
    shape = before = (0, 0)
    for frame in video.frames(span, fps, size=size):
        if held.times and frame.time <= held.times[-1]:
            continue  # the video has fewer frames a second than were asked for
        image, cut = frame.image, False
        if image.shape[:2] != before:  # at first, and where the stream changes its size
            cut, before = any(before) and not _alike(image.shape[:2], before), image.shape[:2]
            shape = shape if any(shape) else before
        if before != shape:  # places are shares of the picture, so that all can be of one size
            image = cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
        cut = cuts.is_cut(image) or cut
        full = bool(held.times) and frame.time - held.times[0] >= longest
        if held.times and (cut or full):
            yield from _still(held, watch.moving)
            held = Stretch(goes_on=not cut and not watch.is_moving)
        if cut:
            watch = _Watch()
        watch.look(frame.time, image)
        held.times.append(frame.time)
        _, picture = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        held.pictures.append(picture)
    yield from _still(held, watch.moving)


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two pictures (height, width) have the same shape but for rounding: one scene at another resolution."""
    return abs(one[1] * other[0] / (one[0] * other[1]) - 1) < 0.03


class _Watch:
    """Notes when the camera moves within one shot: steps of half a second, and long ones that show a slow pan."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, Array]] = []
        self.moving: list[tuple[Span, bool]] = []

    @property
    def is_moving(self) -> bool:
        """Whether the camera moved in the last step."""
        return bool(self.moving) and self.moving[-1][1]

    def look(self, time: float, image: Array) -> None:
        """Take the next frame; most are passed over."""
        import cv2

        if self._seen and time - self._seen[-1][0] < _STEP - 1e-3:
            return
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if self._seen:
            before, picture = self._seen[-1]
            moves = camera_moves(picture, gray)
            first, oldest = self._seen[0]
            if not moves and time - first >= _LONG_STEP:
                moves = camera_moves(oldest, gray)
                self._seen = self._seen[-2:]  # the next long step starts here
            self.moving.append((Span(before, time), moves))
        self._seen.append((time, gray))


def _still(held: Stretch, steps: list[tuple[Span, bool]]) -> Iterator[Stretch]:
    """The stretches of `held` outside the time in which the camera moves; a single step is not believed."""
    if not held.times:
        return
    verdicts = [moves for _, moves in steps]
    moving = [
        span
        for index, (span, _) in enumerate(steps)
        if sum(verdicts[max(index - 2, 0) : index + 3]) >= min(2, len(verdicts))
    ]
    part = Stretch(goes_on=held.goes_on)
    for time, picture in zip(held.times, held.pictures, strict=True):
        if any(span.start <= time < span.end for span in moving):
            if part.times:
                yield from _if_long(part)
            part = Stretch(goes_on=False)
            continue
        part.times.append(time)
        part.pictures.append(picture)
    yield from _if_long(part)


def _if_long(part: Stretch) -> Iterator[Stretch]:
    if len(part.times) >= 8 and part.times[-1] - part.times[0] >= SHORTEST - 0.2:
        yield part
