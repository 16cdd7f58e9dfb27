"""Texts that the border of the picture cuts while they move: read in full from the frames around."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..span import Box, Span
from .lines import Line, Reading, TextReader, fuller

if TYPE_CHECKING:
    from ..protocol import VideoSource

_TOUCHING = 0.02
"""Distance from a border, as a fraction of the picture, from which a line may go on beyond it."""
_FPS = 8.0
_AROUND = 0.5
_PASSING = 2.0
"""Seconds up to which a text counts as passing; what stays longer is written at the border."""
_REACH = 2.5
"""How far into the picture the text is looked for, in widths of what was seen of it."""
_LARGER = 1.5
_SURE = 0.9
_MOST = 12
"""Frames that are read for one text."""


def touches(box: Box) -> bool:
    """Whether a box ends at the left or right border of the picture, so that its line may be cut there."""
    return box.left < _TOUCHING or box.right > 1 - _TOUCHING


def in_full(video: VideoSource, span: Span, reading: Reading, reader: TextReader) -> Reading:
    """The same reading in full, where more of a text that passes the border can be read in frames around it.

    Args:
        video: where it comes from.
        span: seconds in which to look.
        reading: a text of that span.
        reader: reads one picture; it is given the surroundings of the text, enlarged.

    Returns:
        The reading with the fuller text, its box and score, over all the seconds in which it was seen; the reading as
        it was, where it does not touch the border, stays for long, or no frame has more of it.
    """
    if not touches(reading.box) or reading.end - reading.start > _PASSING:
        return reading
    around = Span(reading.start - _AROUND, reading.end + _AROUND).within(span)
    region = _surroundings(reading.box)
    frames = sorted(video.frames(around, _FPS), key=lambda frame: abs(frame.time - reading.start))
    start, end = reading.start, reading.end
    seen: dict[str, list[Line]] = {}
    for frame in frames[:_MOST]:
        for line in _read(frame.image, region, reader):
            if line.score >= _SURE and fuller(line.text, reading.text) and _as_high(line.box, reading.box):
                start, end = min(start, frame.time), max(end, frame.time)
                seen.setdefault(line.text, []).append(line)
    if not seen:
        return reading
    most = seen[max(seen, key=lambda text: _weight(text, seen))]
    best = max(most, key=lambda line: (not touches(line.box), line.score))
    height = best.box.bottom - best.box.top
    return replace(
        reading, start=start, end=end, text=best.text, box=best.box, score=best.score, height=height, variants=()
    )


def _weight(text: str, seen: dict[str, list[Line]]) -> tuple[int, float]:
    """How often a text was seen, whole or with an end cut off, and its best score."""
    parts = sum(len(cut) for other, cut in seen.items() if fuller(text, other))
    return len(seen[text]) + parts, max(line.score for line in seen[text])


def _as_high(one: Box, other: Box) -> bool:
    """Whether letters are about as large: what is turned a little has a higher box."""
    ratio = (one.bottom - one.top) / max(other.bottom - other.top, 1e-6)
    return 0.5 < ratio < 2.0


def _surroundings(box: Box) -> Box:
    """Where the rest of the text may come into the picture."""
    reach, height = _REACH * (box.right - box.left), box.bottom - box.top
    left, right = (0.0, box.right + reach) if box.left < _TOUCHING else (box.left - reach, 1.0)
    return Box(max(0.0, left), max(0.0, box.top - 0.75 * height), min(1.0, right), min(1.0, box.bottom + 0.75 * height))


def _read(image: np.ndarray, region: Box, reader: TextReader) -> list[Line]:
    height, width = image.shape[:2]
    left, top = int(region.left * width), int(region.top * height)
    crop = image[top : int(np.ceil(region.bottom * height)), left : int(np.ceil(region.right * width))]
    enlarged = cv2.resize(crop, None, fx=_LARGER, fy=_LARGER, interpolation=cv2.INTER_CUBIC)
    across, down = crop.shape[1] / width, crop.shape[0] / height
    lines = []
    for line in reader.read(np.ascontiguousarray(enlarged)):
        box = Box(
            region.left + line.box.left * across,
            region.top + line.box.top * down,
            region.left + line.box.right * across,
            region.top + line.box.bottom * down,
        )
        if not _cut_off(line.box, region):
            lines.append(Line(line.text, box, line.score))
    return lines


def _cut_off(inner: Box, region: Box) -> bool:
    """Whether a line ends at a side of the region that is not the picture's border."""
    return (inner.left < 0.01 and region.left > 0) or (inner.right > 0.99 and region.right < 1)
