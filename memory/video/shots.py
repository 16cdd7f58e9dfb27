"""Shots: where one camera's picture ends and another begins."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..span import Span
from .shape import resize

if TYPE_CHECKING:
    from ..protocol import Frame, VideoSource

_SIDE = 160  # pixels of the longest side that is decoded
_FLASH = 0.4  # seconds; a picture that is back after so long never left (the flashes and lost frames of the tests)
_HASH = 16  # side of the perceptual hash, in bits
_DIFFERENT = 0.37
"""Share of unlike bits from which on two hashes are of different pictures (PySceneDetect has 0.35 for 64 bits).
Measured: at 0.395 a cut of the tests is missed; below 0.35 the light of a film leader makes false cuts."""
_BLACK = 24.0  # of 255: nothing is on screen where no place of the picture is brighter (video black is 16)


def detect_shots(video: VideoSource, span: Span | None = None) -> list[Span]:
    """Return the shots of `span` (the whole video by default), in order, without gaps.

    A shot begins at the time of its first frame. Found are hard cuts, exact to the frame, and fades through black (at
    the first frame that is not black); flashes, camera motion, fades from black at the start and changes of light do
    not end a shot. Dissolves are not found. Every frame of the span is decoded, at 160 pixels; a span without a cut is
    one shot.

    PySceneDetect's adaptive detector proposes cuts, and the end of a black stretch is another proposal. One is kept
    where PySceneDetect's perceptual hash says that the picture before it does not come back at once.
    """
    bounds = (span or video.info.span).within(video.info.span)
    starts = [bounds.start, *(cut for cut in _cuts(_every_frame(video, bounds)) if bounds.start < cut < bounds.end)]
    return [Span(start, end) for start, end in pairwise([*starts, bounds.end])]


def _every_frame(video: VideoSource, span: Span) -> Iterator[Frame]:
    times = getattr(video, "times", None)
    if times is not None:
        every = times()
        first = max(int(np.searchsorted(every, span.start, "right")) - 1, 0)  # the one on screen at the start
        yield from video.frames_at(every[first : int(np.searchsorted(every, span.end, "left"))], size=_SIDE)
        return
    # A source that cannot list its frames is asked at its rate; a frame that comes twice is one frame.
    last = None
    for frame in video.frames(span, video.info.fps, size=_SIDE):
        if frame.time != last:
            last = frame.time
            yield frame


def _cuts(frames: Iterable[Frame]) -> list[float]:
    """Return times of the first frames of new shots, ascending."""
    from scenedetect import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector, HashDetector

    # Less strict than its default 3.0, which misses a cut amid motion at 12 frames a second (`long_mix`, 346 s).
    detector = AdaptiveDetector(adaptive_threshold=2.3, min_scene_len=0)
    times, visible, hashes = array("d"), bytearray(), bytearray()
    proposed: set[int] = set()
    shape: tuple[int, ...] | None = None
    for index, frame in enumerate(frames):
        shape = shape or frame.image.shape
        image = resize(frame.image, (shape[1], shape[0]))  # the stream may change its size
        bgr = np.ascontiguousarray(image[..., ::-1])
        times.append(frame.time)
        visible.append(bool(resize(image, (32, 18)).mean(2).max() >= _BLACK))
        hashes += np.packbits(HashDetector.hash_frame(bgr, _HASH, 2)).tobytes()
        # The rate only names the frames, whose own times are kept here.
        proposed |= {cut.frame_num for cut in detector.process_frame(FrameTimecode(index, fps=25.0), bgr)}
        if index and visible[index] > visible[index - 1]:
            proposed.add(index)
    pictures = _Pictures(np.asarray(times), np.asarray(visible, bool), np.frombuffer(hashes, np.uint8))
    cuts = []
    for index in sorted(proposed):
        last = pictures.last_visible(index)
        if last is not None and pictures.is_cut(last, index):
            # Black that a cut begins belongs to what comes after it; black that a picture fades into does not.
            cuts.append(times[last + 1 if last + 1 in proposed else index])
    # Of cuts closer than a flash only the last: what flickers by between two shots belongs to the cut.
    return [time for time, after in pairwise([*cuts, math.inf]) if after - time > _FLASH / 2]


class _Pictures:
    """Perceptual hashes of all frames, with their times and whether anything is on screen."""

    def __init__(self, times: np.ndarray, visible: np.ndarray, hashes: np.ndarray) -> None:
        self._times, self._visible = times, visible
        self._bits = hashes.reshape(len(times), -1)

    def last_visible(self, index: int) -> int | None:
        """Return the last frame before `index` on which anything is seen; None without one."""
        before = np.flatnonzero(self._visible[:index])
        return int(before[-1]) if len(before) else None

    def is_cut(self, last: int, index: int) -> bool:
        """Tell whether a new picture begins at `index`, rather than one that was there just before and at `last`."""
        if not self._visible[index]:
            return False
        # A flash ends as suddenly as it began, so the picture across it is searched for on both sides.
        end = int(np.searchsorted(self._times, self._times[index] + _FLASH, "right"))
        start = int(np.searchsorted(self._times, self._times[last] - _FLASH, "left"))
        return not self._any_alike(last, index, end) and not self._any_alike(index, start, last + 1)

    def _any_alike(self, index: int, start: int, end: int) -> bool:
        others = self._bits[start:end][self._visible[start:end]]
        unlike = np.unpackbits(others ^ self._bits[index], axis=1).mean(1)
        return bool((unlike < _DIFFERENT).any())
