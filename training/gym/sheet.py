"""The clips of a lesson's video as one picture."""

from __future__ import annotations

import cv2
import numpy as np

from ...memory import Span
from .lesson import Lesson


def sheet(each: Lesson, *, columns: int = 8, most: int = 32) -> np.ndarray:
    """The clips of a lesson's video in order, `[H, W, 3]` uint8; those that hold the answer have a bright frame.

    Args:
        each: the lesson.
        columns: clips in a row.
        most: clips at most; of longer videos those around the answer, and evenly spread others.
    """
    world, seconds = each.world, each.clip_seconds
    starts = [world.span.start + k * seconds for k in range(max(1, round(world.span.duration / seconds)))]
    clips = [Span(start, start + seconds) for start in starts]
    true = {k for k, one in enumerate(clips) for span in each.task.truth.spans if one.overlap(span) > 0}
    kept = sorted({*sorted(true)[:most], *np.linspace(0, len(starts) - 1, most - min(len(true), most)).astype(int)})
    kept = [int(k) for k in kept] if len(starts) > most else list(range(len(starts)))
    side, gap, head = 128, 6, 16
    rows = -(-len(kept) // columns)
    page = np.full((rows * (side + head + gap) + gap, columns * (side + gap) + gap, 3), 250, np.uint8)
    for place, k in enumerate(kept):
        top, left = gap + place // columns * (side + head + gap), gap + place % columns * (side + gap)
        image = world.draw(min(starts[k] + seconds / 2, world.span.end - 1e-3))
        page[top + head : top + head + side, left : left + side] = cv2.resize(
            image, (side, side), interpolation=cv2.INTER_NEAREST
        )
        text = f"{starts[k]:g} s"
        cv2.putText(page, text, (left + 2, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
        if k in true:
            corner = (left + side, top + head + side)
            cv2.rectangle(page, (left - 1, top + head - 1), corner, (230, 60, 20), 2)
    return page
