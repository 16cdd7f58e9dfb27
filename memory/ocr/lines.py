"""Text on screen as data: a line in a picture, a reading over time, and when two of them are the same text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Protocol

import numpy as np
from rapidfuzz.fuzz import ratio

from ..span import Box, Timed

_KEPT = 6  # variants of one text that are kept for the vote


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in one picture; `score` in [0, 1] is the recognizer's."""

    text: str
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Reading(Timed):
    """A text and the seconds `[start, end)` over which it stays; `height` (its box's) is a fraction of the picture.

    `moving` texts cross the screen, as credits do. `variants` are the ways in which it was read: text, votes (scores
    summed over the looks) and best score; empty when there is only one.
    """

    start: float
    end: float
    text: str
    box: Box
    score: float
    height: float
    moving: bool = False
    variants: tuple[tuple[str, float, float], ...] = ()


class TextReader(Protocol):
    """Anything that reads the text of a picture."""

    name: str
    stamp: str
    """Name, version and settings: what was read under another stamp is read again."""

    def read(self, image: np.ndarray, *, quick: bool = False) -> list[Line]:
        """Return the lines in reading order.

        Args:
            image: `[H, W, 3]` uint8 RGB.
            quick: spend less on tiny and odd text; for sweeps over many frames.
        """


def clean(text: str) -> str:
    """Return `text` in one line without control characters, with single spaces and a space behind each sentence."""
    printable = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    kept = "".join(char for char in printable if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn"))
    # The recognizer drops the space behind a full stop ("for you.To get"); names such as Node.js stay whole.
    return re.sub(r"(?<=[a-z]{2}[.!?])(?=[A-Z][a-z]*(?:\s|$))", " ", " ".join(kept.split()))


def same_text(first: str, second: str, confidence: float) -> bool:
    """Return whether two readings at one place are one text, read twice with the recognizer's jitter.

    A digit that turns into another digit is a counter that went on, never jitter; so is any other change of
    letters that was read with certainty.

    Args:
        first: one text.
        second: the other.
        confidence: the lower score of the two readings, in [0, 1].
    """
    one, other = _skeleton(first), _skeleton(second)
    if one == other:
        return bool(one) or first == second
    if _cut_from(one, other) or _cut_from(other, one):
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.ratio() < 0.75:
        return False
    changes = [(one[i:j], other[k:m]) for kind, i, j, k, m in matcher.get_opcodes() if kind != "equal"]
    if _digits("".join(left for left, _ in changes)) and _digits("".join(right for _, right in changes)):
        return False
    return confidence < 0.93 or not any(left and right for left, right in changes)


def fuller(whole: str, part: str) -> bool:
    """Return whether `part` is `whole` with letters at one end cut off, and not more than half of them."""
    one, other = _skeleton(whole), _skeleton(part)
    return len(one) > len(other) >= max(2, len(one) / 2) and (one.startswith(other) or one.endswith(other))


_LOOKALIKES = str.maketrans({"|": "l", "!": "l", "I": "l", "i": "l", "1": "1", "0": "0", "O": "o", "Q": "o"})


def _digits(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _cut_from(part: str, whole: str) -> bool:
    """Return whether `part` is `whole` with an end cut off, and long enough to be sure."""
    return len(part) >= max(4, 0.4 * len(whole)) and (whole.startswith(part) or whole.endswith(part))


def _skeleton(text: str) -> str:
    """Return letters and digits only, with the letters that OCR mixes up made one."""
    return "".join(char for char in text.translate(_LOOKALIKES).casefold() if char.isalnum())


def same_place(first: Box, second: Box, reach: float = 1.5) -> bool:
    """Return whether two boxes overlap, or lie within `reach` of their heights of one another."""
    height = max(first.bottom - first.top, second.bottom - second.top)
    across = max(first.left, second.left) - min(first.right, second.right)
    down = max(first.top, second.top) - min(first.bottom, second.bottom)
    return across <= reach * height and down <= reach * height * 0.5


def overlap(first: Box, second: Box) -> float:
    """Return the share of the smaller one's area that both have in common, in [0, 1]."""
    return first.intersection(second) / max(min(first.area, second.area), 1e-12)


def information(text: str, score: float) -> float:
    """Return a weight for a reading: of two of one place, a longer one only wins when it is about as sure."""
    return float(len(text) * (score - 0.5) ** 3)


def better(first: Line | Reading, second: Line | Reading) -> bool:
    """Return whether `first` is the better variant of one text: surer, or as sure and fuller."""
    return _surer(first.text, first.score, second.text, second.score)


def merge_readings(readings: Iterable[Reading], *, gap: float = 1.5) -> list[Reading]:
    """Join readings of one text at about one place that follow each other within `gap` seconds, as at clip boundaries.

    Returns:
        Readings sorted by start, then from top to bottom.
    """
    done: list[Reading] = []
    open_: list[Reading] = []
    for reading in sorted(readings, key=lambda each: (each.start, each.box.top, each.box.left)):
        still = [each for each in open_ if each.end + gap > reading.start]
        done += [each for each in open_ if each.end + gap <= reading.start]
        match = next((each for each in still if continues(each, reading)), None)
        if match is None:
            open_ = [*still, reading]
        else:
            open_ = [joined(match, reading) if each is match else each for each in still]
    return sorted(done + open_, key=lambda each: (each.start, each.box.top, each.box.left))


def continues(first: Reading, second: Reading) -> bool:
    """Return whether two readings are of one text at one place."""
    return same_place(first.box, second.box) and same_text(first.text, second.text, min(first.score, second.score))


def joined(first: Reading, second: Reading) -> Reading:
    """Join two readings of one text, from the start of the earlier to the end of the later."""
    best = first if not better(second, first) else second
    variants: tuple[tuple[str, float, float], ...] = ()
    if first.text != second.text or first.variants or second.variants:
        votes: dict[str, float] = {}
        surest: dict[str, float] = {}
        for each in (first, second):
            # A reading that was kept without its votes counts for as long as it stayed.
            alone = (each.text, each.score * max(each.end - each.start, 0.1), each.score)
            for text, count, score in each.variants or (alone,):
                votes[text] = votes.get(text, 0.0) + count
                surest[text] = max(surest.get(text, 0.0), score)
        variants = tuple(
            (text, count, surest[text]) for text, count in sorted(votes.items(), key=lambda each: -each[1])[:_KEPT]
        )
        text, score = chosen(variants)
        best = replace(best, text=text, score=score)
    earlier = first if first.start <= second.start else second
    moving = first.moving or second.moving
    return replace(
        best,
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        # Where it was first: lines that move together are near each other at one time, not at several.
        box=earlier.box if moving else best.box,
        moving=moving,
        variants=variants,
    )


def chosen(variants: Sequence[tuple[str, float, float]]) -> tuple[str, float]:
    """Return the best of several readings of one text, and its score.

    A variant is supported by its own votes and by those of variants that are spelt nearly alike, so that one reading
    among many different misreadings of it wins; among the well supported ones, the surer or fuller one is taken.
    """
    if len(variants) == 1:
        return variants[0][0], variants[0][2]
    support = {
        text: sum(count * max(0.0, 2 * ratio(text, other) / 100 - 1) for other, count, _ in variants)
        for text, _, _ in variants
    }
    own = max(count for _, count, _ in variants)
    enough = 0.85 * max(support.values())
    best: tuple[str, float] | None = None
    for text, count, score in variants:
        if support[text] < enough or count < 0.2 * own:
            continue
        if best is None or _surer(text, score, *best):
            best = text, score
    return best or max(((text, score) for text, _, score in variants), key=lambda each: support[each[0]])


def _surer(text: str, score: float, other: str, than: float) -> bool:
    if text.replace(" ", "") == other.replace(" ", ""):
        # The recognizer rather drops a space than invents one.
        return (len(text), score) > (len(other), than)
    if abs(score - than) <= 0.04:
        return (len(_skeleton(text)), len(text.split()), score) > (len(_skeleton(other)), len(other.split()), than)
    return score > than
