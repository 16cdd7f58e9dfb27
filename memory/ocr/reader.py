"""Text of one picture, read by RapidOCR (PP-OCRv6): several scales, several cuts of what was hard, no junk."""

from __future__ import annotations

import importlib.metadata
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import CapabilityError
from ..span import Box
from ..video.shape import resize
from .lines import Line, TextReader, clean, information

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNIZER = "PP-OCRv6_rec_small.onnx"
_AREA = 640 * 384
"""Pixels that the detector is given at once. Blurred text reads best at its own scale: small pictures stay small."""
_TILE = 640
"""Pixels of a side of the tiles in which small print is read: the detector misses faint print in a large picture."""
_SURE = 0.9
_LIKELY = 0.6  # the detector's score from which a place is read in a quick pass: of 300 places below, one was text
_LARGE = 64
"""Pixels of height from which a lone or doubtful place is tried all the same: a digit that fills the picture."""
_DOUBTFUL, _CERTAIN = 0.4, 0.97
_HIGH = 144  # pixels of letters that the detector sees without fail
_QUICK_TRIES, _TRIES = 3, 6
_HALF_READ, _SOME = 0.5, 2  # a reading that is no more than so sure, of so many letters: shapes read as one, or as none

_FAINT = 4  # of 255: print that differs by no more from what is around it was never found
_CUT = 0.005  # distance from the side of a region, as a fraction of it, below which a line goes on beyond it


@dataclass(frozen=True, slots=True)
class _RecognizedPlace:
    """One recognized place: its text, score, and corners `[4, 2]` (along the line first) in pixels."""

    text: str
    score: float
    corners: np.ndarray

    @property
    def height(self) -> float:
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))


