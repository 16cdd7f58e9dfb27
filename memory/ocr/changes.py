"""The lines that stand on screen now: reads again only the parts of the picture that have changed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..span import Box
from ..video.thumbnail import Thumbnail
from .lines import Line, TextReader, information, overlap, same_place
from .reader import read_region, small_print

_CUT = 0.8  # share of the cells that change at once at a cut
_CREDIT = 0.3  # area, in pictures, that may be read between two due reads
_CARE, _MOST_CARE = 0.06, 1.2
"""Area, in pictures, that may be read with care: what each due read adds, and how much can be saved up."""
_CALM = 2  # due reads that a part of the picture must outlast before it is read with care
_STILL = 0.5  # share of the picture that must be calm for any of it to be read with care
_RESTLESS = 0.5
"""Share of the picture that has changed since the last read where the camera moves, rather than something before it."""
_EXPECTING = 6  # due reads for which another text is expected soon after one has come or gone


@dataclass(frozen=True, slots=True)
class LineChange:
    """The changes that one picture brought: lines that were found and lines that are no longer where they were."""

    found: tuple[Line, ...] = ()
    gone: tuple[Line, ...] = ()
    whole: bool = False

    def then(self, later: LineChange) -> LineChange:
        """Return both changes as one."""
        found = tuple(line for line in self.found if line not in later.gone) + later.found
        gone = self.gone + tuple(line for line in later.gone if line not in self.found)
        return LineChange(found, gone, self.whole or later.whole)


class ChangedTextReader:
    """The lines on screen, and the pixels that each part of the picture had when it was last read.

    It may be handed from one span to the next (of the same video), so that a picture which stays is read once.

    Attributes:
        lines: what stands on screen.
        reads: pictures and parts of pictures read so far.
    """

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader
        self._read: Thumbnail | None = None
        self._previous: Thumbnail | None = None
        self._hasty = self._moving = np.zeros((0, 0), bool)  # cells: read in passing only; changed by this picture
        self._calm = np.zeros((0, 0), np.int32)  # due reads since each cell changed
        self._credit, self._care = _CREDIT, _MOST_CARE
        self._again: list[Box] = []
        self._was_cut = False
        self._restless = False
        self._since_text = _EXPECTING
        self.lines: list[Line] = []
        self.reads = 0

    @property
    def lively(self) -> bool:
        """Return whether texts may come and go quickly: all of the picture moves, or there were some just now."""
        return self._restless or self._since_text < _EXPECTING

    def begin(self) -> None:
        """Start a new span: the pictures that follow are not neighbors of the last one."""
        self._previous = None
        self._again = []
        self._was_cut = False

    def update(self, image: np.ndarray, *, due: bool) -> LineChange:
        """Take one picture into account.

        What changed is read when it is `due`, when it has come to rest, and right behind a cut. What was read in
        passing and has stayed since is read once more with care.
        """
        now = Thumbnail.of(image)
        if self._read is None or self._read.grid != now.grid or self._read.pixels.shape != now.pixels.shape:
            self._read, self._previous = now, None
            changed = cells = np.ones(now.grid, bool)
            self._hasty, self._moving = ~changed, ~changed
            self._calm = np.zeros(now.grid, np.int32)
        else:
            changed = now.changed(self._read)
            cells = self._worth_reading(now, changed, due)
        self._previous = now
        change = self._read_cells(image, now, cells, quick=True) if cells.any() else LineChange()
        # Recognition fails now and then: where a text went and none came, and where one came in a moving picture, the
        # next picture is read once more.
        lost = [line.box for line in change.gone if not any(same_place(line.box, o.box, 0) for o in change.found)]
        came = [_wider(line.box) for line in change.found if (now.cells(line.box) & self._moving).any()]
        self._again = [] if self._again else lost + came
        self._hasty |= cells
        self._calm[changed] = 0
        if change.found or change.gone:
            self._since_text = 0
        if not due:
            return change
        self._since_text += not (change.found or change.gone)
        self._restless = bool(changed.mean() > _RESTLESS)
        self._credit = _CREDIT
        self._calm += 1
        return change.then(self._with_care(image, now))

    def _worth_reading(self, now: Thumbnail, changed: np.ndarray, due: bool) -> np.ndarray:
        """Return `[rows, columns]` bool: the cells to read now, out of those that changed."""
        moving = now.changed(self._previous) if self._previous is not None else np.zeros_like(changed)
        after_cut, self._was_cut = self._was_cut, bool(moving.mean() > _CUT >= self._moving.mean())
        self._moving = moving
        if due or (after_cut and changed.mean() > 0.5):
            return changed
        settled = _at_rest(changed, moving)
        for box in self._again:
            settled |= now.cells(box) & changed
        area = _area(now, settled)
        if area > (2 * _CREDIT if self._again else self._credit):
            return np.zeros_like(changed)
        self._credit -= area
        return settled

    def _with_care(self, image: np.ndarray, now: Thumbnail) -> LineChange:
        """Read with care what stands still near small print or lines, as far as the saved-up area allows."""
        self._care = min(_MOST_CARE, self._care + _CARE)
        calm = (self._calm > _CALM) & self._hasty
        if (self._calm > _CALM).mean() < _STILL or not calm.any():
            return LineChange()
        height, width = image.shape[:2]
        near = np.zeros(now.grid, bool)
        for x, y in small_print(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            near |= now.cells(Box(x / width, y / height, x / width, y / height))
        for line in self.lines:
            near |= now.cells(line.box)
        cells = calm & (cv2.dilate(near.astype(np.uint8), np.ones((9, 17), np.uint8)) > 0)
        self._hasty &= ~calm | cells  # where there is nothing near, it is not looked at again until it changes
        area = _area(now, cells)
        if not area or area > self._care:
            return LineChange()
        self._care -= area
        self._hasty &= ~cells
        return self._read_cells(image, now, cells, quick=False)

    def _read_cells(self, image: np.ndarray, now: Thumbnail, cells: np.ndarray, *, quick: bool) -> LineChange:
        assert self._read is not None
        self._read = self._read.updated(now, cells)
        regions, touched = self._whole_lines(now, cells)
        self.reads += len(regions)
        found = [line for region in regions for line in read_region(self._reader, image, region, quick=quick)]
        if not quick:
            found = _best(touched + found)
        stay = [line for line in self.lines if line not in touched]
        fresh = [line for line in found if not any(overlap(other.box, line.box) > 0.5 for other in stay)]
        self.lines = stay + fresh
        gone = tuple(line for line in touched if line not in found)
        return LineChange(tuple(line for line in fresh if line not in touched), gone, bool(cells.mean() > 0.8))

    def _whole_lines(self, now: Thumbnail, cells: np.ndarray) -> tuple[list[Box], list[Line]]:
        """Return regions that hold the given cells and, whole, every line that they touch; and these lines."""
        touched: list[Line] = []
        while True:
            regions = now.regions(cells)
            more = [
                line
                for line in self.lines
                if line not in touched and any(overlap(region, line.box) > 0 for region in regions)
            ]
            if not more:
                return regions, touched
            touched += more
            for line in more:
                cells = cells | now.cells(line.box)


def _wider(box: Box) -> Box:
    reach = max(0.03, box.bottom - box.top)
    return Box(
        max(0, box.left - 2 * reach), max(0, box.top - reach), min(1, box.right + 2 * reach), min(1, box.bottom + reach)
    )


def _area(now: Thumbnail, cells: np.ndarray) -> float:
    return sum((box.right - box.left) * (box.bottom - box.top) for box in now.regions(cells))


def _best(lines: list[Line]) -> list[Line]:
    kept: list[Line] = []
    for line in sorted(lines, key=lambda each: -information(each.text, each.score)):
        if all(overlap(line.box, other.box) < 0.5 for other in kept):
            kept.append(line)
    return kept


def _at_rest(cells: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return the groups of neighboring `cells` in which nothing is `moving`."""
    count, groups = cv2.connectedComponents(cv2.dilate((cells | moving).astype(np.uint8), np.ones((3, 3), np.uint8)))
    restless = np.zeros(count, bool)
    restless[groups[moving]] = True
    return np.asarray(cells & ~restless[groups])
