"""Screen text in a memory: lines as the clips brought them, made into blocks once the video is through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..span import Box
from ..store.units import NewText
from ..types import Text
from .blocks import Block, compose, line_readings
from .lines import Reading, merge_readings

_SETTLED = 10.0
"""Seconds after its end from which nothing is joined to a block."""


def as_data(reading: Reading) -> dict[str, Any]:
    """All but the span and the text of a line as a clip brings it, as JSON."""
    data: dict[str, Any] = {
        "box": [round(float(side), 4) for side in reading.box],
        "score": round(float(reading.score), 4),
        "height": round(float(reading.height), 4),
    }
    if reading.moving:
        data["moving"] = True
    if reading.variants:
        data["variants"] = [[text, round(votes, 2), round(score, 4)] for text, votes, score in reading.variants]
    return data


def blocks(texts: Iterable[Text], aspect: float) -> list[Block]:
    """The blocks of rows of `screen_text`, whether they hold blocks or the lines of single clips.

    Args:
        texts: rows of one video.
        aspect: width of its picture over the height.
    """
    lines: list[Reading] = []
    known: list[Block] = []
    for text in texts:
        if is_block(text):
            known.append(Block.of(text))
        else:
            lines.append(_line(text))
    return compose(merge_readings([*lines, *line_readings(known)]), aspect) if lines else known


class Joiner:
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
        found = blocks([*texts, *map(self._row, self._open)], self._aspect)
        self._open = [block for block in found if block.end > end - _SETTLED]
        return new_rows(block for block in found if block.end <= end - _SETTLED)

    @staticmethod
    def _row(block: Block) -> Text:
        return Text(0, "", "screen_text", block.start, block.end, block.text, block.data())


def is_block(text: Text) -> bool:
    """Whether a row of `screen_text` is a block, not a line of one clip."""
    return "lines" in text.data


def new_rows(found: Iterable[Block]) -> list[NewText]:
    """Blocks as rows to be kept."""
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
