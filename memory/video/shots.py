"""Shots: where one camera's picture ends and another begins."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..span import Span

if TYPE_CHECKING:
    from ..protocol import Frame, VideoSource

_SIDE = 160  # pixels of the longest side that is decoded
_THUMB = (32, 18)
_FLASH = 0.4  # seconds; a picture that is back after so long never left
_NEIGHBORS = 5  # frames on each side whose changes say how much motion there is
_LEAST_CHANGE = 12.0  # mean levels of 255 between thumbnails; less is noise, however sudden
_SAME_PICTURE = 0.8  # correlation of two thumbnails above which only their light differs
_BLACK = 24.0  # the brightest place of a thumbnail is darker than this when nothing is on screen


@dataclass(slots=True)
class _Seen:
    """What is kept of a frame while it may still matter."""

    index: int
    time: float
    image: np.ndarray
    """[h, w, 3] uint8, longest side 160."""
    thumb: np.ndarray
    """[18, 32, 3] float32."""


@dataclass(slots=True)
class _Candidate:
    """A frame that may begin a shot, and what speaks for it."""

    index: int
    time: float
    before: np.ndarray
    """Thumbnail of the last frame before it."""
    likeness: float
    colors: float
    """Share of the picture whose colours changed."""
    change: float
    """Mean levels by which the thumbnails differ."""
    flash: bool = False
    """Whether the picture before it is back shortly after, or what follows was there shortly before."""


def detect_shots(video: VideoSource, span: Span | None = None) -> list[Span]:
    """The shots of `span` (the whole video by default), in order, without gaps.

    A shot begins at the time of its first frame. Found are hard cuts, exact to the frame, and fades through black (at
    the first frame that is not black); flashes, camera motion, fades from black at the start and changes of light do
    not end a shot. Dissolves are not found. Every frame of the span is decoded, at 160 pixels; a span without a cut is
    one shot.

    PySceneDetect's adaptive detector proposes cuts freely; each must then hold up against the frames around it.
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


