"""Reads the text of a picture with RapidOCR: several scales, second tries for what was hard, no junk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .boxes import Patch, cut, fit, patches
from .changes import small_print
from .lines import Line, clean, telling
from .models import OcrModels

_AREA = 640 * 384
"""Pixels the detector sees at once. Blurred text reads best at its own scale, so small pictures are not blown up."""
_TILE = 640
_SURE = 0.9
_LIKELY = 0.6
"""Detector's score from which a place is read in a sweep: of 300 places below, one was text."""
_LARGE = 64
"""Pixels of height from which a lone or doubtful place is tried all the same: a digit that fills the picture."""
_DOUBTFUL, _CERTAIN = 0.4, 0.97
_HIGH = 144
"""Pixels of letters that the detector sees without fail."""
_QUICK_TRIES, _TRIES = 3, 6


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    score: float
    patch: Patch

    @property
    def weight(self) -> float:
        """What the reading tells: sure and long beats short or unsure."""
        return telling(self.text, self.score)


class RapidReader:
    """PP-OCR through RapidOCR, on one thread."""

    name = "rapidocr"

    def __init__(self) -> None:
        self._models = OcrModels()
        self.stamp = f"rapidocr {self._models.version} PP-OCRv6 small 3"

    def read(self, image: np.ndarray, *, quick: bool = False, tiles: bool = False) -> list[Line]:
        """Lines in reading order; see `TextReader`.

        A picture that is too large to be seen at once is also read tile by tile, unless it is to be `quick`: at eight
        times the cost of the whole frame, so only the tiles are taken in which rows of small print seem to stand.

        Args:
            image: `[H, W, 3]` uint8 RGB.
            quick: spend less on tiny and odd text.
            tiles: take every tile that is not blank.

        Raises:
            ValueError: if `image` is not `[H, W, 3]` uint8.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"Text is read from [H, W, 3] uint8 RGB, got {image.shape} {image.dtype}.")
        height, width = image.shape[:2]
        if min(height, width) < 8:
            return []
        picture = np.ascontiguousarray(image[:, :, ::-1])
        found: list[_Found] = []
        for scale in _scales(width, height, quick):
            found += self._at_scale(picture, scale, quick, found)
        if tiles or not quick:
            found += self._in_tiles(picture, found, every=tiles)
        lines = [Line(each.text, each.patch.box(width, height), each.score) for each in _apart(found)]
        lines = [line for line in lines if credible(line.text, line.score)]
        if not quick:
            lines = [line for line in lines if stands_alone(line.text) or any(stands_alone(o.text) for o in lines)]
        return reading_order(lines)

    def _at_scale(self, picture: np.ndarray, scale: float, quick: bool, known: Sequence[_Found]) -> list[_Found]:
        height, width = picture.shape[:2]
        there = patches(self._models.text_map(fit(picture, scale)), width, height)
        if quick:
            there = [patch for patch in there if patch.score >= _LIKELY or patch.height >= _LARGE]
        found = self._recognized(picture, [patch for patch in there if not _certain(patch, known)])
        doubtful = [each for each in found if _DOUBTFUL <= each.score < _SURE and not _like_a_cross(each)]
        # Large ones first: what fails on small ones is mostly texture.
        doubtful.sort(key=lambda each: -each.patch.height)
        return found + self._second_tries(picture, doubtful[: _QUICK_TRIES if quick else _TRIES], quick)

    def _in_tiles(self, picture: np.ndarray, known: Sequence[_Found], *, every: bool) -> list[_Found]:
        """The picture piece by piece at its own scale, where it is too large to be seen at once."""
        height, width = picture.shape[:2]
        if not needs_tiles(width, height):
            return []
        rows = [] if every else [row for row in small_print(picture) if not _read(row, known)]
        found = []
        for top, bottom in _pieces(height, _TILE):
            for left, right in _pieces(width, _TILE):
                tile = picture[top:bottom, left:right]
                if not (_detailed(tile) if every else any(left <= x < right and top <= y < bottom for x, y in rows)):
                    continue
                there = patches(self._models.text_map(fit(tile, 1.0)), right - left, bottom - top)
                # A line that is cut by the tile's edge is read in the neighbour, or as a whole at the smaller scale.
                whole = [each for each in there if not _touches(each, right - left, bottom - top)]
                moved = [_moved(each, left, top) for each in whole]
                found += self._recognized(picture, [patch for patch in moved if not _certain(patch, known)])
        return found

    def _recognized(self, picture: np.ndarray, there: Sequence[Patch]) -> list[_Found]:
        crops, owners = [], []
        for patch in there:
            for turns in _turns(patch):
                crops.append(cut(picture, patch, turns))
                owners.append(patch)
        return self._best(crops, owners)

    def _second_tries(self, picture: np.ndarray, doubtful: Sequence[_Found], quick: bool) -> list[_Found]:
        """Other cuts of the same places; one counts only when it reads with certainty.

        Tighter (a blob that ran into its surroundings), without the turn (a lone character has no direction),
        in two rows (lines so close that they were found as one), and upside down.
        """
        crops, owners = [], []
        for each in doubtful:
            patch = each.patch
            cuts = [patch.grown(-0.2 * min(patch.width, patch.height))]
            if patch.width < 2.2 * patch.height:
                cuts += [patch.upright().grown(-0.12 * patch.height), patch.upright().grown(-0.25 * patch.height)]
            if patch.height >= 32 and patch.width < 5 * patch.height:
                cuts += [patch.part(0.05, 0.55), patch.part(0.45, 0.95)]
            crops += [cut(picture, one) for one in cuts]
            owners += cuts
            if not quick:
                crops.append(cut(picture, patch, 2))
                owners.append(patch)
        return [each for each in self._best(crops, owners) if each.score >= _SURE]

    def _best(self, crops: Sequence[np.ndarray], owners: Sequence[Patch]) -> list[_Found]:
        best: dict[int, _Found] = {}
        for (text, score), patch in zip(self._models.recognize(crops), owners, strict=True):
            text = clean(text)
            if text and (id(patch) not in best or score > best[id(patch)].score):
                best[id(patch)] = _Found(text, score, patch)
        return list(best.values())


def text_reader() -> RapidReader:
    """The reader that is here without any download.

    Raises:
        CapabilityError: when RapidOCR or its models are missing.
    """
    return RapidReader()


def _scales(width: int, height: int, quick: bool) -> list[float]:
    base = min(1.0, math.sqrt(_AREA / (width * height)))
    if width * height > (_AREA / 2 if quick else 1.5 * _AREA):
        return [base]
    # The smaller scale sees letters as high as the picture, and costs a quarter. Small letters are seen at the other.
    scales = [base, base / 2] if base * min(width, height) > _HIGH else [base]
    if not quick:
        scales.append(min(1.5, math.sqrt(2 * _AREA / (width * height))))
    return scales


def _turns(patch: Patch) -> tuple[int, ...]:
    """Quarter turns to try: tall patches are one letter (upright) or a line on end, which may run up or down."""
    if patch.height < 1.5 * patch.width:
        return (0,)
    return (0, 1, 3) if patch.height < 3 * patch.width else (1, 3)


def _pieces(length: int, size: int) -> list[tuple[int, int]]:
    """Overlapping intervals of about `size` that cover `length`."""
    count = max(1, math.ceil((length - size // 5) / size))
    step = length / count
    return [
        (max(0, round(k * step) - size // 10), min(length, round((k + 1) * step) + size // 10)) for k in range(count)
    ]


def needs_tiles(width: int, height: int) -> bool:
    """Whether a picture of that many pixels is too large to be seen at once."""
    return width * height > 1.5 * _AREA


def _read(place: tuple[float, float], known: Sequence[_Found]) -> bool:
    """Whether a line that was read with certainty lies there."""
    for each in known:
        (left, top), (right, bottom) = each.patch.corners().min(axis=0), each.patch.corners().max(axis=0)
        if each.score >= _SURE and left <= place[0] <= right and top <= place[1] <= bottom:
            return True
    return False


def _detailed(tile: np.ndarray) -> bool:
    """Whether there are edges enough for at least a word."""
    gray = cv2.cvtColor(tile, cv2.COLOR_BGR2GRAY)
    edges = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return int(cv2.countNonZero((edges > 32).astype(np.uint8))) > 60


def _touches(patch: Patch, width: int, height: int) -> bool:
    corners = patch.corners()
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return bool(left < 1 or top < 1 or right > width - 1 or bottom > height - 1)


def _moved(patch: Patch, left: int, top: int) -> Patch:
    return Patch(patch.x + left, patch.y + top, patch.width, patch.height, patch.angle, patch.score)


def _apart(found: Iterable[_Found]) -> list[_Found]:
    """The best of what was read several times: no two share most of the smaller one's area."""
    kept: list[_Found] = []
    for each in sorted(found, key=lambda one: -one.weight):
        if all(_shared(each.patch, other.patch) < 0.5 for other in kept):
            kept.append(each)
    return kept


