"""Exact times at which a text appears and disappears, from the pixels of its box."""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..span import Box, Span
from .lines import Line, Reading, TextReader, same_text

if TYPE_CHECKING:
    from ..protocol import VideoSource

_WIDTH = 240
_STEP = 1.0
_LONGEST_STEP = 60.0
_AROUND = 1.5
_SAME = 0.92
_SAME_BEHIND = 0.8
"""Likeness of most parts of one large letter from which it is the same one, behind something that crosses it."""
_PARTS = 4
"""Rows and columns into which one large letter is parted."""
_LONE = 48
"""Height in pixels from which a letter is large enough to be parted."""
_CLEARLY = 0.3
_LETTERS = 80
_ABRUPT = 0.35
"""Largest change between two frames of a fade, as a share of the text's strength; a cut changes more at once."""
_SEEN = 0.25
"""Share of a fade from which a text counts as there: people see it well before it is half-way."""
_LEGIBLE = 0.6
"""Share of a fade at which a text is read without fail: what could not be read, but seems stronger, is another text."""
_FINEST = 30.0


def refine(
    video: VideoSource, reading: Reading, *, bounds: Span, fps: float | None = None, reader: TextReader | None = None
) -> Reading:
    """The same reading with the times of the frames at which it appears and disappears.

    The text is followed beyond the reading's ends, across `bounds`, as long as it can be read there or its pixels do
    not change. Each end is then narrowed down to the frame by reading. Where it fades, the pixels of the box tell
    from when to when it shines through: it counts as there from a quarter of its strength.

    Args:
        video: where the reading comes from.
        reading: its times may be off by seconds.
        bounds: the seconds in which to look.
        fps: rate of the finest frames; the video's own, up to 30, by default.
        reader: reads the surroundings of the box; the one of `text_reader` by default.
    """
    finest = min(fps or video.info.fps or _FINEST, _FINEST)
    whole = bounds.within(video.info.span)
    inside = Span(reading.start, reading.end).within(whole)
    if whole.duration <= 0 or inside.duration <= 0:
        return reading
    reader = reader or _shared_reader()
    start = _edge(_Side(video, reading, inside, whole.start, finest, reader, back=True))
    end = _edge(_Side(video, reading, inside, whole.end, finest, reader, back=False))
    start = inside.start if start is None else start
    return replace(reading, start=start, end=max(inside.end if end is None else end, start + 1 / finest))


@functools.cache
def _shared_reader() -> TextReader:
    from .reader import text_reader

    return text_reader()


@dataclass(frozen=True, slots=True)
class _Side:
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
        """The end as the reading has it."""
        return self.inside.start if self.back else self.inside.end

    @property
    def outward(self) -> int:
        """Which way time runs from the text to where it is not."""
        return -1 if self.back else 1

    def image(self, time: float) -> np.ndarray:
        """The picture on screen at `time`; at the very end, the last one."""
        return next(iter(self.video.frames_at([time]))).image

    def shows(self, image: np.ndarray, known: np.ndarray) -> bool:
        """Whether the text stands in `image`, given a picture in which it does."""
        box = self.reading.box
        if likeness(_patch(image, box), _patch(known, box)) > _SAME:
            return True
        read, other = self._read(image)
        return read or (self.lone and not other and self.like(image, known) > _SAME_BEHIND)

    @property
    def lone(self) -> bool:
        """Whether it is one letter or digit, so large that parts of it tell it from others."""
        box = self.reading.box
        return len(self.reading.text) == 1 and (box.bottom - box.top) * self.video.info.height >= _LONE

    def like(self, image: np.ndarray, other: np.ndarray) -> float:
        """Likeness of two pictures in the box, in [-1, 1]."""
        first, second = _patch(image, self.reading.box), _patch(other, self.reading.box)
        return likeness_behind(first, second) if self.lone else likeness(first, second)

    def reads(self, image: np.ndarray) -> bool:
        """Whether the text can be read near its place in `image`."""
        return self._read(image)[0]

    def _read(self, image: np.ndarray) -> tuple[bool, bool]:
        """Whether the text can be read near its place, and whether another as large can."""
        height, width = image.shape[:2]
        box = self.reading.box
        reach = max(0.12, 1.5 * (box.bottom - box.top)) if self.letters < math.inf else 1.0
        left, top = int(max(0, box.left - reach) * width), int(max(0, box.top - reach) * height)
        right, bottom = int(min(1, box.right + reach) * width), int(min(1, box.bottom + reach) * height)
        crop = np.ascontiguousarray(image[top:bottom, left:right])
        scale = self.letters / ((box.bottom - box.top) * height)
        lines = [self.reader.read(crop, quick=True)] if scale >= 0.8 else []
        if scale < 0.8:
            small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            lines.append(self.reader.read(small, quick=True))
            # A lone character is easily missed at one scale.
            if len(self.reading.text) <= 3 and not any(map(self._says, lines[0])):
                lines.append(self.reader.read(crop, quick=True))
        found = [line for each in lines for line in each]
        if any(map(self._says, found)):
            return True, False
        share = (box.bottom - box.top) * height / crop.shape[0] / 3
        return False, any(line.box.bottom - line.box.top > share for line in found)

    def _says(self, line: Line) -> bool:
        return same_text(line.text, self.reading.text, min(line.score, self.reading.score))