class RapidReader:
    """PP-OCR through RapidOCR on one thread, with the models inside its wheel; it never touches the network."""

    name = "rapidocr"

    def __init__(self) -> None:
        try:
            import rapidocr
        except ImportError as error:
            raise CapabilityError("Reading on-screen text needs RapidOCR: pip install rapidocr.") from error
        models = Path(rapidocr.__file__).parent / "models"
        for name in (_DETECTOR, _RECOGNIZER):
            # An explicit path keeps RapidOCR from downloading what is missing.
            if not (models / name).is_file():
                raise CapabilityError(f"RapidOCR here has no model {name} in {models}: pip install 'rapidocr>=3.10'.")
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        self._engine: Any = rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.model_path": str(models / _DETECTOR),
                "Det.limit_type": "max",
                "Det.limit_side_len": 10_000,  # pictures are scaled here
                "Det.box_thresh": 0.45,
                "Det.score_mode": "slow",  # over the blob itself: over its box, faint and curved lines score too low
                "Rec.model_path": str(models / _RECOGNIZER),
                # In a batch all lines are padded to the longest, which costs one thread more than batches save.
                "Rec.rec_batch_num": 1,
                # Short words need not be padded to 320 pixels: the network takes any width.
                "Rec.rec_img_shape": [3, 48, 64],
            }
        )
        self._engine(np.zeros((32, 32, 3), np.uint8), use_cls=False, use_rec=False)  # loads the detector
        self.stamp = f"rapidocr {importlib.metadata.version('rapidocr')} PP-OCRv6 small 4"

    def read(self, image: np.ndarray, *, quick: bool = False, tiles: bool = False) -> list[Line]:
        """Return the lines of a picture in reading order; see `TextReader`.

        A picture that is too large to be seen at once is also read tile by tile, unless it is to be `quick`: at eight
        times the cost of the whole frame, so only the tiles are taken in which rows of small print seem to stand;
        `tiles` takes every one that is not blank.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"Text is read from [H, W, 3] uint8 RGB, got {image.shape} {image.dtype}.")
        height, width = image.shape[:2]
        if min(height, width) < 8 or _is_blank(image):
            return []
        picture = np.ascontiguousarray(image[:, :, ::-1])
        found: list[_RecognizedPlace] = []
        for scale in _scales(width, height, quick):
            found += self._at_scale(picture, scale, quick, found)
        if (tiles or not quick) and needs_tiles(width, height):
            sure = [_box(each.corners, 1, 1) for each in found if each.score >= _SURE]
            rows = [point for point in small_print(picture) if not any(_inside(point, box) for box in sure)]
            for tile in _tiles(width, height):
                if _has_edges(picture, tile) if tiles else any(_inside(point, tile) for point in rows):
                    found += self._in_tile(picture, tile, found)
        lines = [Line(each.text, _box(each.corners, width, height), each.score) for each in _apart(found)]
        lines = [line for line in lines if credible(line.text, line.score)]
        if not quick:
            lines = [line for line in lines if stands_alone(line.text) or any(stands_alone(o.text) for o in lines)]
        return reading_order(lines)

    def places(self, image: np.ndarray) -> list[Box]:
        """Return where something is written in a picture (`[H, W, 3]` uint8 RGB), also what can hardly be read."""
        height, width = image.shape[:2]
        if min(height, width) < 8 or _is_blank(image):
            return []
        picture = np.ascontiguousarray(image[:, :, ::-1])
        found: list[_RecognizedPlace] = []
        for scale in _scales(width, height, False):
            found += self._at_scale(picture, scale, False, found)
        rows = small_print(picture) if needs_tiles(width, height) else []
        for tile in _tiles(width, height) if rows else ():
            if any(_inside(point, tile) for point in rows):
                found += self._in_tile(picture, tile, found)
        return [
            _box(each.corners, width, height)
            for each in found
            if credible(each.text, each.score) or (each.score >= _HALF_READ and _letters(each.text) >= _SOME)
        ]

    def _at_scale(
        self, picture: np.ndarray, scale: float, quick: bool, earlier: Sequence[_RecognizedPlace]
    ) -> list[_RecognizedPlace]:
        """Return what is found at one scale, but for places that an earlier pass read for certain."""
        places = [
            corners
            for corners, score in self._detected(picture, scale)
            if not quick or score >= _LIKELY or _side(corners, 0, 3) >= _LARGE
        ]
        found = self._recognized(picture, _unknown(places, earlier))
        doubtful = [each for each in found if _DOUBTFUL <= each.score < _SURE and not _like_a_cross(each)]
        # Large ones first: what fails on small ones is mostly texture.
        doubtful = sorted(doubtful, key=lambda each: -each.height)[: _QUICK_TRIES if quick else _TRIES]
        again = [cut for each in doubtful for cut in _other_cuts(each.corners)]
        return found + [each for each in self._recognized(picture, again) if each.score >= _SURE]

    def _in_tile(self, picture: np.ndarray, tile: Box, earlier: Sequence[_RecognizedPlace]) -> list[_RecognizedPlace]:
        """Return what is found in a tile at full resolution, but for places that an earlier pass read for certain."""
        left, top, right, bottom = map(int, tile)
        places = []
        for corners, _ in self._detected(picture[top:bottom, left:right], 1.0):
            low, high = corners.min(axis=0), corners.max(axis=0)
            # A line that the tile's edge cuts is read in the neighbor, or as a whole at the smaller scale.
            if min(low) >= 1 and high[0] < right - left - 1 and high[1] < bottom - top - 1:
                places.append(corners + np.array([left, top], np.float32))
        return self._recognized(picture, _unknown(places, earlier))

    def _detected(self, picture: np.ndarray, scale: float) -> list[tuple[np.ndarray, float]]:
        """Return the corners `[4, 2]` (top left first, clockwise) and the score of each place that looks like text."""
        detector = self._engine.text_det
        # The network takes sides of multiples of 32.
        height, width = (max(32, round(side * scale / 32) * 32) for side in picture.shape[:2])
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        scaled = picture
        if (height, width) != picture.shape[:2]:
            scaled = cv2.resize(picture, (width, height), interpolation=smooth)
        probabilities = detector.session(detector.get_preprocess()(scaled))
        boxes, scores = detector.postprocess_op(probabilities, picture.shape[:2])
        return [(np.asarray(box, np.float32), float(score)) for box, score in zip(boxes, scores, strict=True)]

    def _recognized(self, picture: np.ndarray, places: Sequence[np.ndarray]) -> list[_RecognizedPlace]:
        """Return the best reading of each place; tall ones are tried upright and turned either way."""
        crops, owners = [], []
        for number, crop in enumerate(self._engine.crop_text_regions(picture, places)):
            width, height = _side(places[number], 0, 1), _side(places[number], 0, 3)
            turns = [0]
            if height >= 1.5 * width:  # RapidOCR has turned it: a line on end runs up or down, a lone letter neither
                turns = [0, 2, 3] if height < 3 * width else [0, 2]
            crops += [np.ascontiguousarray(np.rot90(crop, turn)) for turn in turns]
            owners += [number] * len(turns)
        best: dict[int, _RecognizedPlace] = {}
        if crops:
            result = self._engine.recognize_txt(crops)
            for owner, text, score in zip(owners, result.txts, result.scores, strict=True):
                text, score = clean(str(text)), float(score) if math.isfinite(score) else 0.0
                if text and (owner not in best or score > best[owner].score):
                    best[owner] = _RecognizedPlace(text, score, places[owner])
        return list(best.values())


def read_region(
    reader: TextReader, image: np.ndarray, region: Box, *, scale: float = 1.0, quick: bool = False, whole: bool = True
) -> list[Line]:
    """Read one region of a picture; the boxes of the lines are those in the whole picture.

    Args:
        reader: reads the region.
        image: `[H, W, 3]` uint8 RGB.
        region: fractions of the picture.
        scale: by how much the region is scaled before.
        quick: see `TextReader`.
        whole: leave out lines that the region cuts, at a side that is no border of the picture.
    """
    height, width = image.shape[:2]
    left, top = int(region.left * width), int(region.top * height)
    right, bottom = math.ceil(region.right * width - 1e-6), math.ceil(region.bottom * height - 1e-6)
    part = image[top:bottom, left:right]
    part = resize(part, (round(part.shape[1] * scale), round(part.shape[0] * scale)))
    lines = []
    for line in reader.read(np.ascontiguousarray(part), quick=quick):
        box = line.box
        cut = (
            (box.left < _CUT and left > 0)
            or (box.top < _CUT and top > 0)
            or (box.right > 1 - _CUT and right < width)
            or (box.bottom > 1 - _CUT and bottom < height)
        )
        if not (whole and cut):
            across, down = (right - left) / width, (bottom - top) / height
            outer = Box(
                left / width + box.left * across,
                top / height + box.top * down,
                left / width + box.right * across,
                top / height + box.bottom * down,
            )
            lines.append(Line(line.text, outer, line.score))
    return lines


def _is_blank(image: np.ndarray) -> bool:
    """Return whether a picture is of one color, such as black: nothing is written there at any scale."""
    flat = image.reshape(-1, image.shape[2])
    return bool((flat.max(axis=0) - flat.min(axis=0) <= _FAINT).all())


def needs_tiles(width: int, height: int) -> bool:
    """Return whether a picture of that many pixels is too large to be seen at once."""
    return width * height > 1.5 * _AREA


def _tiles(width: int, height: int) -> list[Box]:
    """Return overlapping tiles of about 640 pixels that cover a picture, in pixels."""

    def pieces(length: int) -> list[tuple[int, int]]:
        count = max(1, math.ceil((length - _TILE // 5) / _TILE))
        edges = [round(number * length / count) for number in range(count + 1)]
        return [(max(0, a - _TILE // 10), min(length, b + _TILE // 10)) for a, b in zip(edges, edges[1:], strict=False)]

    return [Box(left, top, right, bottom) for top, bottom in pieces(height) for left, right in pieces(width)]


def _has_edges(picture: np.ndarray, tile: Box) -> bool:
    left, top, right, bottom = map(int, tile)
    gray = cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    return int((cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 32).sum()) > 60


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom


def _unknown(places: Iterable[np.ndarray], earlier: Sequence[_RecognizedPlace]) -> list[np.ndarray]:
    """Return the places but for those that were read for certain."""
    sure = [each.corners for each in earlier if each.score >= _CERTAIN]
    return [corners for corners in places if not any(_iou(corners, other) > 0.6 for other in sure)]


def _scales(width: int, height: int, quick: bool) -> list[float]:
    base = min(1.0, math.sqrt(_AREA / (width * height)))
    if width * height > (_AREA / 2 if quick else 1.5 * _AREA):
        return [base]
    # The smaller scale sees letters as high as the picture, and costs a quarter. Small letters are seen at the other.
    scales = [base, base / 2] if base * min(width, height) > _HIGH else [base]
    if not quick:
        scales.append(min(1.5, math.sqrt(2 * _AREA / (width * height))))
    return scales


def _other_cuts(corners: np.ndarray) -> list[np.ndarray]:
    """Return other cuts of a place that was hard to read.

    Tighter (a blob that ran into its surroundings), without the turn (a lone character has no direction), and in two
    rows (lines so close that they were found as one).
    """
    width, height = _side(corners, 0, 1), _side(corners, 0, 3)
    cuts = [_shrunk(corners, 0.2 * min(width, height))]
    if height >= 3 * width:  # a line on end
        return cuts
    if width < 2.2 * height:
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        upright = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        cuts += [_shrunk(upright, 0.12 * height), _shrunk(upright, 0.25 * height)]
    if height >= 32 and width < 5 * height:
        down = corners[[3, 2]] - corners[[0, 1]]
        for top, bottom in ((0.05, 0.55), (0.45, 0.95)):
            upper, lower = corners[[0, 1]] + top * down, corners[[0, 1]] + bottom * down
            cuts.append(np.concatenate([upper, lower[::-1]]).astype(np.float32))
    return cuts


def _side(corners: np.ndarray, first: int, second: int) -> float:
    return float(np.linalg.norm(corners[second] - corners[first]))


def _shrunk(corners: np.ndarray, by: float) -> np.ndarray:
    along = (corners[1] - corners[0]) / max(_side(corners, 0, 1), 1e-6)
    across = (corners[3] - corners[0]) / max(_side(corners, 0, 3), 1e-6)
    return np.asarray(corners + by * np.stack([along + across, across - along, -along - across, along - across]))


def _box(corners: np.ndarray, width: int, height: int) -> Box:
    """Return the upright bounds as fractions of the picture."""
    (left, top), (right, bottom) = corners.min(axis=0) / (width, height), corners.max(axis=0) / (width, height)
    return Box(max(0.0, float(left)), max(0.0, float(top)), float(right), float(bottom))


def _shared(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Return the area that the upright bounds of two places share, and both areas, in pixels."""
    low, high = np.maximum(first.min(0), second.min(0)), np.minimum(first.max(0), second.max(0))
    return (
        float(np.prod(np.maximum(high - low, 0))),
        float(np.prod(np.ptp(first, 0))),
        float(np.prod(np.ptp(second, 0))),
    )