def _certain(patch: Patch, known: Sequence[_Found]) -> bool:
    """Whether the very same place was read with certainty."""
    return any(
        each.score >= _CERTAIN
        and 0.7 < patch.width / each.patch.width < 1.15
        and 0.7 < patch.height / each.patch.height < 1.4
        and _shared(patch, each.patch) > 0.8
        for each in known
    )


def _shared(first: Patch, second: Patch) -> float:
    """How much of the smaller one's area both have in common, by their upright bounds, in [0, 1]."""
    one, other = first.corners(), second.corners()
    low = np.maximum(one.min(axis=0), other.min(axis=0))
    high = np.minimum(one.max(axis=0), other.max(axis=0))
    common = float(np.prod(np.maximum(high - low, 0)))
    smaller = min(float(np.prod(np.ptp(one, axis=0))), float(np.prod(np.ptp(other, axis=0))))
    return common / max(smaller, 1e-9)


def credible(text: str, score: float) -> bool:
    """Whether a reading is likelier text than texture: the shorter it is, the surer it must be."""
    letters = [char for char in text if char.isalnum()]
    if not letters or len(letters) < 0.5 * len(text.replace(" ", "")):
        return False
    needed = {1: 0.95, 2: 0.9, 3: 0.85}.get(len(letters), 0.7)
    # The recognizer turns texture into rare characters rather than into letters.
    if len(letters) < 4 and not text.isascii():
        needed = 0.97
    return score >= needed


def _like_a_cross(found: _Found) -> bool:
    """Whether it is one letter or sign, and not a large one: bars and crosses read as such in every cut."""
    return len(found.text) == 1 and not found.text.isdecimal() and found.patch.height < _LARGE


def stands_alone(text: str) -> bool:
    """Whether a text can be believed without any other beside it: lone letters are mostly bars and crosses."""
    letters = [char for char in text if char.isalnum()]
    return len(letters) > 1 or text.isdecimal() and text != "1"


def reading_order(lines: Iterable[Line]) -> list[Line]:
    """Top to bottom, and left to right in a row; lines of which the middle lies in the other's rows share a row."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda each: each.box.top + each.box.bottom):
        middle = (line.box.top + line.box.bottom) / 2
        row = next((row for row in rows[-3:] if row[0].box.top < middle < row[0].box.bottom), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return [line for row in rows for line in sorted(row, key=lambda each: each.box.left)]
