"""Which lines stand on screen now: follows a picture from look to look and reads only what changed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..span import Box
from .changes import TextLook, regions
from .reader import small_print
from .lines import Line, TextReader, same_place, information

_CUT = 0.2
"""Share of the colours that is new behind a cut; a moving camera keeps most of them."""
_CREDIT = 0.3
"""Area, in pictures, that may be read between two due reads."""
_CARE, _MOST_CARE = 0.06, 1.2
"""Area, in pictures, that may be read with care: what each due read adds, and how much can be saved up."""
_STILL = 0.5
"""Share of the picture that must stay as it is for any of it to be read with care."""
_RESTLESS = 0.5
"""Share of the picture that has changed since the last read where the camera moves, rather than something before it."""
_BARREN = 4
"""Reads without any text after which what moves there is read half as often."""
_EXPECTING = 6
"""Due reads for which another text is expected soon after one has come or gone."""
_CALM = 2
"""Due reads that a part of the picture must outlast before it is read with care."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one look brought: lines that were found and lines that are no longer where they were."""

    found: tuple[Line, ...] = ()
    gone: tuple[Line, ...] = ()
    whole: bool = False
    """Whether the whole picture was read."""

    def then(self, later: Change) -> Change:
        """Both changes as one."""
        found = tuple(line for line in self.found if line not in later.gone) + later.found
        gone = self.gone + tuple(line for line in later.gone if line not in self.found)
        return Change(found, gone, self.whole or later.whole)


