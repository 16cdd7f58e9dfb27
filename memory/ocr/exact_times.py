"""Exact times at which a text appears and disappears, from the pixels of its box."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..span import Box, Span
from ..video.shape import resize
from .lines import Line, Reading, TextReader, same_text
from .reader import read_region

if TYPE_CHECKING:
    from ..protocol import VideoSource

_WIDTH = 240
_STEP = 0.25
_LONGEST_STEP = 60.0
_AROUND = 1.5
_SAME = 0.92
_SAME_BEHIND = 0.8
"""Likeness of most parts of one large letter from which it is the same one, behind something that crosses it."""
_PARTS = 4  # rows and columns into which one large letter is parted
_LONE = 48  # height in pixels from which a letter is large enough to be parted
_CLEARLY = 0.3
_LETTERS = 80
_ABRUPT = 0.35
"""Largest change between two frames of a fade, as a share of the text's strength; a cut changes more at once."""
_VISIBLE = 0.25  # share of a fade from which a text counts as there: people see it well before it is half-way
_LEGIBLE = 0.6
"""Share of a fade at which a text is read without fail: what could not be read, but seems stronger, is another text."""
_FINEST = 30.0


def refine(video: VideoSource, reading: Reading, *, bounds: Span, reader: TextReader) -> Reading:
    """Return the same reading with the times of the frames at which it appears and disappears.

    The text is followed beyond the reading's ends, across `bounds`, as long as it can be read there or its pixels do
    not change. Each end is then narrowed down to the frame by reading. Where it fades, the pixels of the box tell
    from when to when it shines through: it counts as there from a quarter of its strength.
    """
    finest = min(video.info.fps or _FINEST, _FINEST)
    whole = bounds.within(video.info.span)
    inside = Span(reading.start, reading.end).within(whole)
    if whole.duration <= 0 or inside.duration <= 0:
        return reading
    start = _edge(_End(video, reading, inside, whole.start, finest, reader, back=True))
    end = _edge(_End(video, reading, inside, whole.end, finest, reader, back=False))
    start = inside.start if start is None else start
    return replace(reading, start=start, end=max(inside.end if end is None else end, start + 1 / finest))


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a reading, and the way out of it."""

    video: VideoSource
    reading: Reading
    inside: Span
    limit: float
    finest: float
    reader: TextReader
    back: bool
    letters: float = _LETTERS
    """Height in pixels to which larger letters are scaled down: most read as well, and much faster; when it is
    infinite, the whole picture is read, as when the text was found."""

    @property
    def edge(self) -> float:
        return self.inside.start if self.back else self.inside.end

    @property
    def outward(self) -> int:
        """The direction of time from the text to where it is not."""
        return -1 if self.back else 1

    def image(self, time: float) -> np.ndarray:
        """Return the picture on screen at `time`; at the very end, the last one."""
        return next(iter(self.video.frames_at([time]))).image

    def shows(self, image: np.ndarray, reference: np.ndarray) -> bool:
        """Return whether the text stands in `image`, given a picture in which it does."""
        if likeness(*self.patches(image, reference)) > _SAME:
            return True
        read, other = self.read(image)
        return read or (self.lone and not other and self.like(image, reference) > _SAME_BEHIND)

    @property
    def height(self) -> float:
        return self.reading.box.bottom - self.reading.box.top

    @property
    def lone(self) -> bool:
        """Return whether it is one letter or digit, so large that parts of it tell it from others."""
        return len(self.reading.text) == 1 and self.height * self.video.info.height >= _LONE

    def patches(self, image: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _patch(image, self.reading.box), _patch(other, self.reading.box)

    def like(self, image: np.ndarray, other: np.ndarray) -> float:
        """Return the likeness of two pictures in the box, in [-1, 1]."""
        compare = likeness_behind if self.lone else likeness
        return compare(*self.patches(image, other))

    def read(self, image: np.ndarray) -> tuple[bool, bool]:
        """Return whether the text can be read near its place, and whether another one about as large can."""
        box, high = self.reading.box, self.height
        reach = max(0.12, 1.5 * high) if self.letters < math.inf else 1.0
        around = Box(
            max(0.0, box.left - reach), max(0.0, box.top - reach), min(1.0, box.right + reach),
            min(1.0, box.bottom + reach),
        )  # fmt: skip
        scale = self.letters / (high * image.shape[0])
        # A lone character is easily missed at one scale.
        scales = [1.0] if scale >= 0.8 else [scale, 1.0] if len(self.reading.text) <= 3 else [scale]
        found: list[Line] = []
        for each in scales:
            lines = read_region(self.reader, image, around, scale=each, quick=True, whole=False)
            if any(same_text(n.text, self.reading.text, min(n.score, self.reading.score)) for n in lines):
                return True, False
            found += lines
        return False, any(line.box.bottom - line.box.top > high / 3 for line in found)


def _edge(end: _End) -> float | None:
    """Return the time of the end to the frame; None where the text cannot be read at all."""
    present, absent, reference = _anchor(end)
    # A reading's start is a picture in which the text was read: where that fails, its surroundings do not do.
    if end.letters < math.inf and (reference is None or (end.back and absent is not None)):
        return _edge(replace(end, letters=math.inf))
    if reference is None:
        return None
    if absent is None:
        absent, present, reference = _beyond(end, present, reference)
    if absent is None:
        return end.limit
    without = end.image(absent)
    while abs(absent - present) > 0.75 / end.finest:
        middle = (present + absent) / 2
        image = end.image(middle)
        like, unlike = end.like(image, reference), end.like(image, without)
        clear = abs(like - unlike) > _CLEARLY and max(like, unlike) > 2 * _CLEARLY
        there = like > unlike if clear else end.shows(image, reference)
        present, absent = (middle, absent) if there else (present, middle)
    return _faded(end, present, absent)


def _anchor(end: _End) -> tuple[float, float | None, np.ndarray | None]:
    """Return a time inside the reading at which the text is there, one outwards at which it is not, and the picture."""
    present, absent, reference = _outermost(end, lambda image: end.read(image)[0])
    if reference is None and end.lone and end.letters == math.inf:
        # It was read at its start, in some part of the picture: these pixels tell how long it stays.
        first = end.image(end.inside.start)
        present, absent, reference = _outermost(end, lambda image: end.shows(image, first))
    if reference is not None and absent is not None and end.shows(end.image(end.edge), reference):
        present, absent = end.edge, None
    return present, absent, reference


def _outermost(end: _End, there: Callable[[np.ndarray], bool]) -> tuple[float, float | None, np.ndarray | None]:
    """Return the first time inwards of the edge at which the text is `there`, the one before, and the picture."""
    absent = None
    depth = 0.0 if end.back else min(0.25, end.inside.duration / 2)
    while depth < end.inside.duration:
        time = end.edge - end.outward * depth
        image = end.image(time)
        if there(image):
            return time, absent, image
        absent, depth = time, max(0.25, 2 * depth)
    return end.edge, absent, None


def _beyond(end: _End, present: float, reference: np.ndarray) -> tuple[float | None, float, np.ndarray]:
    """Return a time outwards of the text (None: it stays to the limit), the last one at which it is, its picture."""
    step, time = _STEP, end.edge
    # A short text is missed now and then; two misses in a row are its end.
    misses, most = 0, 1 if len(end.reading.text) > 3 else 2
    first_miss = time
    while (end.limit - time) * end.outward > 1e-6:
        time += end.outward * min(step, abs(end.limit - time))
        # The last frame stays until the video ends.
        moment = time if end.back else min(time, end.limit - 0.5 / end.finest)
        image = end.image(moment)
        if end.shows(image, reference):
            misses, present, step = 0, moment, min(2 * step, _LONGEST_STEP)
            if end.lone:  # what crosses it goes on bit by bit
                reference = image
            continue
        misses, first_miss = misses + 1, first_miss if misses else moment
        if misses == most:
            return first_miss, present, reference
        step = _STEP
    return (first_miss if misses else None), present, reference


def _faded(end: _End, present: float, absent: float) -> float:
    """Return the end to the frame: where it could last be read, and on from there as long as it shines through."""
    inner = present - end.outward * min(_AROUND, max(abs(present - end.inside.middle), 0.5))
    outer = absent + end.outward * min(_AROUND, abs(end.limit - absent))
    times = np.arange(min(inner, outer), max(inner, outer), 1 / end.finest).tolist()
    frames = list({frame.time: frame for frame in end.video.frames_at(times)}.values())
    when = [frame.time for frame in frames]
    at = bisect.bisect_right(when, present + 1e-6) - 1
    share = presence([_patch(frame.image, end.reading.box) for frame in frames], end.back)
    if share is not None:
        quiet = share[: len(share) // 5] if end.back else share[-(len(share) // 5) :]
        least = max(_VISIBLE, float(quiet.mean() + 4 * quiet.std()))
        last = at
        while 0 <= last + end.outward < len(when):
            further = share[last + end.outward]
            if further < least:
                # It faded away; whatever ends otherwise was another text.
                at = last
                break
            steady = abs(last - at) < 5 or further < share[last - 4 * end.outward] - 0.03
            if further >= _LEGIBLE or abs(further - share[last]) > _ABRUPT or not steady:
                break
            last += end.outward
    at = min(max(at, 0), len(when) - 1)
    if end.back:
        return when[at]
    # On screen until the next frame comes.
    return when[at + 1] if at + 1 < len(when) else absent


def presence(patches: list[np.ndarray], back: bool) -> np.ndarray | None:
    """Return how much of the text is there in each patch: 0 before it came, 1 once it is there.

    Only edges are compared. They count by how much stronger they are with the text and how steady they are with and
    without it, so that a moving background weighs little.

    Args:
        patches: pixels of the box in time order.
        back: whether the text is there at the end of the patches (else at their beginning).

    Returns:
        `[patches]` float, or None where the two ends do not differ clearly.
    """
    # A stream may change the size of its pictures.
    stack = np.stack([_edges(resize(patch, patches[0].shape[::-1])) for patch in patches])
    count = max(2, len(stack) // 6)
    if len(stack) < 3 * count:
        return None
    without, with_ = (stack[:count], stack[-count:]) if back else (stack[-count:], stack[:count])
    noise = with_.std(axis=0) + without.std(axis=0) + 4.0
    change = with_.mean(axis=0) - without.mean(axis=0)
    weight = np.maximum(change, 0) / noise**2
    scale = float((weight * change).sum())
    if scale <= 0 or float((change / noise).max()) < 3.0:
        return None
    share = ((stack - without.mean(axis=0)) * weight).sum(axis=tuple(range(1, stack.ndim))) / scale
    inner, outer = (share[-count:], share[:count]) if back else (share[:count], share[-count:])
    if inner.std() + outer.std() > 0.35:
        return None
    return np.asarray(share)


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of two patches' edges in [-1, 1] where they are least alike, letter by letter.

    The same letters are alike whatever their brightness; one digit of a long counter that went on is enough to differ.
    """
    height, width = first.shape
    return min(_alike_by_part(first, second, 2, max(2, round(width / (0.6 * height)))), default=1.0)


