"""Exact times at which a text appears and disappears, from the pixels of its box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .spans import Box, Span
from .text_lines import Reading, TextReader, same_text

if TYPE_CHECKING:
    from .media import VideoSource

_WIDTH = 160
_WINDOW = 1.5
_STEP = 1.0
_LONGEST_STEP = 64.0
_LIKE, _UNLIKE = 0.75, 0.45
_SEEN = 0.25
"""Share of a fade from which a text counts as there: people see it well before it is half-way."""
_MOST = 72
_ODD = 0.06


def refine(
    video: VideoSource, reading: Reading, *, bounds: Span, fps: float | None = None, reader: TextReader | None = None
) -> Reading:
    """The same reading with the times of the frames at which it appears and disappears; middles of fades.

    The reading is followed beyond its own ends, across `bounds`, as long as the pixels in its box go on. Around each
    end every frame is compared. Where the pixels do not tell (the text moves), the times stay as they are, or
    `reader` decides.

    Args:
        video: where the reading comes from.
        reading: its times may be off by seconds.
        bounds: the seconds in which to look.
        fps: rate of the finest frames; the video's own by default.
        reader: arbiter where the pixels do not tell; without it nothing is read again.
    """
    finest = min(fps or video.info.fps or 25.0, _MOST / (2 * _WINDOW))
    whole = bounds.within(video.info.span)
    inside = Span(reading.start, reading.end).within(whole)
    if whole.duration <= 0 or inside.duration <= 0:
        return reading
    start = _edge(_Side(video, reading, inside, whole.start, finest, reader, back=True))
    end = _edge(_Side(video, reading, inside, whole.end, finest, reader, back=False))
    if end - start < 1 / finest:
        return reading
    return replace(reading, start=start, end=end)


@dataclass(frozen=True, slots=True)
class _Side:
    """One end of a reading. Offsets run outwards from the reading's middle, so that both ends read alike."""

    video: VideoSource
    reading: Reading
    inside: Span
    limit: float
    finest: float
    reader: TextReader | None
    back: bool

    @property
    def edge(self) -> float:
        """The end as the reading has it."""
        return self.inside.start if self.back else self.inside.end

    @property
    def outward(self) -> int:
        return -1 if self.back else 1

    def patches(self, times: list[float]) -> list[np.ndarray]:
        """The box's pixels at each of `times`, which must ascend."""
        return [_patch(frame.image, self.reading.box) for frame in self.video.frames_at(times)]


def _edge(side: _Side) -> float:
    present, absent = _bracket(side)
    if absent is None:
        return side.limit
    found = _crossing(side, present, absent)
    if found is not None:
        return found
    return side.edge if side.reader is None else _by_reading(side, side.reader, present, absent)


def _bracket(side: _Side) -> tuple[float, float | None]:
    """A time at which the text stands there and one outwards of it at which it does not (None: it never goes)."""
    depth = min(0.25, side.inside.duration / 3)
    present = side.edge - side.outward * depth
    (reference,) = side.patches([present])
    step, time = _STEP, side.edge
    while (side.limit - time) * side.outward > 1e-6:
        time += side.outward * min(step, abs(side.limit - time))
        # The last frame ends with the video.
        seen = min(time, side.limit - 0.5 / side.finest) if not side.back else time
        (patch,) = side.patches([seen])
        if likeness(patch, reference) < _UNLIKE:
            return present, seen
        if likeness(patch, reference) > _LIKE:
            present, step = seen, min(2 * step, _LONGEST_STEP)
    return present, None


def _crossing(side: _Side, present: float, absent: float) -> float | None:
    """The moment between both at which the box turns from one picture into the other; None where it is not clear."""
    while abs(absent - present) > 2 * _WINDOW:
        middle = (present + absent) / 2
        first, patch, last = side.patches(sorted([present, middle, absent]))
        there, gone = (last, first) if side.back else (first, last)
        present, absent = (middle, absent) if likeness(patch, there) > likeness(patch, gone) else (present, middle)
    middle = (present + absent) / 2
    low = max(middle - _WINDOW, min(side.limit, side.inside.start))
    high = min(middle + _WINDOW, max(side.limit, side.inside.end))
    times = list(np.arange(low, high, 1 / side.finest))
    frames = list(side.video.frames_at(times))
    when = np.array([frame.time for frame in frames])
    share = presence([_patch(frame.image, side.reading.box) for frame in frames], side.back)
    if share is None:
        return None
    return step_time(when, share, side.back)