class Sweep:
    """The lines on screen, and the pixels that each part of the picture had when it was last read.

    It may be handed from one span to the next (of the same video), so that a picture which stays is read once.
    """

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader
        self._read: TextLook | None = None
        self._previous: TextLook | None = None
        self._hasty = np.zeros((0, 0), bool)
        self._calm = np.zeros((0, 0), np.int32)
        self._moving = np.zeros((0, 0), bool)
        self._was_cut = False
        self._restless = False
        self._credit = _CREDIT
        self._care = _MOST_CARE
        self._again: list[Box] = []
        self._cared: TextLook | None = None
        self._barren = np.zeros((0, 0), np.int32)
        self._turn = False
        self._since_text = _EXPECTING
        self.lines: list[Line] = []
        self.reads = 0
        """Pictures and parts of pictures read so far."""

    @property
    def lively(self) -> bool:
        """Whether texts may come and go quickly: all of the picture moves, or there were some just now."""
        return self._restless or self._since_text < _EXPECTING

    def begin(self) -> None:
        """Start a new span: the looks that follow are not neighbours of the last one."""
        self._previous = None
        self._again = []
        self._was_cut = False

    def look(self, image: np.ndarray, *, due: bool) -> Change:
        """Take one picture into account.

        What changed is read when it is `due`, when it has come to rest, and right behind a cut. What was read in
        passing and has stayed since is read once more with care.

        Args:
            image: `[H, W, 3]` uint8 RGB.
            due: whether what moves is read too.
        """
        look = TextLook.at(image)
        if self._read is None or self._read.pixels.shape != look.pixels.shape:
            self._read, self._previous, self._cared = None, None, None
            changed = look.everything()
            self._hasty, self._calm = ~changed, np.zeros(changed.shape, np.int32)
            self._barren = np.zeros(changed.shape, np.int32)
            self._moving = ~changed
            wanted = changed
        else:
            changed = look.changed(self._read)
            wanted = self._wanted(look, changed, due)
            if due:
                wanted = self._worth_reading(look, changed, wanted)
        self._previous = look
        change = self._take(image, look, wanted, quick=True) if wanted.any() else Change()
        self._remember(look, wanted, change, due)
        # Recognition fails now and then: where a text went and none came, and where one came in a moving picture, the
        # next look reads once more.
        lost = [line.box for line in change.gone if not any(same_place(line.box, o.box, 0) for o in change.found)]
        came = [_wider(line.box) for line in change.found if (look.cells(line.box) & self._moving).any()]
        self._again = [] if self._again else lost + came
        self._hasty |= wanted
        self._calm[changed] = 0
        if not due:
            return change
        self._restless = bool(changed.mean() > _RESTLESS)
        self._credit = _CREDIT
        self._care = min(_MOST_CARE, self._care + _CARE)
        self._calm += 1
        calm = self._calm > _CALM
        if calm.mean() < _STILL:
            return change
        if self._cared is not None:
            self._hasty &= look.changed(self._cared)
        calm &= self._hasty & ~_flat(look)
        if calm.any():
            calm &= self._promising(image, look)
        area = _area(look, calm)
        if not area or area > self._care:
            return change
        self._care -= area
        self._hasty &= ~calm
        careful = self._take(image, look, calm, quick=False)
        self._cared = look if self._cared is None else self._cared.updated(look, calm)
        return change.then(careful)

    def _wanted(self, look: TextLook, changed: np.ndarray, due: bool) -> np.ndarray:
        """`[rows, columns]` bool: the cells to read now, out of those that changed."""
        moving = look.changed(self._previous) if self._previous is not None else np.zeros_like(changed)
        self._moving = moving
        after_cut = self._was_cut
        self._was_cut = self._previous is not None and bool(moving.mean() > 0.8) and look.new(self._previous) > _CUT
        if due or (after_cut and changed.mean() > 0.5):
            return changed
        settled = _at_rest(changed, moving)
        for box in self._again:
            settled |= look.cells(box) & changed
        area = _area(look, settled)
        if area > (2 * _CREDIT if self._again else self._credit):
            return np.zeros_like(changed)
        self._credit -= area
        return settled

    def _promising(self, image: np.ndarray, look: TextLook) -> np.ndarray:
        """`[rows, columns]` bool: cells near small print or lines, which more care may mend."""
        height, width = image.shape[:2]
        near = np.zeros(self._hasty.shape, np.uint8)
        for x, y in small_print(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            near[look.cells(Box(x / width, y / height, x / width, y / height))] = 1
        for line in self.lines:
            near[look.cells(line.box)] = 1
        return np.asarray(cv2.dilate(near, np.ones((9, 17), np.uint8)) > 0)

    def _worth_reading(self, look: TextLook, changed: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """`wanted` without what moves before a still background and brought no text so far, every other time."""
        self._turn = not self._turn
        if self._turn or changed.mean() > _RESTLESS:
            return wanted
        idle = self._barren >= _BARREN
        for line in self.lines:
            idle &= ~look.cells(line.box)
        return wanted & ~idle

    def _remember(self, look: TextLook, read: np.ndarray, change: Change, due: bool) -> None:
        """Count how often each cell was read without any text coming of it."""
        if change.whole:
            self._barren[:] = 0
        self._barren[read] += 1
        for line in change.found:
            self._barren[look.cells(_wider(line.box))] = 0
        if change.found or change.gone:
            self._since_text = 0
        elif due:
            self._since_text += 1

    def _take(self, image: np.ndarray, look: TextLook, cells: np.ndarray, *, quick: bool) -> Change:
        self._read = look if self._read is None else self._read.updated(look, cells)
        wanted, touched = self._whole_lines(look, cells)
        found: list[Line] = []
        for region in wanted:
            self.reads += 1
            found += self._region(image, region, quick)
        if not quick:
            found = _best(touched, found)
        gone = tuple(line for line in touched if line not in found)
        stay = [line for line in self.lines if line not in touched]
        fresh = [line for line in found if not any(_cover(other.box, line.box) > 0.5 for other in stay)]
        self.lines = stay + fresh
        return Change(tuple(line for line in fresh if line not in touched), gone, bool(cells.mean() > 0.8))

    def _whole_lines(self, look: TextLook, cells: np.ndarray) -> tuple[list[Box], list[Line]]:
        """Regions that hold the given cells and, whole, every line that they touch; and these lines."""
        touched: list[Line] = []
        while True:
            wanted = regions(look, cells)
            more = [
                line
                for line in self.lines
                if line not in touched and any(_cover(region, line.box) > 0 for region in wanted)
            ]
            if not more:
                return wanted, touched
            touched += more
            for line in more:
                cells = cells | look.cells(line.box)

    def _region(self, image: np.ndarray, region: Box, quick: bool) -> list[Line]:
        height, width = image.shape[:2]
        left, top = int(region.left * width), int(region.top * height)
        right, bottom = round(region.right * width), round(region.bottom * height)
        lines = []
        for line in self._reader.read(np.ascontiguousarray(image[top:bottom, left:right]), quick=quick):
            across, down = (right - left) / width, (bottom - top) / height
            box = Box(
                region.left + line.box.left * across,
                region.top + line.box.top * down,
                region.left + line.box.right * across,
                region.top + line.box.bottom * down,
            )
            if not _cut_off(line.box, region):
                lines.append(Line(line.text, box, line.score))
        return lines


def _wider(box: Box) -> Box:
    """The box and its surroundings, into which it may have moved."""
    reach = max(0.03, box.bottom - box.top)
    return Box(
        max(0, box.left - 2 * reach), max(0, box.top - reach), min(1, box.right + 2 * reach), min(1, box.bottom + reach)
    )


def _area(look: TextLook, cells: np.ndarray) -> float:
    """How much of the picture has to be read for the given cells, in [0, 1]."""
    return sum((box.right - box.left) * (box.bottom - box.top) for box in regions(look, cells))


def _cut_off(inner: Box, region: Box) -> bool:
    """Whether a line ends at an edge of its region that is no edge of the picture: half of something unchanged."""
    return (
        (inner.left < 0.002 and region.left > 0)
        or (inner.top < 0.002 and region.top > 0)
        or (inner.right > 0.998 and region.right < 1)
        or (inner.bottom > 0.998 and region.bottom < 1)
    )


def _best(old: list[Line], new: list[Line]) -> list[Line]:
    """Both readings of one region as one: of two lines in one place, the one that tells more."""
    kept: list[Line] = []
    for line in sorted(old + new, key=lambda each: -information(each.text, each.score)):
        if all(max(_cover(line.box, other.box), _cover(other.box, line.box)) < 0.5 for other in kept):
            kept.append(line)
    return kept


def _cover(outer: Box, inner: Box) -> float:
    """How much of `inner` lies in `outer`, in [0, 1]."""
    width = min(outer.right, inner.right) - max(outer.left, inner.left)
    height = min(outer.bottom, inner.bottom) - max(outer.top, inner.top)
    area = (inner.right - inner.left) * (inner.bottom - inner.top)
    return max(0.0, width) * max(0.0, height) / max(area, 1e-9)


def _at_rest(cells: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The groups of neighbouring `cells` in which nothing is `moving`."""
    if not cells.any():
        return cells
    wide = cv2.dilate((cells | moving).astype(np.uint8), np.ones((3, 3), np.uint8))
    count, groups = cv2.connectedComponents(wide)
    restless = np.zeros(count, bool)
    restless[np.unique(groups[moving])] = True
    return np.asarray(cells & ~restless[groups])


def _flat(look: TextLook) -> np.ndarray:
    """`[rows, columns]` bool: cells without edges, in which there is nothing to read."""
    gray = cv2.cvtColor(look.pixels, cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    busy = TextLook(np.repeat(np.where(edges > 24, 255, 0).astype(np.uint8)[:, :, None], 3, axis=2))
    return ~busy.changed(TextLook(np.zeros_like(busy.pixels)))
