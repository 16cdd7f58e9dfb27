"""Layout: group the lines of one picture into rows and blocks in reading order, and name their place and size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Generic, TypeVar

from ..span import Box
from .lines import Line, Reading

T = TypeVar("T", bound=Line | Reading)

LARGE, SMALL = 0.08, 0.035
"""Heights of a line's box, as fractions of the picture's height: large from the first on, small below the other."""

# Distances are in heights of lines. A line's box has a margin, so that rows of one paragraph nearly touch.
_ALIKE = 1.8  # times that one of two heights in a row may be the other
_ALIKE_BELOW = 1.5  # and in rows of one paragraph
_BELOW = 0.7  # gap to the next row of a paragraph
_SPACE = 1.2  # gap between pieces of one line
_CELLS = 5.0  # gap between a name and its number
_SHORT = 3.5  # width up to which a line is a cell of a table rather than a column of prose


@dataclass(frozen=True, slots=True)
class _Row(Generic[T]):
    """Lines side by side that are read as one. `cells` are farther apart than words, as in a table."""

    lines: tuple[T, ...]
    cells: bool

    @property
    def box(self) -> Box:
        return hull(line.box for line in self.lines)

    @property
    def height(self) -> float:
        return median(_height(line.box) for line in self.lines)


def arrange(lines: Sequence[T], aspect: float) -> list[list[list[T]]]:
    """Return blocks of rows of lines, from top to bottom; the lines of a row from left to right.

    Rows of one block are alike in height, close to one another and aligned; two columns of prose are two blocks, the
    cells of a table (a name and its number) one block for each row.
    """
    rows = _rows(list(lines), aspect)
    above = _stacked(rows, aspect)
    blocks: dict[int, list[list[T]]] = {}  # by the index of their first row
    for index, row in enumerate(rows):
        first = index
        while first in above:
            first = above[first]
        blocks.setdefault(first, []).append(list(row.lines))
    return list(blocks.values())


def place(box: Box) -> str:
    """Say where a box is: `top left`, `center`, `right half`, `full screen`."""
    width, height = box.right - box.left, box.bottom - box.top
    if width > 0.7 and height > 0.7:
        return "full screen"
    if height > 0.5 and (box.right < 0.56 or box.left > 0.44):
        return "left half" if box.right < 0.56 else "right half"
    if width > 0.5 and height > 0.3 and (box.bottom < 0.56 or box.top > 0.44):
        return "top half" if box.bottom < 0.56 else "bottom half"
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    row = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    column = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return f"{row} {column}".strip() or "center"


def size(height: float) -> str:
    """Return `large`, `medium` or `small`, from the height of its lines as a fraction of the picture's."""
    return "large" if height >= LARGE else "small" if height < SMALL else "medium"


def hull(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all of them."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return Box(min(left), min(top), max(right), max(bottom))


def _height(box: Box) -> float:
    return max(box.bottom - box.top, 1e-6)


def _on_end(box: Box, aspect: float) -> bool:
    """Return whether a line runs up or down rather than along."""
    return _height(box) > 2.5 * (box.right - box.left) * aspect


def _rows(lines: list[T], aspect: float) -> list[_Row[T]]:
    """Join lines that stand side by side into rows, sorted from top to bottom."""
    rows: list[list[T]] = []
    widest: list[float] = []
    for line in sorted(lines, key=lambda each: (each.box.left, each.box.top)):
        gaps = [
            (gap, index)
            for index, row in enumerate(rows)
            if (gap := _gap_beside(row[-1].box, line.box, aspect)) is not None
        ]
        if gaps:
            gap, index = min(gaps)
            rows[index].append(line)
            widest[index] = max(widest[index], gap)
        else:
            rows.append([line])
            widest.append(0.0)
    made = [_Row(tuple(row), gap > _SPACE) for row, gap in zip(rows, widest, strict=True)]
    return sorted(made, key=lambda row: (row.box.top, row.box.left))


def _gap_beside(left: Box, right: Box, aspect: float) -> float | None:
    """Return the gap in heights where `right` goes on in the row of `left`, else None."""
    low, high = sorted((_height(left), _height(right)))
    if _on_end(left, aspect) or _on_end(right, aspect):
        return None
    if high > _ALIKE * low or abs(left.top + left.bottom - right.top - right.bottom) / 2 > 0.35 * high:
        return None
    gap = (right.left - left.right) * aspect / high
    short = min(left.right - left.left, right.right - right.left) * aspect <= _SHORT * high
    return gap if -0.5 <= gap <= (_CELLS if short else _SPACE) else None


def _stacked(rows: Sequence[_Row[T]], aspect: float) -> dict[int, int]:
    """Return, for rows that go on below another one, the index of that one, which has no other below it."""
    fits = [
        (cost, upper, lower)
        for (upper, first), (lower, second) in combinations(enumerate(rows), 2)
        if (cost := _cost_below(first, second, aspect)) is not None
    ]
    above: dict[int, int] = {}
    for _, upper, lower in sorted(fits):
        if lower not in above and upper not in above.values():
            above[lower] = upper
    return above


def _cost_below(upper: _Row[T], lower: _Row[T], aspect: float) -> float | None:
    """Return how badly `lower` goes on below `upper`, None where it does not."""
    if upper.cells or lower.cells:
        return None
    one, other = upper.box, lower.box
    if _on_end(one, aspect) or _on_end(other, aspect):
        return None
    low, high = sorted((upper.height, lower.height))
    gap = (other.top - one.bottom) / high
    if high > _ALIKE_BELOW * low or not -0.6 <= gap <= _BELOW:
        return None
    shared = (min(one.right, other.right) - max(one.left, other.left)) / min(
        one.right - one.left + 1e-9, other.right - other.left + 1e-9
    )
    offsets = (one.left - other.left, one.right - other.right, (one.left + one.right - other.left - other.right) / 2)
    askew = min(abs(offset) for offset in offsets) * aspect / high
    if shared < 0.3 or (askew > 1.0 and shared < 0.8):
        return None
    return abs(gap) + askew