def _edge(side: _Side) -> float | None:
    present, absent, known = _anchor(side)
    # A reading's start is a picture in which the text was read: where that fails, its surroundings do not do.
    if side.letters < math.inf and (known is None or (side.back and absent is not None)):
        return _edge(replace(side, letters=math.inf))
    if known is None:
        return None
    if absent is None:
        absent, present, known = _beyond(side, present, known)
    if absent is None:
        return side.limit
    without = side.image(absent)
    while abs(absent - present) > 0.75 / side.finest:
        middle = (present + absent) / 2
        image = side.image(middle)
        like, unlike = side.like(image, known), side.like(image, without)
        clear = abs(like - unlike) > _CLEARLY and max(like, unlike) > 2 * _CLEARLY
        there = like > unlike if clear else side.shows(image, known)
        present, absent = (middle, absent) if there else (present, middle)
    return _faded(side, present, absent)


def _anchor(side: _Side) -> tuple[float, float | None, np.ndarray | None]:
    """A time inside the reading at which the text can be read, one outwards of it at which it cannot, the picture."""
    present, absent, known = _outermost(side, side.reads)
    if known is None and side.lone and side.letters == math.inf:
        # It was read at its start, in some part of the picture: these pixels tell how long it stays.
        first = side.image(side.inside.start)
        present, absent, known = _outermost(side, lambda image: side.shows(image, first))
    if known is not None and absent is not None and side.shows(side.image(side.edge), known):
        present, absent = side.edge, None
    return present, absent, known


def _outermost(side: _Side, there: Callable[[np.ndarray], bool]) -> tuple[float, float | None, np.ndarray | None]:
    """The first time inwards of the edge at which the text is `there`, the one before, and the picture."""
    absent = None
    depth = 0.0 if side.back else min(0.25, side.inside.duration / 2)
    while depth < side.inside.duration:
        time = side.edge - side.outward * depth
        image = side.image(time)
        if there(image):
            return time, absent, image
        absent, depth = time, max(0.25, 2 * depth)
    return side.edge, absent, None


def _beyond(side: _Side, present: float, known: np.ndarray) -> tuple[float | None, float, np.ndarray]:
    """A time outwards of the text (None: it stays to the limit), the last one seen at which it is, its picture."""
    step, time = _STEP / 4, side.edge
    while (side.limit - time) * side.outward > 1e-6:
        time += side.outward * min(step, abs(side.limit - time))
        # The last frame stays until the video ends.
        seen = time if side.back else min(time, side.limit - 0.5 / side.finest)
        if not side.shows(side.image(seen), known):
            further = seen + side.outward * _STEP / 4
            # A lone character is missed now and then; two misses in a row are its end.
            if (
                len(side.reading.text) > 3
                or (side.limit - further) * side.outward <= 0
                or not side.shows(side.image(further), known)
            ):
                return seen, present, known
            time = seen = further
        if side.lone:
            # What crosses it goes on bit by bit.
            known = side.image(seen)
        present, step = seen, min(2 * step, _LONGEST_STEP)
    return None, present, known