def likeness_behind(first: np.ndarray, second: np.ndarray) -> float:
    """Return the likeness of two patches of one large letter in [-1, 1] in most of their parts, whatever crosses them.

    A wipe or a shadow changes a row of parts; another letter changes most of them.
    """
    return float(np.median(_alike_by_part(first, second, _PARTS, _PARTS) or [1.0]))


def _alike_by_part(first: np.ndarray, second: np.ndarray, rows: int, columns: int) -> list[float]:
    """Return the correlations of the edges of two patches in each part in which there are some."""
    one, other = _edges(first), _edges(resize(second, first.shape[::-1]))
    strong = 0.3 * max(float(one.std()), float(other.std()), 1e-3)
    return [
        _correlation(mine, its)
        for upper, lower in zip(np.array_split(one, rows), np.array_split(other, rows), strict=True)
        for mine, its in zip(np.array_split(upper, columns, 1), np.array_split(lower, columns, 1), strict=True)
        if mine.std() > strong or its.std() > strong
    ]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread > 1e-3 else 0.0


def _edges(patch: np.ndarray) -> np.ndarray:
    gray = cv2.GaussianBlur(patch.astype(np.float32), (3, 3), 0)
    return cv2.magnitude(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))


def _patch(image: np.ndarray, box: Box) -> np.ndarray:
    """Return the box's pixels, gray, `[h, w]` float32, at most 240 wide."""
    height, width = image.shape[:2]
    left, top = int(box.left * width), int(box.top * height)
    right, bottom = max(left + 4, round(box.right * width)), max(top + 4, round(box.bottom * height))
    crop = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _WIDTH / crop.shape[1])
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    return resize(crop, size)
