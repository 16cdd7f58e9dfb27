"""Objects followed from frame to frame: detections in, tracks with ids, kinds, times of entry and exit out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..span import Box, Span
from .detector import LEAST, Detection
from .detector_labels import alike

LOST_SECONDS = 2.0
"""An object that is hidden for no longer keeps its id."""
_SAME_THING = 0.6  # overlap (IoU) from which two detections of one frame are one object with two readings
_FLICKER = 0.6  # seconds that something has to be seen for, unless it is seen plainly
_PLAIN = 0.5  # score from which one look is enough
_PAINT_LOOKS = 12
_MOVERS = frozenset(
    "person bicycle car motorcycle airplane bus train truck boat bird cat dog horse sheep cow elephant bear zebra "
    "giraffe vehicle van animal".split()
)
_HINT = 0.1  # share of the votes from which a kind that moves by itself is believed of a thing that did


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track at one moment: seconds, place, and score of the detection."""

    time: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One object over time.

    `start` and `end` are when it comes into view and when it is gone, in seconds: half a step of the frame rate before
    the first sight and after the last one, or the bounds of what was watched. `votes` has the share of each kind that
    it was taken for, `label` the kind that fits best; `color` is one of the eleven basic names, if it was looked at.
    """

    id: int
    label: str
    score: float
    start: float
    end: float
    sights: tuple[Sighting, ...]
    votes: dict[str, float] = field(default_factory=dict)
    color: str | None = None
    colors: tuple[float, ...] = ()
    """Share of each basic colour, for telling objects apart."""

    @property
    def span(self) -> Span:
        """From entry to exit."""
        return Span(self.start, self.end)

    def box_at(self, time: float) -> Box:
        """The place at `time`, between the sights around it."""
        times = [sight.time for sight in self.sights]
        boxes = np.array([sight.box for sight in self.sights])
        return Box(*(float(np.interp(time, times, boxes[:, side])) for side in range(4)))


@dataclass(slots=True)
class _Trail:
    """What one id of the tracker was seen doing so far."""

    sights: list[Sighting] = field(default_factory=list)
    votes: dict[str, float] = field(default_factory=dict)
    colors: np.ndarray | None = None
    looks: int = 0

    def add(self, time: float, thing: _Thing, image: np.ndarray | None) -> None:
        self.sights.append(Sighting(time, thing.box, thing.score))
        for label, score in thing.scores.items():
            self.votes[label] = self.votes.get(label, 0.0) + score
        # The paint of an object hardly changes: a few looks tell it.
        if image is not None and self.looks < _PAINT_LOOKS:
            from .track_colors import shares

            seen = shares(image, thing.box)
            self.colors = seen if self.colors is None else self.colors + seen
            self.looks += 1


@dataclass(frozen=True, slots=True)
class _Thing:
    """One object in one frame, with every kind that it was taken for."""

    box: Box
    score: float
    scores: dict[str, float]


class Tracker:
    """Follows objects through frames that come in order. Keeps boxes, never pictures.

    Args:
        fps: frames a second that it will be given.
        span: what is watched; entry and exit times stay within it.
        colours: whether to look at the colour of objects.
    """

    def __init__(self, fps: float, span: Span, *, colors: bool = True) -> None:
        from trackers import ByteTrackTracker
        from trackers.utils.iou import BIoU

        self._fps = fps
        self._span = span
        self._colors = colors
        self._trails: dict[int, _Trail] = {}
        self._unnamed: list[tuple[float, _Thing]] = []
        # Buffered IoU: at a few frames a second a quick object does not overlap itself from one to the next.
        self._tracker = ByteTrackTracker(
            # At long steps nothing may be missing in between: it would be another thing by then.
            lost_track_buffer=round(30 * max(LOST_SECONDS, 1.05 / fps)),
            frame_rate=fps,
            track_activation_threshold=LEAST,
            high_conf_det_threshold=LEAST,
            minimum_consecutive_frames=2,
            minimum_iou_threshold=0.1,
            iou=BIoU(buffer_ratio=float(np.clip(0.6 / fps, 0.3, 0.6))),
        )

    def step(self, time: float, detections: Sequence[Detection], image: np.ndarray | None = None) -> None:
        """Take the detections (from the weakest that are looked at) of the frame at `time` seconds, rising."""
        import supervision as sv

        # A weak guess is believed where a track is expected, which nobody can know after a long step.
        things = [thing for thing in merge(detections) if thing.score >= LEAST or self._fps >= 1]
        found = sv.Detections(
            xyxy=np.array([thing.box for thing in things], np.float32).reshape(-1, 4),
            confidence=np.array([thing.score for thing in things], np.float32),
            data={"thing": np.arange(len(things))},
        )
        followed = self._tracker.update(found, timestamp=time)
        numbers: Iterable[Any] = [] if followed.tracker_id is None else followed.tracker_id
        unnamed = []
        for index, number in zip(followed.data.get("thing", []), numbers, strict=True):
            thing = things[int(index)]
            if number < 0:
                unnamed.append((time, thing))
                continue
            trail = self._trails.get(int(number))
            if trail is None:
                trail = self._trails[int(number)] = _Trail()
                self._first_sight(trail, thing)
            trail.add(time, thing, image if self._colors else None)
        self._keep_single()
        self._unnamed = unnamed

    def _keep_single(self) -> None:
        """At long steps a thing may be there for one look only: what was seen plainly once, and not again, counts."""
        if self._fps < 1:
            for time, thing in self._unnamed:
                if thing.score >= _PLAIN and not self._goes_with(time, thing):
                    trail = self._trails[-len(self._trails) - 1] = _Trail()
                    trail.add(time, thing, None)

    def _goes_with(self, time: float, thing: _Thing) -> bool:
        """Whether it was the last look at something of its kind that was followed; then it is added to that."""
        kind = max(thing.scores, key=lambda label: thing.scores[label])
        for trail in self._trails.values():
            last = trail.sights[-1].time
            known = max(trail.votes, key=lambda label: trail.votes[label])
            if 0 < time - last < 1.5 / self._fps and len(trail.sights) > 1 and alike(kind, known):
                trail.add(time, thing, None)
                return True
        return False

    def _first_sight(self, trail: _Trail, thing: _Thing) -> None:
        """The tracker names a thing on its second sight: find the first one."""
        near = [(overlap(wider(old.box), wider(thing.box)), time, old) for time, old in self._unnamed]
        share, time, old = max(near, key=lambda row: row[0], default=(0.0, 0.0, thing))
        if share > 0.1:
            trail.add(time, old, None)
            self._unnamed = [row for row in self._unnamed if row[1] is not old]

    def tracks(self) -> list[Track]:
        """All tracks so far, by time of entry, numbered from 1."""
        self._keep_single()
        self._unnamed = []
        made = [self._track(trail) for trail in self._trails.values() if self._is_real(trail)]
        made.sort(key=lambda track: (track.start, track.end))
        return [renumbered(track, number) for number, track in enumerate(made, 1)]

    def _is_real(self, trail: _Trail) -> bool:
        """Whether it was more than a flicker: sure once, or seen for a while."""
        scores = [sight.score for sight in trail.sights]
        if max(scores) < LEAST:
            return False
        lasts = trail.sights[-1].time - trail.sights[0].time + 1 / self._fps
        return lasts >= min(_FLICKER, self._span.duration / 2) or float(np.mean(scores)) >= 0.6

    def _track(self, trail: _Trail) -> Track:
        first, last = trail.sights[0].time, trail.sights[-1].time
        half = 0.5 / self._fps
        total = sum(trail.votes.values())
        votes = {label: vote / total for label, vote in sorted(trail.votes.items(), key=lambda row: -row[1])}
        scores = sorted((sight.score for sight in trail.sights), reverse=True)
        colors: tuple[float, ...] = ()
        name = None
        if trail.colors is not None:
            from .track_colors import name_of

            colors = tuple(round(float(x), 3) for x in trail.colors / trail.colors.sum())
            name = name_of(colors)
        return Track(
            id=0,
            label=best_label(votes, trail.sights),
            score=round(float(np.mean(scores[: max(1, len(scores) // 2)])), 3),
            start=self._span.start if first <= self._span.start + 2 * half else max(first - half, self._span.start),
            end=self._span.end if last >= self._span.end - 2.5 * half else min(last + half, self._span.end),
            sights=tuple(trail.sights),
            votes={label: round(share, 3) for label, share in votes.items() if share >= 0.02},
            color=name,
            colors=colors,
        )


def merge(detections: Sequence[Detection]) -> list[_Thing]:
    """One object for detections of one frame that cover each other, whatever each is taken for."""
    things: list[_Thing] = []
    for one in sorted(detections, key=lambda detection: -detection.score):
        same = next((thing for thing in things if overlap(thing.box, one.box) >= _SAME_THING), None)
        if same is None:
            things.append(_Thing(one.box, one.score, {one.label: one.score}))
        else:
            same.scores[one.label] = max(same.scores.get(one.label, 0.0), one.score)
    return things


def best_label(votes: dict[str, float], sights: Sequence[Sighting]) -> str:
    """The kind that fits best: kinds that are taken for each other vote together.

    A detector takes a car seen from above for a phone; but no phone travels through a picture by itself.
    """
    candidates = votes
    if traveled(sights) > 1.0:
        movers = {label: share for label, share in votes.items() if label in _MOVERS}
        if sum(movers.values()) >= _HINT:
            candidates = movers

    def together(label: str) -> tuple[float, float]:
        return sum(share for other, share in candidates.items() if alike(label, other)), candidates[label]

    return max(candidates, key=together)


def traveled(sights: Sequence[Sighting]) -> float:
    """How far it went, in its own sizes: a box that only grows or shrinks on one side goes nowhere."""
    boxes = np.array([sight.box for sight in sights])
    sizes = np.maximum(np.median(boxes[:, 2:] - boxes[:, :2], axis=0), 1e-3)
    farthest = 0.0
    for anchor in (boxes[0], boxes[len(boxes) // 2], boxes[-1]):
        before, after = (boxes - anchor)[:, :2] / sizes, (boxes - anchor)[:, 2:] / sizes
        shift = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
        farthest = max(farthest, float(np.hypot(shift[:, 0], shift[:, 1]).max()))
    return farthest


def renumbered(track: Track, number: int) -> Track:
    """The same track under another id."""
    return replace(track, id=number)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(across, 0.0) * max(down, 0.0)
    union = area(one) + area(other) - shared
    return shared / union if union > 0 else 0.0


def area(box: Box) -> float:
    """Share of the picture that a box covers."""
    return (box.right - box.left) * (box.bottom - box.top)


def wider(box: Box, share: float = 0.3) -> Box:
    """A box with a margin of that share of its size on each side."""
    across, down = share * (box.right - box.left), share * (box.bottom - box.top)
    return Box(box.left - across, box.top - down, box.right + across, box.bottom + down)