def _faded(side: _Side, present: float, absent: float) -> float:
    """The end to the frame: where it could last be read, and on from there as long as it shines through."""
    inner = present - side.outward * min(_AROUND, max(abs(present - side.inside.middle), 0.5))
    outer = absent + side.outward * min(_AROUND, abs(side.limit - absent))
    low, high = sorted([inner, outer])
    frames = list(side.video.frames_at(np.arange(low, high, 1 / side.finest).tolist()))
    frames = list({frame.time: frame for frame in frames}.values())
    share = presence([_patch(frame.image, side.reading.box) for frame in frames], side.back)
    when = [frame.time for frame in frames]
    at = bisect.bisect_right(when, present + 1e-6) - 1
    if share is not None:
        quiet = share[: len(share) // 5] if side.back else share[-(len(share) // 5) :]
        least = max(_SEEN, float(quiet.mean() + 4 * quiet.std()))
        last = at
        while 0 <= last + side.outward < len(when):
            further = share[last + side.outward]
            if further < least:
                # It faded away; whatever ends otherwise was another text.
                at = last
                break
            steps = abs(last - at)
            steady = steps < 5 or further < share[last - 4 * side.outward] - 0.03
            if further >= _LEGIBLE or abs(further - share[last]) > _ABRUPT or not steady:
                break
            last += side.outward
    at = min(max(at, 0), len(when) - 1)
    if side.back:
        return when[at]
    # On screen until the next frame comes.
    return when[at + 1] if at + 1 < len(when) else absent


def presence(patches: list[np.ndarray], back: bool) -> np.ndarray | None:
    """How much of the text is there in each patch: 0 before it came, 1 once it is there.

    Only edges are compared. They count by how much stronger they are with the text and how steady they are with and
    without it, so that a moving background weighs little.

    Args:
        patches: pixels of the box in time order.
        back: whether the text is there at the end of the patches (else at their beginning).

    Returns:
        `[patches]` float, or None where the two ends do not differ clearly.
    """
    stack = np.stack([_edges(_as_large(patch, patches[0])) for patch in patches])
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
    """Correlation of two patches' edges in [-1, 1] where they are least alike, letter by letter.

    The same letters are alike whatever their brightness; one digit of a long counter that went on is enough to differ.
    """
    one, other = _edges(first), _edges(_as_large(second, first))
    height, width = one.shape
    strong = 0.3 * max(float(one.std()), float(other.std()), 1e-3)
    least = 1.0
    for rows in np.array_split(np.arange(height), 2):
        for columns in np.array_split(np.arange(width), max(2, round(width / (0.6 * height)))):
            mine, its = one[np.ix_(rows, columns)], other[np.ix_(rows, columns)]
            if mine.std() > strong or its.std() > strong:
                least = min(least, _correlation(mine, its))
    return least


def likeness_behind(first: np.ndarray, second: np.ndarray) -> float:
    """Likeness of two patches of one large letter in [-1, 1] in most of their parts, whatever crosses the others.

    A wipe or a shadow changes a row of parts; another letter changes most of them.
    """
    one, other = _edges(first), _edges(_as_large(second, first))
    strong = 0.3 * max(float(one.std()), float(other.std()), 1e-3)
    parts = []
    for rows in np.array_split(np.arange(one.shape[0]), _PARTS):
        for columns in np.array_split(np.arange(one.shape[1]), _PARTS):
            mine, its = one[np.ix_(rows, columns)], other[np.ix_(rows, columns)]
            if mine.std() > strong or its.std() > strong:
                parts.append(_correlation(mine, its))
    return float(np.median(parts)) if parts else 1.0


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread > 1e-3 else 0.0


def _as_large(patch: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The patch in the size of the other: a stream may change the size of its pictures."""
    if patch.shape == other.shape:
        return patch
    return cv2.resize(patch, (other.shape[1], other.shape[0]), interpolation=cv2.INTER_AREA)


def _edges(patch: np.ndarray) -> np.ndarray:
    gray = cv2.GaussianBlur(patch.astype(np.float32), (3, 3), 0)
    return cv2.magnitude(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))


def _patch(image: np.ndarray, box: Box) -> np.ndarray:
    """The box's pixels, grey, `[h, w]` float32, at most 160 wide."""
    height, width = image.shape[:2]
    left, top = int(box.left * width), int(box.top * height)
    right, bottom = max(left + 4, round(box.right * width)), max(top + 4, round(box.bottom * height))
    crop = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _WIDTH / crop.shape[1])
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
