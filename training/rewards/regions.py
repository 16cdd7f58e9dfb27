"""Spatial rewards: how well boxes and tracks meet the true ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...memory import Box
from ..rollouts.rollout import Rollout
from . import extraction
from .reward import Reward, simple_reward

Track = Sequence[tuple[float, Box]]
NEAR = 0.1
"""Seconds by which a box may come before or after the moment it is compared at, where a track has one box only."""


def area(box: Box) -> float:
    """Share of the picture that a box covers; 0 where it is reversed."""
    return max(box.right - box.left, 0.0) * max(box.bottom - box.top, 0.0)


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes in [0, 1]; 0 where neither has an area."""
    both = one.intersection(other)
    union = area(one) + area(other) - both
    return both / union if union > 0 else 0.0


def center(box: Box) -> tuple[float, float]:
    """The middle of a box."""
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def shaped(claimed: Box, true: Box, shaping: float) -> float:
    """`(1 - shaping) * IoU + shaping * nearness`, so that a box that misses still learns where to go.

    Nearness is `max(0, 1 - distance of the centers)` in picture widths and heights, times the smaller area over the
    larger one: without that factor the whole picture is near everything.
    """
    if not 0 <= shaping < 1:
        raise ValueError(f"shaping must lie in [0, 1), got {shaping}.")
    large = max(area(claimed), area(true))
    if large <= 0:
        return 0.0
    near = max(0.0, 1 - math.dist(center(claimed), center(true))) * min(area(claimed), area(true)) / large
    return (1 - shaping) * box_iou(claimed, true) + shaping * near


def matched(claimed: Sequence[Box], true: Sequence[Box], shaping: float = 0.0) -> float:
    """Mean over pairs of boxes, best pairs first, each box used once; boxes without a partner count 0."""
    pairs = sorted(
        ((shaped(s, t, shaping), i, j) for i, s in enumerate(claimed) for j, t in enumerate(true)), reverse=True
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    value = 0.0
    for score, i, j in pairs:
        if i not in taken[0] and j not in taken[1]:
            value += score
            taken[0].add(i)
            taken[1].add(j)
    return value / max(len(claimed), len(true), 1)


def box_at(track: Track, time: float) -> Box | None:
    """The box at a moment, between its neighbours' in proportion to time; None outside the track."""
    for (before, here), (after, there) in zip(track, track[1:], strict=False):
        if before <= time <= after:
            share = (time - before) / (after - before)
            return Box(*(a + share * (b - a) for a, b in zip(here, there, strict=True)))
    near = [box for at, box in track if abs(at - time) <= NEAR]
    return near[0] if near else None


def track_iou(claimed: Track, true: Track, shaping: float = 0.0) -> float:
    """Mean over the true track's moments, and over the moments said to be before or after it, which count 0 (vIoU)."""
    if not claimed or not true:
        return 0.0
    value = 0.0
    for time, box in true:
        here = box_at(claimed, time)
        value += shaped(here, box, shaping) if here is not None else 0.0
    outside = [time for time, _ in claimed if not true[0][0] - NEAR <= time <= true[-1][0] + NEAR]
    return value / (len(true) + len(outside))


def box_reward(shaping: float = 0.0) -> Reward:
    """IoU of the claimed boxes with the true ones, with a share of `shaping` for near misses."""
    return Reward(name="box", score=lambda r: matched(extraction.boxes(r), r.task.truth.boxes, shaping))


def track_reward(shaping: float = 0.0) -> Reward:
    """IoU of the claimed track (boxes of cited frames, by their times) with the true one."""
    return Reward(name="track", score=lambda r: track_iou(extraction.track(r), r.task.truth.track, shaping))


@simple_reward("point_in_box")
def point_in_box(r: Rollout) -> float:
    """1 if the middle of the only box that is claimed lies in a true one (GUI-Spotlight's point), else 0."""
    claimed = extraction.boxes(r)
    if len(claimed) != 1:
        return 0.0
    x, y = center(claimed[0])
    return float(any(b.left <= x <= b.right and b.top <= y <= b.bottom for b in r.task.truth.boxes))