def _iou(first: np.ndarray, second: np.ndarray) -> float:
    common, one, other = _shared(first, second)
    return common / max(one + other - common, 1e-9)


def _apart(found: Iterable[_RecognizedPlace]) -> list[_RecognizedPlace]:
    """Return the best of what was read several times: no two share most of the smaller one's area."""
    kept: list[_RecognizedPlace] = []
    for each in sorted(found, key=lambda one: -information(one.text, one.score)):
        shares = (_shared(each.corners, other.corners) for other in kept)
        if all(common < 0.5 * max(min(one, other), 1e-9) for common, one, other in shares):
            kept.append(each)
    return kept


def credible(text: str, score: float) -> bool:
    """Return whether a reading is likelier text than texture: the shorter it is, the surer it must be."""
    letters = [char for char in text if char.isalnum()]
    if not letters or len(letters) < 0.5 * len(text.replace(" ", "")):
        return False
    needed = {1: 0.95, 2: 0.9, 3: 0.85}.get(len(letters), 0.7)
    # The recognizer turns texture into rare characters rather than into letters.
    if len(letters) < 4 and not text.isascii():
        needed = 0.97
    return score >= needed


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


def _like_a_cross(found: _RecognizedPlace) -> bool:
    """Return whether it is one letter or sign, and not a large one: bars and crosses read as such in every cut."""
    return len(found.text) == 1 and not found.text.isdecimal() and found.height < _LARGE


