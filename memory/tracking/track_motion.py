"""What a track did, in words: where it came from, which way it went, where it left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..span import Box, Span
from .tracker import Sighting, Track, area

_EDGE = 0.02  # of the picture: a box that is nearer touches the edge
_EDGES = ("left edge", "top", "right edge", "bottom")


def direction(track: Track) -> str:
    """Which way it goes, seen from the camera."""
    boxes = np.array([sight.box for sight in track.sights])
    few = max(1, min(4, len(boxes) // 4))
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    begin, finish = centers[:few].mean(0), centers[-few:].mean(0)
    across, down = (float(x) for x in finish - begin)
    net = float(np.hypot(across, down))
    farthest = float(np.hypot(*(centers - begin).T).max())
    extent = float(np.sqrt(np.median([area(sight.box) for sight in track.sights])))
    growth = _growth(track)
    if abs(np.log(growth)) > np.log(1.8) and net < 0.8 * extent:
        return "towards the camera" if growth > 1 else "away from the camera"
    if farthest < max(0.05, 0.25 * extent):
        return "stays"
    if net < 0.4 * farthest:
        return "there and back"
    if abs(across) >= abs(down):
        return "left to right" if across > 0 else "right to left"
    return "downwards" if down > 0 else "upwards"


def way_in(track: Track, watched: Span) -> str:
    """Where it comes from: an edge, `inside`, or that it was there at the start of what was watched."""
    if track.start <= watched.start + 1e-6:
        return "in view at the start"
    return _edge_near(track.sights[:5])


def way_out(track: Track, watched: Span) -> str:
    """Where it goes, likewise."""
    if track.end >= watched.end - 1e-6:
        return "in view at the end"
    return _edge_near(track.sights[:-6:-1])


def _edge_near(sights: Sequence[Sighting]) -> str:
    """The edge at the first of these sights, or that it had left a step before (going backwards in time, after)."""
    edge = _edge(sights[0].box)
    if edge != "inside" or len(sights) < 2:
        return edge
    step = (np.array(sights[0].box) - np.array(sights[-1].box)) / (len(sights) - 1)
    beyond = np.array(sights[0].box) + step
    # Only what moves as a whole is on its way out; a box that is cut off grows on one side.
    moved = np.where(np.sign(step[:2]) == np.sign(step[2:]), np.abs(step[:2]), 0)
    return _edge(Box(*(float(x) for x in beyond))) if moved.max() > 0.01 else "inside"


def _growth(track: Track) -> float:
    """Ratio of the areas late and early, from sights at which it is wholly in the picture."""
    whole = [area(sight.box) for sight in track.sights if _edge(sight.box) == "inside"]
    if len(whole) < 6:
        return 1.0
    third = len(whole) // 3
    return float(np.median(whole[-third:]) / max(np.median(whole[:third]), 1e-6))


def _edge(box: Box) -> str:
    """The edge that a box touches most nearly; something tall that stands on the bottom edge came from the side."""
    gaps = (box.left, box.top, 1 - box.right, 1 - box.bottom)
    touched = [side for side, gap in enumerate(gaps) if gap < _EDGE]
    if not touched:
        return "inside"
    sides = [side for side in touched if side in (0, 2)]
    narrow = box.right - box.left < box.bottom - box.top
    if sides and narrow:
        return _EDGES[min(sides, key=lambda side: gaps[side])]
    return _EDGES[min(touched, key=lambda side: gaps[side])]
