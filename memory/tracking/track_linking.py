"""Pieces of one object's track, from clips or calls that overlap or follow one another, joined again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..encoders.color_names import NAMES
from ..span import Box
from .detector_labels import same_kind
from .track import Track, TrackedBox
from .track_colors import color_similarity
from .tracker import LOST_SECONDS, best_label, numbered

# Thresholds without a source were settled on the videos in docs/results.md, those of `_passage` on the poles of
# benchmarks/moving_objects.py.
SURE = 0.35
"""Score from which a track is reported; a detector's weakest guesses make tracks too."""
_PART_SCORE = 0.55  # below it, a person inside a surer, larger one may be a hand or a head of that one
_PART_SHARE = 0.65  # mean share of its box that lies inside
_TOGETHER = 0.4  # mean IoU from which two tracks that are in view at the same time are one
_REENTRY = 0.7  # seconds at the picture's edge after which something that comes is another, or comes again
_BOTH_SIDES = 0.7  # seconds for which an object may show on both sides of a pole, as two
_EDGE = 0.015
_VIDEOS = 32  # whose tracks a registry remembers
_COLORS = 0.35  # least similarity of colors of pieces that do not overlap in time
_PREDICTED_IOU = 0.15
_MISS = 0.6  # of its size, by which an object may come out of hiding beside where it was heading
_UNHIDDEN = 0.7  # of its median area: a smaller box is partly hidden


def link(tracks: Iterable[Track]) -> list[Track]:
    """Join pieces of one object, in time order, numbered from 1 by time of entry."""
    pieces = sorted(tracks, key=lambda track: (track.boxes[0].time, track.boxes[-1].time))
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
    return numbered(join([pieces[index] for index in sorted(group)]) for group in members.values())


def sure(tracks: Iterable[Track]) -> list[Track]:
    """The tracks to report, numbered anew: those that are sure enough, and not a part of another."""
    candidates = [track for track in tracks if track.score >= SURE]
    people = [track for track in candidates if track.label == "person"]
    return numbered(track for track in candidates if not any(_is_part(track, other) for other in people))


def _is_part(track: Track, other: Track) -> bool:
    """Tell whether an unsure person lies in the box of a surer one for most of its time."""
    if track.label != "person" or track.score >= min(_PART_SCORE, other.score):
        return False
    if track.end <= other.start or track.start >= other.end:
        return False
    boxes = {round(one.time, 3): one.box for one in other.boxes}
    pairs = [(one.box, boxes[round(one.time, 3)]) for one in track.boxes if round(one.time, 3) in boxes]
    inside = [box.intersection(outer) / max(box.area, 1e-9) for box, outer in pairs if box.area < outer.area]
    return 2 * len(inside) >= len(track.boxes) and float(np.mean(inside)) >= _PART_SHARE


def join(pieces: Sequence[Track]) -> Track:
    """Make one track of pieces in time order; it keeps the id of the first."""
    if len(pieces) == 1:
        return pieces[0]
    boxes: dict[float, TrackedBox] = {}
    votes: dict[str, float] = {}
    weights = np.array([len(piece.boxes) for piece in pieces], float)
    weights /= weights.sum()
    colors = np.zeros(len(NAMES))
    for piece, weight in zip(pieces, weights, strict=True):
        boxes |= {round(one.time, 3): one for one in piece.boxes}
        for label, share in piece.votes.items():
            votes[label] = votes.get(label, 0.0) + float(weight) * share
        if piece.colors:
            colors += weight * np.array(piece.colors)
    ordered = tuple(boxes[time] for time in sorted(boxes))
    votes = dict(sorted(votes.items(), key=lambda row: -row[1]))
    return replace(
        pieces[0],
        label=best_label(votes, ordered),
        score=round(float(np.average([piece.score for piece in pieces], weights=weights)), 3),
        start=min(pieces, key=lambda piece: piece.boxes[0].time).start,
        end=max(pieces, key=lambda piece: piece.boxes[-1].time).end,
        boxes=ordered,
        votes={label: round(share, 3) for label, share in votes.items()},
        colors=tuple(round(float(x), 3) for x in colors / colors.sum()) if colors.any() else (),
    )


def affinity(one: Track, two: Track) -> float:
    """Return how surely two tracks are one object: above 1 if they coincide, up to 1 if one continues the other."""
    if two.boxes[0].time < one.boxes[0].time:
        one, two = two, one
    gap = two.boxes[0].time - one.boxes[-1].time
    if gap > LOST_SECONDS or not _same_kind(one, two):
        return 0.0
    if gap <= 0:
        return _coincidence(one, two) or (_passage(one, two) if gap > -_BOTH_SIDES else 0.0)
    if gap > _REENTRY and _at_edge(one.boxes[-1].box) and _at_edge(two.boxes[0].box):
        return 0.0
    similarity = color_similarity(one.colors, two.colors)
    if similarity < _COLORS:
        return 0.0
    before, after = one.boxes[-1].box, two.boxes[0].box
    sizes = sorted((before.area, after.area))
    if sizes[0] < 0.25 * sizes[1] and gap > _REENTRY:
        return 0.0
    expected, backwards = _predicted(one, gap), _predicted(two, -gap)
    near = max(
        expected.expanded(0.3).iou(after.expanded(0.3)),
        backwards.expanded(0.3).iou(before.expanded(0.3)),
        before.iou(after),
    )
    return near * similarity if near >= _PREDICTED_IOU else _passage(one, two)


