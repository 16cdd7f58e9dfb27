"""Blocks of text over time: which lines stood together, from when to when, and their rows in a memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from ..span import Box
from ..store.units import NewText
from ..types import Text
from .layout import arrange, hull, place, size
from .lines import Line, Reading, continues, joined, merge_readings, overlap, same_place

_JITTER = 0.75  # seconds by which lines of one block may come or go apart
_LASTING = 2.5  # seconds from which a line stands; what is shorter (a clock, a counter) does not join what stands
_NEAR = 3.0  # distance in heights within which lines come and go together
_SAME_PLACE = 0.3
"""Shared area, of the smaller one's, from which two lines stand in one place: only one of them is there at a time."""
_OVERLOOKED = 5.0  # seconds for which a line may be missing while those beside it stay
_SETTLED = 10.0  # seconds after its end from which nothing is joined to a block


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that are read together, over the seconds `[start, end)` in which they stand unchanged."""

    start: float
    end: float
    lines: tuple[Line, ...]
    moving: bool = False
    """Whether it moves across the screen, as credits and tickers do."""

    @property
    def text(self) -> str:
        """Its lines, each in a line."""
        return "\n".join(line.text for line in self.lines)

    @property
    def box(self) -> Box:
        """The box around all lines, as fractions of the picture."""
        return hull(line.box for line in self.lines)

    @property
    def score(self) -> float:
        """The recognizer's score in [0, 1], by letters."""
        return _in_one(self.lines).score

    @property
    def height(self) -> float:
        """Median height of a line's box, as a fraction of the picture's height."""
        return float(median(line.box.bottom - line.box.top for line in self.lines))

    def data(self) -> dict[str, Any]:
        """Return all but the span and the text, as JSON."""
        kept = {
            "box": _rounded(self.box),
            "score": round(self.score, 4),
            "height": round(self.height, 4),
            "place": place(self.box),
            "size": size(self.height),
            "lines": [
                {
                    "text": line.text,
                    "box": _rounded(line.box),
                    "height": round(line.box.bottom - line.box.top, 4),
                    "score": round(float(line.score), 4),
                }
                for line in self.lines
            ],
        }
        return {**kept, "moving": True} if self.moving else kept

    @classmethod
    def of(cls, text: Text) -> Block:
        """Return the block of a row of the channel `screen_text`; a row without lines is one line."""
        data = text.data
        rows = data.get("lines") or [{"text": text.text, "box": data["box"], "score": data.get("score", 1.0)}]
        lines = tuple(Line(row["text"], Box(*row["box"]), float(row["score"])) for row in rows)
        return cls(text.start, text.end, lines, bool(data.get("moving")))


def compose(readings: Iterable[Reading], aspect: float) -> list[Block]:
    """Make blocks of readings of lines: what stands near each other at the same time is read together.

    A block lasts as long as its lines stay the same. Lines that move, and short-lived ones (a clock beside what stays),
    are only read with lines that come and go with them.

    Returns:
        Blocks sorted by start, then from top to bottom.
    """
    lines = _in_step(_without_gaps(sorted(readings, key=_order)))
    blocks: list[Block] = []
    passing: dict[tuple[float, float, bool], list[Reading]] = {}
    standing: list[Reading] = []
    for each in lines:
        if each.moving or each.end - each.start < _LASTING:
            passing.setdefault((each.start, each.end, each.moving), []).append(each)
        else:
            standing.append(each)
    for (start, end, moving), group in passing.items():
        blocks += [_block(start, end, rows, moving=moving) for rows in arrange(group, aspect)]
    blocks += _standing(standing, aspect)
    return sorted(blocks, key=_order)


def blocks_of(lines: Sequence[Line], time: float, aspect: float) -> list[Block]:
    """Return the blocks of the lines of one picture, from top to bottom."""
    return [_block(time, time, rows) for rows in arrange(lines, aspect)]


def line_readings(blocks: Iterable[Block]) -> list[Reading]:
    """Return the lines of blocks, each over all the blocks that it stood in; the way back from `compose`."""
    found = [
        Reading(block.start, block.end, line.text, line.box, line.score, line.box.bottom - line.box.top, block.moving)
        for block in blocks
        for line in block.lines
    ]
    return merge_readings(found)


def _standing(lines: Sequence[Reading], aspect: float) -> list[Block]:
    """Return the blocks of lines that stay for a while, cut where one of their lines comes or goes."""
    moments = sorted({moment for each in lines for moment in (each.start, each.end)})
    blocks: list[Block] = []
    since: dict[tuple[tuple[Reading, ...], ...], float] = {}  # the blocks on screen, as rows of lines
    coming, active = deque(lines), list[Reading]()
    for start, end in pairwise([*moments, float("inf")]):
        while coming and coming[0].start <= start:
            active.append(coming.popleft())
        active = [each for each in active if each.end >= end]
        on_screen = {tuple(map(tuple, rows)): start for rows in arrange(active, aspect)}
        blocks += [_block(began, start, rows) for rows, began in since.items() if rows not in on_screen]
        since = {rows: since.get(rows, start) for rows in on_screen}
    return blocks


