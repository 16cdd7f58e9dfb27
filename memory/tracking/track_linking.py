"""Pieces of one object's track, from clips or calls that overlap or follow one another, put together again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..span import Box
from .detector_labels import alike
from .track_colors import likeness, name_of
from .tracker import LOST_SECONDS, Sighting, Track, area, best_label, overlap, renumbered, wider

SURE = 0.35
"""Score from which a track is told; a detector's weakest guesses make tracks too."""
_PART_SCORE = 0.55  # below it, a person inside a surer, larger one may be a hand or a head of that one
_PART_SHARE = 0.65  # mean share of its box that lies inside
_TOGETHER = 0.4  # mean overlap from which two tracks that are seen at the same time are one
_FLICKER = 0.7  # seconds at the picture's edge after which something that comes is another, or comes again
_EDGE = 0.015
_COLORS = 0.35  # least likeness of colours of pieces that do not overlap in time


def link(tracks: Iterable[Track]) -> list[Track]:
    """Join pieces of one object, in time order, numbered from 1 by time of entry."""
    pieces = sorted(tracks, key=lambda track: (track.sights[0].time, track.sights[-1].time))
    pairs = []
    for later in range(len(pieces)):
        for earlier in range(later):
            score = affinity(pieces[earlier], pieces[later])
            if score > 0:
                pairs.append((score, earlier, later))
    root = list(range(len(pieces)))
    members = {index: [index] for index in root}
    for _, one, two in sorted(pairs, reverse=True):
        first, second = root[one], root[two]
        if first != second and not _clash(pieces, members[first], members[second]):
            for index in members.pop(second):
                root[index] = first
                members[first].append(index)
    joined = [join([pieces[index] for index in sorted(group)]) for group in members.values()]
    joined.sort(key=lambda track: (track.start, track.end))
    return [renumbered(track, number) for number, track in enumerate(joined, 1)]


def sure(tracks: Iterable[Track]) -> list[Track]:
    """Tracks that are told, numbered anew: sure enough, and not a part of another."""
    known = [track for track in tracks if track.score >= SURE]
    people = [track for track in known if track.label == "person"]
    told = [track for track in known if not any(_part_of(track, other) for other in people)]
    return [renumbered(track, number) for number, track in enumerate(told, 1)]


def _part_of(track: Track, other: Track) -> bool:
    """Whether a person that is not sure lies in the box of a surer one for most of its time."""
    if track.label != "person" or track.score >= min(_PART_SCORE, other.score):
        return False
    if track.end <= other.start or track.start >= other.end:
        return False
    boxes = {round(sight.time, 3): sight.box for sight in other.sights}
    pairs = [(s.box, boxes[round(s.time, 3)]) for s in track.sights if round(s.time, 3) in boxes]
    inside = [_shared(box, outer) / max(area(box), 1e-9) for box, outer in pairs if area(box) < area(outer)]
    return 2 * len(inside) >= len(track.sights) and float(np.mean(inside)) >= _PART_SHARE


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    across = min(one.right, other.right) - max(one.left, other.left)
    return max(across, 0.0) * max(min(one.bottom, other.bottom) - max(one.top, other.top), 0.0)


def join(pieces: Sequence[Track]) -> Track:
    """One track of pieces in time order; it keeps the id of the first."""
    if len(pieces) == 1:
        return pieces[0]
    sights: dict[float, Sighting] = {}
    votes: dict[str, float] = {}
    weights = np.array([len(piece.sights) for piece in pieces], float)
    weights /= weights.sum()
    colors = np.zeros(11)
    for piece, weight in zip(pieces, weights, strict=True):
        sights |= {round(sight.time, 3): sight for sight in piece.sights}
        for label, share in piece.votes.items():
            votes[label] = votes.get(label, 0.0) + float(weight) * share
        if piece.colors:
            colors += weight * np.array(piece.colors)
    ordered = tuple(sights[time] for time in sorted(sights))
    votes = dict(sorted(votes.items(), key=lambda row: -row[1]))
    seen = tuple(round(float(x), 3) for x in colors / colors.sum()) if colors.any() else ()
    first = min(pieces, key=lambda piece: piece.sights[0].time)
    last = max(pieces, key=lambda piece: piece.sights[-1].time)
    return replace(
        pieces[0],
        label=best_label(votes, ordered),
        score=round(float(np.average([piece.score for piece in pieces], weights=weights)), 3),
        start=first.start,
        end=last.end,
        sights=ordered,
        votes={label: round(share, 3) for label, share in votes.items()},
        colors=seen,
        color=name_of(seen) if seen else None,
    )