def stands_alone(text: str) -> bool:
    """Return whether a text can be believed without any other beside it: lone letters are mostly bars and crosses."""
    letters = [char for char in text if char.isalnum()]
    return len(letters) > 1 or text.isdecimal() and text != "1"


def reading_order(lines: Iterable[Line]) -> list[Line]:
    """Sort lines top to bottom, and left to right in a row: a line whose middle lies in another's rows shares its row.

    RapidOCR's own order goes by ten pixels, whatever the size of the letters.
    """
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda each: each.box.top + each.box.bottom):
        middle = (line.box.top + line.box.bottom) / 2
        row = next((row for row in rows[-3:] if row[0].box.top < middle < row[0].box.bottom), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return [line for row in rows for line in sorted(row, key=lambda each: each.box.left)]


def small_print(picture: np.ndarray) -> list[tuple[float, float]]:
    """Return the middles (x, y in pixels) of what looks like rows of small letters in a BGR picture, by its edges.

    Takes a fiftieth of what reading takes. It sees nearly every row of clear print of 8 to 14 pixels, and in pictures
    without any text one row now and then; print on leaves or in faint colors it does not see.
    """
    edges = cv2.morphologyEx(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    # Letters stand closer together than words and words closer than rows.
    joined = cv2.morphologyEx((edges > 60).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    _, _, found, middles = cv2.connectedComponentsWithStats(joined)
    return [
        (float(x), float(y))
        for (_, _, width, height, area), (x, y) in zip(found[1:].tolist(), middles[1:].tolist(), strict=True)
        if 5 <= height <= 18 and width >= 3 * height and area > 0.6 * width * height
    ]