def _coincidence(one: Track, two: Track) -> float:
    """The affinity of tracks that are in view at the same times, from their places then; 0 where they are apart."""
    end = min(one.boxes[-1].time, two.boxes[-1].time)
    places = {round(box.time, 3): box.box for box in one.boxes}
    both = [box for box in two.boxes if round(box.time, 3) in places]
    # Two calls at different rates look at different moments.
    shared = both or [box for box in two.boxes if box.time <= end + 1e-6]
    if not shared:
        return 0.0
    mean = float(np.mean([(places.get(round(b.time, 3)) or one.box_at(b.time)).iou(b.box) for b in shared]))
    return 1 + mean if mean >= _TOGETHER else 0.0


def _passage(one: Track, two: Track) -> float:
    """The affinity of a track before and behind something that hides the object, such as a pole.

    Its boxes shrink from one side there, so that its speed is measured where it is not hidden.
    """
    similarity = color_similarity(one.colors, two.colors)
    if similarity < _COLORS or two.boxes[-1].time <= one.boxes[-1].time or one.boxes[0].time >= two.boxes[0].time:
        return 0.0
    before, after = _unhidden(one), _unhidden(two)
    gap = after[0].time - before[-1].time
    if not 0 < gap <= 2 * LOST_SECONDS:
        return 0.0
    way = _centers(after[:1])[0] - _centers(before[-1:])[0]
    miss = min(float(np.hypot(*(way - speed * gap))) for speed in (_speed(before[-8:]), _speed(after[:8])))
    extent = float(np.sqrt(max(before[-1].box.area, after[0].box.area)))
    return similarity * (1 - miss / extent) if miss < _MISS * extent else 0.0


def _clash(pieces: Sequence[Track], first: Sequence[int], second: Sequence[int]) -> bool:
    """Tell whether parts of two groups are in view at the same time as different objects."""
    for one in first:
        for two in second:
            a, b = pieces[one], pieces[two]
            apart = min(a.boxes[-1].time, b.boxes[-1].time) < max(a.boxes[0].time, b.boxes[0].time)
            if not apart and not affinity(a, b):
                return True
    return False


def _same_kind(one: Track, two: Track) -> bool:
    return (
        same_kind(one.label, two.label) or one.votes.get(two.label, 0.0) >= 0.1 or two.votes.get(one.label, 0.0) >= 0.1
    )


def _predicted(track: Track, seconds: float) -> Box:
    """Its place so many seconds after its last box (before its first, if negative), at steady speed."""
    boxes = track.boxes[-6:] if seconds > 0 else track.boxes[:6]
    box = (boxes[-1] if seconds > 0 else boxes[0]).box
    # Something hidden seldom keeps its speed for long.
    across, down = _speed(boxes) * float(np.clip(seconds, -1.0, 1.0))
    return Box(box.left + across, box.top + down, box.right + across, box.bottom + down)


def _unhidden(track: Track) -> list[TrackedBox]:
    usual = float(np.median([one.box.area for one in track.boxes]))
    return [one for one in track.boxes if one.box.area >= _UNHIDDEN * usual]


def _centers(boxes: Sequence[TrackedBox]) -> np.ndarray:
    sides = np.array([one.box for one in boxes])
    return np.asarray((sides[:, :2] + sides[:, 2:]) / 2)


def _speed(boxes: Sequence[TrackedBox]) -> np.ndarray:
    """Shares of the picture a second `[2]`: the line of least squares through the centers."""
    times = np.array([one.time for one in boxes])
    times = times - times.mean()
    spread = float(times @ times)
    centers = _centers(boxes)
    return np.asarray(times @ (centers - centers.mean(0)) / spread) if spread > 0 else np.zeros(2)


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE


class TrackRegistry:
    """The tracks that calls have found so far, by video and detector. Safe between threads."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[Hashable, list[Track]] = OrderedDict()
        self._lock = threading.Lock()

    def assign_ids(self, key: Hashable, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks of one call under the ids that their objects have by `key`; new objects get new ids."""
        with self._lock:
            by_id = {track.id: track for track in self._tracks.get(key, ())}
            pieces = _by_object(tracks, by_id)
            for number, own in pieces.items():
                by_id[number] = _joined([*([by_id[number]] if number in by_id else []), *own], number)
            self._tracks[key] = list(by_id.values())
            self._tracks.move_to_end(key)
            while len(self._tracks) > _VIDEOS:
                self._tracks.popitem(last=False)
        return sorted((_joined(own, number) for number, own in pieces.items()), key=lambda t: (t.start, t.end))


def _by_object(tracks: Sequence[Track], by_id: dict[int, Track]) -> dict[int, list[Track]]:
    """The tracks by the id of their object, the likeliest pairs first."""
    pairs = ((affinity(track, other), index, number) for index, track in enumerate(tracks)
             for number, other in by_id.items())  # fmt: skip
    matched: set[int] = set()
    pieces: dict[int, list[Track]] = {}
    for score, index, number in sorted(pairs, reverse=True):
        # Two tracks of one call that overlap in time are two objects, however similar.
        if score > 0 and index not in matched and not any(_overlap(tracks[index], o) for o in pieces.get(number, ())):
            matched.add(index)
            pieces.setdefault(number, []).append(tracks[index])
    for index, track in enumerate(tracks):
        if index not in matched:
            pieces[max([0, *by_id, *pieces]) + 1] = [track]
    return pieces


def _overlap(one: Track, other: Track) -> bool:
    return min(one.boxes[-1].time, other.boxes[-1].time) >= max(one.boxes[0].time, other.boxes[0].time)


def _joined(pieces: Sequence[Track], number: int) -> Track:
    return replace(join(sorted(pieces, key=lambda track: track.boxes[0].time)), id=number)
