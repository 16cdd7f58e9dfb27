"""The way of a track in words: where it came from, which way it went, where it left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..span import Box, Span
from .track import Track, TrackedBox

# Shares of the picture or of the object, settled on the real videos in docs/results.md.
_EDGE = 0.02  # of the picture: a box that is nearer touches the edge
_GROWTH = 1.8  # ratio of areas from which it comes nearer or goes away
_STAYS = 0.05, 0.25  # of the picture, of its own size: what moves less stays
_EDGES = ("left edge", "top", "right edge", "bottom")


def direction(track: Track) -> str:
    """The direction in which it goes, as the camera sees it; `stays` where it goes nowhere."""
    boxes = np.array([one.box for one in track.boxes])
    few = max(1, min(4, len(boxes) // 4))
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    begin, finish = centers[:few].mean(0), centers[-few:].mean(0)
    across, down = (float(x) for x in finish - begin)
    net = float(np.hypot(across, down))
    farthest = float(np.hypot(*(centers - begin).T).max())
    extent = float(np.sqrt(np.median([one.box.area for one in track.boxes])))
    growth = _growth(track)
    if abs(np.log(growth)) > np.log(_GROWTH) and net < 0.8 * extent:
        return "towards the camera" if growth > 1 else "away from the camera"
    if farthest < max(_STAYS[0], _STAYS[1] * extent):
        return "stays"
    if net < 0.4 * farthest:
        return "there and back"
    if abs(across) >= abs(down):
        return "left to right" if across > 0 else "right to left"
    return "downwards" if down > 0 else "upwards"


def way_in(track: Track, watched: Span) -> str:
    """The edge at which it comes in, `inside`, or that it was there at the start of what was watched."""
    if track.start <= watched.start + 1e-6:
        return "in view at the start"
    return _edge_near(track.boxes[:5])


def way_out(track: Track, watched: Span) -> str:
    """The edge at which it leaves, `inside`, or that it was there at the end of what was watched."""
    if track.end >= watched.end - 1e-6:
        return "in view at the end"
    return _edge_near(track.boxes[:-6:-1])


def traveled(boxes: Sequence[TrackedBox]) -> float:
    """The farthest that it went, in its own sizes: a box that only grows or shrinks on one side goes nowhere."""
    sides = np.array([one.box for one in boxes])
    sizes = np.maximum(np.median(sides[:, 2:] - sides[:, :2], axis=0), 1e-3)
    farthest = 0.0
    for anchor in (sides[0], sides[len(sides) // 2], sides[-1]):
        before, after = (sides - anchor)[:, :2] / sizes, (sides - anchor)[:, 2:] / sizes
        shift = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
        farthest = max(farthest, float(np.hypot(shift[:, 0], shift[:, 1]).max()))
    return farthest


def _edge_near(boxes: Sequence[TrackedBox]) -> str:
    """The edge at the first of these boxes, or beyond it by one step (going backwards in time)."""
    edge = touched_edge(boxes[0].box)
    if edge != "inside" or len(boxes) < 2:
        return edge
    step = (np.array(boxes[0].box) - np.array(boxes[-1].box)) / (len(boxes) - 1)
    beyond = np.array(boxes[0].box) + step
    # Only what moves as a whole is on its way out; a box that is cut off grows on one side.
    moved = np.where(np.sign(step[:2]) == np.sign(step[2:]), np.abs(step[:2]), 0)
    return touched_edge(Box(*(float(x) for x in beyond))) if moved.max() > 0.01 else "inside"


def _growth(track: Track) -> float:
    """Ratio of the areas late and early, from boxes that lie wholly in the picture."""
    whole = [one.box.area for one in track.boxes if touched_edge(one.box) == "inside"]
    if len(whole) < 6:
        return 1.0
    third = len(whole) // 3
    return float(np.median(whole[-third:]) / max(np.median(whole[:third]), 1e-6))


def touched_edge(box: Box) -> str:
    """The edge that a box touches most nearly, or `inside`; something tall on the bottom came from a side."""
    gaps = (box.left, box.top, 1 - box.right, 1 - box.bottom)
    touched = [side for side, gap in enumerate(gaps) if gap < _EDGE]
    if not touched:
        return "inside"
    sides = [side for side in touched if side in (0, 2)]
    narrow = box.right - box.left < box.bottom - box.top
    if sides and narrow:
        return _EDGES[min(sides, key=lambda side: gaps[side])]
    return _EDGES[min(touched, key=lambda side: gaps[side])]