def _in_step(lines: Sequence[Reading]) -> list[Reading]:
    """Return the readings, those near each other that come (or go) within the jitter made to come (or go) together."""
    starts, ends = [each.start for each in lines], [each.end for each in lines]
    order = sorted(range(len(lines)), key=lambda index: lines[index].end)
    for moments, turn in ((starts, list(range(len(lines)))), (ends, order)):
        recent: list[int] = []
        for index in turn:
            recent = [each for each in recent if moments[index] - moments[each] <= _JITTER]
            near = [each for each in recent if _beside(lines[each].box, lines[index].box)]
            recent.append(index)
            # The earliest of both: a text that comes next in the same place must not overlap what it replaces.
            if near and min(moments[each] for each in near) > (starts[index] if moments is ends else float("-inf")):
                moments[index] = min(moments[each] for each in near)
    moved = [replace(each, start=start, end=end) for each, start, end in zip(lines, starts, ends, strict=True)]
    return sorted(moved, key=_order)


def _order(each: Reading | Block) -> tuple[float, float, float, float]:
    return each.start, each.box.top, each.box.left, each.end


def _without_gaps(lines: Sequence[Reading]) -> list[Reading]:
    """Return the readings, those of one text made one where it was overlooked for a while.

    It was overlooked where a line beside it stayed all the while, and nothing else was read in its place.
    """
    done: list[Reading] = []
    recent: list[Reading] = []
    for line in lines:
        recent = [each for each in recent if each.end + _OVERLOOKED > line.start]
        before = next((each for each in recent if each.end < line.start and continues(each, line)), None)
        if before is not None:
            meanwhile = [each for each in recent if each.start < line.start and each.end > before.end]
            beside = any(
                each.start < before.end and each.end > line.start and _beside(each.box, line.box) for each in meanwhile
            )
            if beside and not any(overlap(each.box, line.box) > _SAME_PLACE for each in meanwhile):
                recent.remove(before)
                done.remove(before)
                line = joined(before, line)
        recent.append(line)
        done.append(line)
    return sorted(done, key=_order)


def _beside(first: Box, second: Box) -> bool:
    """Return whether two lines stand near each other, and neither in the place of the other."""
    return same_place(first, second, _NEAR) and overlap(first, second) <= _SAME_PLACE


def _block(start: float, end: float, rows: Sequence[Sequence[Reading | Line]], *, moving: bool = False) -> Block:
    return Block(start, end, tuple(map(_in_one, rows)), moving)


def _in_one(row: Sequence[Reading | Line]) -> Line:
    letters = sum(len(piece.text) for piece in row)
    score = sum(piece.score * len(piece.text) for piece in row) / max(letters, 1)
    return Line(" ".join(piece.text for piece in row), hull(piece.box for piece in row), score)


def _rounded(box: Box) -> list[float]:
    return [round(float(side), 4) for side in box]


def as_data(reading: Reading) -> dict[str, Any]:
    """Return all but the span and the text of a line as a clip brings it, as JSON."""
    data: dict[str, Any] = {
        "box": _rounded(reading.box),
        "score": round(float(reading.score), 4),
        "height": round(float(reading.height), 4),
    }
    if reading.moving:
        data["moving"] = True
    if reading.variants:
        data["variants"] = [[text, round(votes, 2), round(score, 4)] for text, votes, score in reading.variants]
    return data


def blocks(texts: Iterable[Text], aspect: float) -> list[Block]:
    """Return the blocks of rows of `screen_text`, whether they hold blocks or the lines of single clips."""
    rows = list(texts)
    stored = [Block.of(text) for text in rows if "lines" in text.data]
    lines = [_line(text) for text in rows if "lines" not in text.data]
    return compose(merge_readings([*lines, *line_readings(stored)]), aspect) if lines else stored


class BlockBuilder:
    """Makes blocks of the lines of clips, some clips at a time; holds only what may still go on."""

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._open: list[Block] = []

    def add(self, texts: Sequence[Text], end: float) -> list[NewText]:
        """Take the next rows into account.

        Args:
            texts: rows of the next clips, in time order.
            end: second up to which they go; infinity when they are the last ones.

        Returns:
            Rows that nothing can change any more.
        """
        still_open = [
            Text(0, "", "screen_text", block.start, block.end, block.text, block.data()) for block in self._open
        ]
        found = blocks([*texts, *still_open], self._aspect)
        self._open = [block for block in found if block.end > end - _SETTLED]
        return new_rows(block for block in found if block.end <= end - _SETTLED)


def reopened(texts: Sequence[Text], aspect: float) -> tuple[list[Text], list[NewText]]:
    """Return what is to be put in place of what, once lines of further clips have come to blocks of earlier ones.

    Args:
        texts: all rows of a video's `screen_text`, or those that lie in or after the last minute before the new lines.
        aspect: width of a picture by its height.

    Returns:
        Rows that go: the new lines, and blocks that may go on in them; and the blocks that come.
    """
    lines = [text for text in texts if "lines" not in text.data]
    if not lines:
        return [], []
    first = min(text.start for text in lines)
    old = [*lines, *(text for text in texts if "lines" in text.data and text.end > first - _SETTLED)]
    return old, new_rows(blocks(old, aspect))


def new_rows(found: Iterable[Block]) -> list[NewText]:
    """Return blocks as rows to be kept."""
    return [NewText(block.start, block.end, block.text, block.data()) for block in found]


def _line(text: Text) -> Reading:
    data = text.data
    variants = tuple((str(word), float(votes), float(score)) for word, votes, score in data.get("variants", ()))
    return Reading(
        text.start,
        text.end,
        text.text,
        Box(*data["box"]),
        float(data.get("score", 1.0)),
        float(data.get("height", 0.0)),
        bool(data.get("moving")),
        variants,
    )