def _cuts(frames: Iterator[Frame]) -> list[float]:
    """Times of the first frames of new shots, ascending."""
    import cv2
    from scenedetect import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector

    # Its thresholds are set low, to propose too much; 25 only names the frames, whose own times are kept here.
    detector = AdaptiveDetector(adaptive_threshold=2.0, min_content_val=10.0, min_scene_len=0)
    recent: deque[_Seen] = deque()
    changes: list[float] = [0.0]
    candidates: list[_Candidate] = []
    fades = _Fades()
    for index, frame in enumerate(frames):
        image = frame.image
        if recent and image.shape != recent[-1].image.shape:  # the stream changed its size
            height, width = recent[-1].image.shape[:2]
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        thumb = cv2.resize(image, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
        seen = _Seen(index, frame.time, image, thumb)
        if recent:
            changes.append(_change(recent[-1].thumb, thumb))
        recent.append(seen)
        while len(recent) > 8 and recent[0].time < frame.time - 2 * _FLASH:
            recent.popleft()
        for candidate in candidates[-8:]:
            if frame.time - candidate.time <= _FLASH or index - candidate.index <= 2:
                candidate.flash |= _same(candidate.before, thumb, candidate.change)
        for code in detector.process_frame(FrameTimecode(index, fps=25.0), np.ascontiguousarray(image[..., ::-1])):
            proposed = _propose(recent, code.frame_num)
            if proposed is not None:
                candidates.append(proposed)
        fades.see(seen, recent)
    cuts = [candidate.time for candidate in candidates if _holds(candidate, changes)]
    return _apart(_new_shots(cuts, fades.found))


def _propose(recent: deque[_Seen], index: int) -> _Candidate | None:
    place = next((place for place, seen in enumerate(recent) if seen.index == index), 0)
    if place == 0:
        return None
    before, first = recent[place - 1], recent[place]
    candidate = _Candidate(
        index,
        first.time,
        before.thumb,
        likeness=_likeness(before.thumb, first.thumb),
        colors=float(np.abs(_histogram(before.image) - _histogram(first.image)).sum() / 2),
        change=_change(before.thumb, first.thumb),
    )
    # A flash ends as suddenly as it began, so both sides of the frame are searched for the picture across it.
    for seen in list(recent)[: place - 1]:
        if first.time - seen.time <= _FLASH or index - seen.index <= 2:
            candidate.flash |= _same(seen.thumb, first.thumb, candidate.change)
    for seen in list(recent)[place + 1 :]:
        candidate.flash |= _same(before.thumb, seen.thumb, candidate.change)
    return candidate


def _holds(candidate: _Candidate, changes: list[float]) -> bool:
    """Whether a candidate is a cut: much changed, more than before and after, to another picture, and for good."""
    if candidate.change < _LEAST_CHANGE or candidate.likeness > _SAME_PICTURE or candidate.flash:
        return False
    index = candidate.index
    around = sorted(changes[max(index - _NEIGHBORS, 1) : index] + changes[index + 1 : index + 1 + _NEIGHBORS])
    motion = around[-2] if len(around) > 1 else 0.0  # the largest may be another cut, or the far side of a flash
    return candidate.change > (1.5 if candidate.colors > 0.2 else 3.0) * motion


class _Fades:
    """Notices a black stretch between two different pictures."""

    def __init__(self) -> None:
        self.found: list[Span] = []
        """From the first black frame to the first frame of what comes after it."""
        self._before: np.ndarray | None = None
        self._since: float | None = None
        self._pending: tuple[Span, np.ndarray] | None = None

    def see(self, seen: _Seen, recent: deque[_Seen]) -> None:
        """Take the next frame; `recent` ends with it."""
        black = _is_black(seen.thumb)
        if black and self._since is None:
            # The picture as it was before it faded, not its last dark frame.
            self._before = next((old.thumb for old in recent if not _is_black(old.thumb)), None)
            self._since = seen.time
        elif not black and self._since is not None:
            if self._before is not None:
                self._pending = (Span(self._since, seen.time), self._before)
            self._since = None
        if self._pending is not None and not black and seen.time - self._pending[0].end >= _FLASH:
            stretch, before = self._pending
            if _likeness(before, seen.thumb) <= _SAME_PICTURE:
                self.found.append(stretch)
            self._pending = None


def _is_black(thumb: np.ndarray) -> bool:
    return float(thumb.mean(2).max()) < _BLACK


def _new_shots(cuts: list[float], fades: list[Span]) -> list[float]:
    """Cuts and fades in one list; a short black stretch that begins with a cut belongs to what comes after it."""
    short = 2.0
    faded = [
        fade.end for fade in fades if fade.duration > short or not any(fade.start <= cut <= fade.end for cut in cuts)
    ]
    return sorted([*cuts, *faded])


def _apart(times: list[float]) -> list[float]:
    """Of times closer than a flash only the last: what flickers by between two shots belongs to the cut."""
    return [time for time, after in pairwise([*times, math.inf]) if after - time > _FLASH / 2]


def _same(one: np.ndarray, other: np.ndarray, change: float) -> bool:
    """Whether two thumbnails show one picture, as far as a jump by `change` between them can tell."""
    return _change(one, other) < 0.5 * change and _likeness(one, other) > _SAME_PICTURE


def _change(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation in [-1, 1] of two thumbnails' luma; it ignores brightness and contrast. 0 for an empty picture.

    Two rooms with a light wall over a dark floor correlate as wholes and differ in what stands in them, so pictures
    are alike only if their details (what a blur takes away) are, at half the weight.
    """
    import cv2

    lumas = [np.ascontiguousarray(thumb.mean(2)) for thumb in (one, other)]
    whole = _correlation(*lumas)
    details = _correlation(*(luma - cv2.blur(luma, (7, 7)) for luma in lumas))
    return min(whole, 0.5 + details / 2)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-3 else 0.0


def _histogram(image: np.ndarray) -> np.ndarray:
    """[512] shares of the picture in 8x8x8 bins of CIELAB."""
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [0, 1, 2], None, [8, 8, 8], [0, 256, 64, 192, 64, 192]).ravel()
    return np.asarray(counts / (image.shape[0] * image.shape[1]))