def affinity(one: Track, two: Track) -> float:
    """How surely two tracks are one object: above 1 if they are seen together, up to 1 if one follows; 0 if not."""
    if two.sights[0].time < one.sights[0].time:
        one, two = two, one
    gap = two.sights[0].time - one.sights[-1].time
    if gap > LOST_SECONDS or not _alike(one, two):
        return 0.0
    if gap <= 0:
        return _together(one, two)
    if gap > _FLICKER and _at_edge(one.sights[-1].box) and _at_edge(two.sights[0].box):
        return 0.0
    likely = likeness(one.colors, two.colors)
    if likely < _COLORS:
        return 0.0
    expected, found = _ahead(one, gap), two.sights[0].box
    backwards, before = _ahead(two, -gap), one.sights[-1].box
    sizes = sorted((area(before), area(found)))
    if sizes[0] < 0.25 * sizes[1] and gap > _FLICKER:
        return 0.0
    near = max(overlap(wider(expected), wider(found)), overlap(wider(backwards), wider(before)), overlap(before, found))
    return near * likely if near >= 0.15 else 0.0


def _together(one: Track, two: Track) -> float:
    """From the places at times at which both are seen; 0 where they are apart."""
    end = min(one.sights[-1].time, two.sights[-1].time)
    known = {round(sight.time, 3): sight.box for sight in one.sights}
    both = [s for s in two.sights if round(s.time, 3) in known]
    # Two calls at different rates look at different moments.
    shared = both or [s for s in two.sights if s.time <= end + 1e-6]
    if not shared:
        return 0.0
    places = [known.get(round(s.time, 3)) or one.box_at(s.time) for s in shared]
    mean = float(np.mean([overlap(place, s.box) for place, s in zip(places, shared, strict=True)]))
    return 1 + mean if mean >= _TOGETHER else 0.0


def _clash(pieces: Sequence[Track], first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether parts of two groups are seen at the same time in different places."""
    for one in first:
        for two in second:
            a, b = pieces[one], pieces[two]
            apart = min(a.sights[-1].time, b.sights[-1].time) < max(a.sights[0].time, b.sights[0].time)
            if not apart and not _together(*sorted((a, b), key=lambda track: track.sights[0].time)):
                return True
    return False


def _alike(one: Track, two: Track) -> bool:
    return alike(one.label, two.label) or one.votes.get(two.label, 0.0) >= 0.1 or two.votes.get(one.label, 0.0) >= 0.1


def _ahead(track: Track, seconds: float) -> Box:
    """Where it should be so many seconds after its last sight (before its first, if negative), at steady speed."""
    sights = track.sights[-6:] if seconds > 0 else track.sights[:6]
    anchor = sights[-1] if seconds > 0 else sights[0]
    times = np.array([sight.time for sight in sights])
    centers = np.array([((s.box.left + s.box.right) / 2, (s.box.top + s.box.bottom) / 2) for s in sights])
    spread = ((times - times.mean()) ** 2).sum()
    speed = (times - times.mean()) @ (centers - centers.mean(0)) / spread if spread > 0 else np.zeros(2)
    # Something hidden seldom keeps its speed for long.
    across, down = speed * float(np.clip(seconds, -1.0, 1.0))
    box = anchor.box
    return Box(box.left + across, box.top + down, box.right + across, box.bottom + down)


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE
