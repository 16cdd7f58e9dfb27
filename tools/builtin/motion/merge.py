"""Trails mended: swapped ids put right, fragments joined, pieces absorbed, noise dropped."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blobs import center, gap, merged, overlap, size
from .tracks import LOST_SECONDS, Look, Trail, traveled

Array = np.ndarray[Any, Any]

EDGES = ("left edge", "top", "right edge", "bottom")
_EDGE = 0.012  # of the picture: a box this near to the border touches it
_SCRAP = 0.06  # of an object's usual area
_BOTH_SIDES = 0.7  # seconds for which an object may be seen on both sides of a pole, as two


def mend(trails: list[Trail], shape: tuple[int, int], fps: float) -> list[Trail]:
    """The trails of real, separate objects, in order of entry.

    Args:
        trails: as the follower left them.
        shape: height and width of the pictures in pixels.
        fps: looks a second.
    """
    trails = [trail for trail in trails if len(trail.looks) >= 2]
    _swap_back(trails)
    trails = _absorb(trails, shape)
    trails = _join(trails, shape)
    trails = _absorb(trails, shape)
    trails = _restless(trails, shape)
    for trail in trails:
        trail.looks = _trimmed(trail.looks)
    trails = [trail for trail in trails if _is_object(trail, shape, fps)]
    return sorted(trails, key=lambda trail: trail.looks[0].time)


def touched(box: Array, shape: tuple[int, int]) -> list[int]:
    """Which borders of the picture a box touches: 0 left, 1 top, 2 right, 3 bottom."""
    height, width = shape
    room = max(_EDGE * width, 2.0)
    distances = (box[0], box[1], width - box[2], height - box[3])
    return [edge for edge, distance in enumerate(distances) if distance <= room]


def crossed(trail: Trail, shape: tuple[int, int], *, first: bool) -> int | None:
    """The border that a trail came in by (`first`) or went out by; None when it began or ended inside."""
    edges = touched(trail.looks[0 if first else -1].blob.box, shape)
    if not edges:
        return None
    # In a corner the border that the movement points at counts.
    x, y = trail.velocity(first=first) * (1 if first else -1)
    towards = {0: x, 1: y, 2: -x, 3: -y}
    return max(edges, key=lambda edge: towards[edge])


def colors(looks: list[Look]) -> Array:
    """Share of each colour name `[11]` over the looks that saw the object alone; zeros when none did."""
    total = np.sum([look.blob.colors for look in looks], axis=0, dtype=float) if looks else np.zeros(11)
    return np.asarray(total / max(total.sum(), 1.0))


def _alike(one: Array, other: Array) -> float:
    return float(np.minimum(one, other).sum())


def _swap_back(trails: list[Trail]) -> None:
    """Where two trails went through one blob, exchange what follows if the colours say so."""
    for index, one in enumerate(trails):
        for other in trails[index + 1 :]:
            mine = {look.time for look in one.looks if look.blob.shared}
            both = sorted(mine & {look.time for look in other.looks if look.blob.shared})
            if one.shot != other.shot or not both:
                continue
            start, end = both[0], both[-1]
            parts = [
                ([k for k in trail.looks if k.time < start], [k for k in trail.looks if k.time > end])
                for trail in (one, other)
            ]
            if not all(before and after for before, after in parts):
                continue
            (a0, a1), (b0, b1) = [tuple(colors(part) for part in pair) for pair in parts]
            if _alike(a0, b1) + _alike(b0, a1) > _alike(a0, a1) + _alike(b0, b1) + 0.3:
                tail = [k for k in one.looks if k.time > end]
                one.looks = [k for k in one.looks if k.time <= end] + parts[1][1]
                other.looks = [k for k in other.looks if k.time <= end] + tail


def _absorb(trails: list[Trail], shape: tuple[int, int]) -> list[Trail]:
    """Give trails that are a part of another object (an arm, a head above a shirt of the wall's colour) to it."""
    alive = sorted(trails, key=lambda trail: _bulk(trail))
    for piece in list(alive):
        wholes = [trail for trail in alive if trail is not piece and _bulk(trail) >= _bulk(piece)]
        for whole in sorted(wholes, key=_bulk, reverse=True):
            if _belongs(piece, whole, shape):
                whole.looks = _united(whole.looks, piece.looks)
                alive = [trail for trail in alive if trail is not piece]
                break
    return alive


def _bulk(trail: Trail) -> float:
    return sum(look.blob.area for look in trail.looks)


def _restless(trails: list[Trail], shape: tuple[int, int]) -> list[Trail]:
    """Make one thing of the flickering pieces of somebody who moves without going anywhere.

    The empty scene behind is never seen then, so that only the parts that move stand out.
    """
    pieces = [trail for trail in trails if _in_place(trail, shape)]
    rest = [trail for trail in trails if trail not in pieces]
    groups: list[Trail] = []
    for piece in sorted(pieces, key=_bulk, reverse=True):
        reach = _envelope(piece)
        home = next(
            (
                group
                for group in groups
                if group.shot == piece.shot
                and (
                    overlap(reach, _envelope(group)) > 0.3 * size(reach)
                    or gap(reach, _envelope(group)) < 0.01 * shape[1]
                )
            ),
            None,
        )
        if home is None:
            groups.append(piece)
        else:
            home.looks = _united(home.looks, piece.looks)
    return rest + groups


def _envelope(trail: Trail) -> Array:
    boxes = np.array([look.blob.box for look in trail.looks])
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _in_place(trail: Trail, shape: tuple[int, int]) -> bool:
    """Whether a trail is a piece of something that moves in place: its size is unsteady and it goes nowhere."""
    if len(trail.looks) < 3:
        return False
    first, last = (center(trail.looks[index].blob.box) for index in (0, -1))
    areas = np.array([look.blob.area for look in trail.looks])
    unsteady = float(areas.std() / areas.mean()) > 0.35
    return unsteady and float(np.hypot(*(last - first))) < 0.12 * shape[1]


def _belongs(piece: Trail, whole: Trail, shape: tuple[int, int]) -> bool:
    if piece.shot != whole.shot:
        return False
    diagonal = float(np.hypot(*shape))
    boxes = {look.time: look.blob.box for look in whole.looks}
    pairs = [(look.blob.box, boxes[look.time]) for look in piece.looks if look.time in boxes]
    if len(pairs) < 0.75 * len(piece.looks):
        return False
    free = sum(not look.blob.shared for look in piece.looks)
    if free < 0.35 * len(piece.looks) and free < 5:
        return True  # it was hardly ever seen apart
    ratio = float(np.median([size(small) / max(size(large), 1) for small, large in pairs]))
    near = float(np.mean([gap(small, large) < 0.02 * diagonal for small, large in pairs]))
    inside = float(np.mean([overlap(small, large) > 0.5 * size(small) for small, large in pairs]))
    if ratio < 0.5 and inside > 0.6:
        return True
    if ratio < 0.6 and near > 0.8 and len(piece.looks) < 0.35 * len(whole.looks):
        return True
    if (
        near > 0.8
        and len(pairs) > 0.6 * len(whole.looks)
        and max(traveled(piece.looks), traveled(whole.looks)) < 0.03 * diagonal
    ):
        return True  # neither goes anywhere, both are there at the same time
    return near > 0.8 and _stacked(pairs, diagonal)


def _stacked(pairs: list[tuple[Array, Array]], diagonal: float) -> bool:
    """Whether two boxes stand one above the other and stay so while both travel, as a head and its body do."""
    above = np.mean(
        [
            min(a[2], b[2]) - max(a[0], b[0]) > 0.6 * min(a[2] - a[0], b[2] - b[0])
            and gap(a, b) < 0.25 * max(a[3] - a[1], b[3] - b[1])
            for a, b in pairs
        ]
    )
    if len(pairs) < 4 or above < 0.8:
        return False
    ones, others = (np.array([center(pair[k]) for pair in pairs]) for k in (0, 1))
    traveled = np.hypot(*(others.max(0) - others.min(0)))
    return bool(traveled > 0.1 * diagonal and np.hypot(*(ones - others).std(0)) < 0.15 * traveled)


def _united(looks: list[Look], more: list[Look]) -> list[Look]:
    by_time = {look.time: look for look in looks}
    for look in more:
        mine = by_time.get(look.time)
        by_time[look.time] = look if mine is None else Look(look.time, merged([mine.blob, look.blob]))
    return [by_time[time] for time in sorted(by_time)]


def _join(trails: list[Trail], shape: tuple[int, int]) -> list[Trail]:
    """Make one trail of an object that was lost and found again."""
    alive = list(trails)
    while True:
        pairs = [
            (cost, first, second)
            for first in alive
            for second in alive
            if first is not second and (cost := _joint_cost(first, second, shape)) is not None
        ]
        if not pairs:
            return alive
        _, first, second = min(pairs, key=lambda pair: pair[0])
        first.looks = _united(first.looks, second.looks)
        alive = [trail for trail in alive if trail is not second]


def _joint_cost(first: Trail, second: Trail, shape: tuple[int, int]) -> float | None:
    """How unlikely it is that `second` goes on where `first` ended; None when it does not."""
    last, then = first.looks[-1], second.looks[0]
    pause = then.time - last.time
    same_place = overlap(last.blob.box, then.blob.box) > 0.4 * max(size(last.blob.box), size(then.blob.box))
    if first.shot != second.shot or first.looks[0].time >= then.time or second.looks[-1].time <= last.time:
        return None
    if pause < -_BOTH_SIDES or pause > (2 if same_place else 1.25) * LOST_SECONDS:
        return None
    if pause <= 0 and gap(last.blob.box, then.blob.box) > 0.1 * shape[1]:
        return None
    out, into = crossed(first, shape, first=False), crossed(second, shape, first=True)
    if pause > 0.5 and (out is not None or into is not None) and not same_place:
        return None  # one left and another came
    if (pause > 1.0 or pause < 0) and out is not None and into is not None:
        return None
    diagonal = float(np.hypot(*shape))
    pause = max(pause, 0.0)
    ahead, behind = first.expected_box(then.time), then.blob.box - np.tile(second.velocity(first=True), 2) * pause
    misses = (
        np.hypot(*(center(ahead) - center(then.blob.box))),
        np.hypot(*(center(last.blob.box) - center(then.blob.box))),
        np.hypot(*(center(behind) - center(last.blob.box))),
        _miss_of_whole(first, second),
    )
    one, other = _usual_size(first), _usual_size(second)
    extent = np.sqrt(max(one, other))
    miss = float(min(misses))
    at_border = out is not None or into is not None
    if miss > 0.6 * extent + 0.03 * diagonal * pause or not (at_border or 0.3 < one / max(other, 1) < 3.3):
        return None
    likeness = _alike(colors(first.looks), colors(second.looks))
    if likeness < 0.35:
        return None
    return miss / diagonal + 0.1 * pause + (1 - likeness)


def _whole(looks: list[Look]) -> list[Look]:
    usual = float(np.median([look.blob.area for look in looks]))
    return [look for look in looks if look.blob.area >= 0.7 * usual]


def _miss_of_whole(first: Trail, second: Trail) -> float:
    """Distance between where the first was heading and the second appears, from looks at which neither was half hidden.

    What goes behind a pole shrinks from one side: the middle of what is left of it lags.
    """
    one, other = (Trail(trail.id, trail.shot, _whole(trail.looks)) for trail in (first, second))
    last, then = one.looks[-1], other.looks[0]
    gone = then.time - last.time
    if not 0 < gone <= 2 * LOST_SECONDS:
        return float("inf")
    way = center(then.blob.box) - center(last.blob.box)
    return float(
        min(np.hypot(*(way - trail.velocity(first=late) * gone)) for trail, late in ((one, False), (other, True)))
    )


def _trimmed(looks: list[Look]) -> list[Look]:
    """The looks without the scraps at both ends: a shadow or a reflection that comes before the object or stays."""
    least = _SCRAP * float(np.median([look.blob.area for look in looks]))
    real = [index for index, look in enumerate(looks) if look.blob.area >= least]
    return looks[real[0] : real[-1] + 1]


def _usual_size(trail: Trail) -> float:
    return float(np.median([size(look.blob.box) for look in trail.looks]))


def _is_object(trail: Trail, shape: tuple[int, int], fps: float) -> bool:
    height, width = shape
    looks = trail.looks
    length = looks[-1].time - looks[0].time
    if len(looks) < 3 or np.median([look.blob.area for look in looks]) < 0.0008 * height * width:
        return False
    if np.mean([look.blob.confidence > 0.5 for look in looks]) < 0.4:
        return False
    diagonal = float(np.hypot(height, width))
    inside = crossed(trail, shape, first=True) is None and crossed(trail, shape, first=False) is None
    moved = traveled(looks)
    seen = len(looks) / (1 + length * fps)
    if inside and (seen < 0.5 or length < 0.5):
        return False
    extent = float(np.sqrt(np.median([size(look.blob.box) for look in looks])))
    return moved > max(0.03 * diagonal, min(0.4 * extent, 0.06 * diagonal)) or not inside and moved > 0.02 * diagonal