def step_time(when: np.ndarray, share: np.ndarray, back: bool) -> float | None:
    """Time of the first frame with the text (`back`), or of the first one without it; None without a clear step.

    Args:
        when: `[frames]` seconds, ascending.
        share: `[frames]` from `presence`.
        back: whether the text comes (else it goes).
    """
    share = share if back else share[::-1]
    there = share > _SEEN
    # The split with the fewest frames on the wrong side: single odd frames do not matter.
    wrong = np.cumsum(np.append(0, there)) + np.append(np.cumsum((~there)[::-1])[::-1], 0)
    split = int(np.argmin(wrong))
    if wrong[split] > _ODD * len(there):
        return None
    if back:
        return float(when[min(split, len(when) - 1)])
    ordered = when[::-1]
    # A text that goes is on screen until the first frame without it.
    return float(ordered[split - 1]) if split else float(ordered[0])


def presence(patches: list[np.ndarray], back: bool) -> np.ndarray | None:
    """How much of the text is there in each patch: 0 before it came, 1 once it is there.

    Pixels count by how different they are with and without the text and how steady they are in both, so that a
    moving background weighs little.

    Args:
        patches: pixels of the box in time order.
        back: whether the text is there at the end of the patches (else at their beginning).

    Returns:
        `[patches]` float, or None where the two ends do not differ clearly.
    """
    stack = np.stack(patches).astype(np.float32)
    count = max(2, len(stack) // 6)
    if len(stack) < 3 * count:
        return None
    without, with_ = (stack[:count], stack[-count:]) if back else (stack[-count:], stack[:count])
    noise = with_.std(axis=0) + without.std(axis=0) + 4.0
    change = with_.mean(axis=0) - without.mean(axis=0)
    weight = change / noise**2
    scale = float((weight * change).sum())
    if scale <= 0 or float(np.abs(change / noise).max()) < 3.0:
        return None
    share = ((stack - without.mean(axis=0)) * weight).sum(axis=tuple(range(1, stack.ndim))) / scale
    inner, outer = (share[-count:], share[:count]) if back else (share[:count], share[-count:])
    if inner.std() + outer.std() > 0.35:
        return None
    return np.asarray(share)


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two patches' edges in [-1, 1]: the same letters, whatever the brightness."""
    one, other = (_edges(patch) for patch in (first, second))
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread > 1e-3 else 0.0


def _edges(patch: np.ndarray) -> np.ndarray:
    grey = cv2.GaussianBlur(patch.astype(np.float32), (3, 3), 0)
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _patch(image: np.ndarray, box: Box) -> np.ndarray:
    """The box's pixels, grey, `[h, w]` float32, at most 160 wide."""
    height, width = image.shape[:2]
    left, top = int(box.left * width), int(box.top * height)
    right, bottom = max(left + 4, round(box.right * width)), max(top + 4, round(box.bottom * height))
    crop = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _WIDTH / crop.shape[1])
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA)


def _by_reading(side: _Side, reader: TextReader, present: float, absent: float) -> float:
    """Halve the time between a frame with the text and one without it, by reading the surroundings of its box."""
    present = side.edge - side.outward * min(0.25, side.inside.duration / 3)
    reads: Callable[[float], bool] = lambda time: _reads(side, reader, time)  # noqa: E731
    if not reads(present) or reads(absent):
        return side.edge
    while abs(absent - present) > 1.5 / side.finest:
        middle = (present + absent) / 2
        present, absent = (middle, absent) if reads(middle) else (present, middle)
    return present if side.back else absent


def _reads(side: _Side, reader: TextReader, time: float) -> bool:
    image = next(iter(side.video.frames_at([time]))).image
    height, width = image.shape[:2]
    box, reach = side.reading.box, max(0.04, 1.5 * (side.reading.box.bottom - side.reading.box.top))
    left, top = int(max(0, box.left - reach) * width), int(max(0, box.top - reach) * height)
    right, bottom = int(min(1, box.right + reach) * width), int(min(1, box.bottom + reach) * height)
    lines = reader.read(np.ascontiguousarray(image[top:bottom, left:right]), quick=True)
    return any(same_text(line.text, side.reading.text, min(line.score, side.reading.score)) for line in lines)
