"""Tracking of one object: average overlap and success rate (GOT-10k), center error and precision (OTB).

By the GOT-10k toolkit (got-10k/toolkit): overlap and success over all frames of all sequences
(got10k/experiments/got10k.py), precision as the mean over sequences (got10k/experiments/otb.py). A frame for which
nothing was predicted has no overlap, and is off by the picture's diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from ...memory import Box
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure
from .predictions import boxes_at

THRESHOLDS = (0.5, 0.75)
"""Of the overlap, that a success lies above."""
NEAR = 20.0
"""Pixels up to which a center is precise."""


def center_error(one: Box, other: Box, size: tuple[float, float]) -> float:
    """The distance of two centers in pixels of a picture of `size` (width, height).

    The toolkit puts the center of a rectangle at `left + (width - 1) / 2`; in a distance that cancels out.
    """
    across, down = (
        (one.left + one.right - other.left - other.right) / 2,
        (one.top + one.bottom - other.top - other.bottom) / 2,
    )
    return math.hypot(across * size[0], down * size[1])


def tracking(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """AO, SR@0.5 and SR@0.75 over frames; where the size of the pictures is known, center error and precision too.

    AO is the mean IoU, SR@m the share of frames with an IoU above m; precision is the share of frames whose center is
    off by at most 20 pixels.
    """
    frames: list[tuple[JudgedItem, float]] = []
    sized: list[tuple[JudgedItem, list[float]]] = []
    for one in judged:
        truth = one.task.truth.track if one.task.kind == "track" else ()
        pairs = [(box, true) for box, (_, true) in zip(boxes_at(one, [t for t, _ in truth]), truth, strict=True)]
        frames += [(one, 0.0 if box is None else box.iou(true)) for box, true in pairs]
        size = size_of(one)
        if size and pairs:
            lost = math.hypot(*size)
            sized.append((one, [lost if box is None else center_error(box, true, size) for box, true in pairs]))
    if not frames:
        return {}
    asked, overlaps = [one for one, _ in frames], [overlap for _, overlap in frames]
    figures = {"AO": mean_of(asked, overlaps)}
    figures |= {f"SR@{m}": mean_of(asked, [float(value > m) for value in overlaps]) for m in THRESHOLDS}
    if sized:
        known, errors = [one for one, _ in sized], [error for _, error in sized]
        precise = [fmean(error <= NEAR for error in own) for own in errors]
        figures["center error"] = mean_of(known, list(map(fmean, errors)), out_of=len(judged), most=math.inf)
        figures["precision@20"] = mean_of(known, precise, out_of=len(judged))
    return figures


def size_of(one: JudgedItem) -> tuple[float, float] | None:
    """Width and height of the pictures in pixels, as the set tells them."""
    width, height = one.task.meta.get("width"), one.task.meta.get("height")
    return (float(width), float(height)) if width and height else None
