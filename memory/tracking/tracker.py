"""Objects followed from frame to frame by ByteTrack: detections in, tracks with times of entry and exit out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..span import Span
from .detector import LEAST, Detection, MergedDetection, merge_detections
from .detector_labels import same_kind
from .track import Track, TrackedBox
from .track_colors import color_shares, color_similarity
from .track_motion import traveled

LOST_SECONDS = 2.0
"""An object that is hidden for no longer keeps its id."""

# Settled on the videos with weights in docs/results.md, unless it says otherwise.
_MIN_SECONDS = 0.6  # that an object has to be in view for, unless its detections are clear
_CLEAR_SCORE = 0.6  # mean score from which a shorter time is enough
_SINGLE_SCORE = 0.5  # score from which one frame is enough, where frames are seconds apart
_COLOR_FRAMES = 12  # of a track whose colors are measured: the color of an object hardly changes
# Similarity of colors above which a detection shows a track's object alone, and below which it shows another
# (benchmarks/moving_objects.py); in between, two objects are one detection.
_SAME_COLORS, _OTHER_COLORS = 0.5, 0.25
_SELF_MOVING = frozenset(
    "person bicycle car motorcycle airplane bus train truck boat bird cat dog horse sheep cow elephant bear zebra "
    "giraffe vehicle van animal".split()
)
_MOVER_VOTES = 0.1  # share of the votes from which a label of `_SELF_MOVING` is believed of something that moved


@dataclass(slots=True)
class _OpenTrack:
    """The boxes of one id of the tracker so far."""

    boxes: list[TrackedBox] = field(default_factory=list)
    votes: dict[str, float] = field(default_factory=dict)
    colors: np.ndarray | None = None
    color_frames: int = 0

    def add(self, time: float, found: MergedDetection, image: np.ndarray | None) -> None:
        self.boxes.append(TrackedBox(time, found.box, found.score))
        for label, score in found.votes.items():
            self.votes[label] = self.votes.get(label, 0.0) + score
        if found.colors:
            if self._color_similarity(found) > _SAME_COLORS:
                self.colors = np.array(found.colors) + (0 if self.colors is None else self.colors)
        elif image is not None and self.color_frames < _COLOR_FRAMES:
            shares = color_shares(image, found.box)
            self.colors = shares if self.colors is None else self.colors + shares
            self.color_frames += 1

    def _color_similarity(self, found: MergedDetection) -> float:
        """With the colors so far; 1 while there are few."""
        if self.colors is None or len(self.boxes) < 4:
            return 1.0
        return color_similarity(found.colors, self.colors / self.colors.sum())

    def is_another(self, found: MergedDetection) -> bool:
        """Tell by its colors whether a detection is of an object that took this one's place."""
        return bool(found.colors) and self._color_similarity(found) < _OTHER_COLORS


class Tracker:
    """Follows objects through frames that come in order. Keeps boxes, never pictures."""

    def __init__(self, fps: float) -> None:
        from trackers import ByteTrackTracker
        from trackers.utils.iou import BIoU

        self._fps = fps
        self._open: dict[int, _OpenTrack] = {}
        self._closed: list[_OpenTrack] = []
        self._unnamed: list[tuple[float, MergedDetection]] = []
        self._tracker = ByteTrackTracker(
            # At long steps nothing may be missing in between: it would be another object by then.
            lost_track_buffer=round(30 * max(LOST_SECONDS, 1.05 / fps)),
            frame_rate=fps,
            track_activation_threshold=LEAST,
            high_conf_det_threshold=LEAST,
            minimum_consecutive_frames=2,
            minimum_iou_threshold=0.1,
            # Buffered IoU: at a few frames a second a quick object does not overlap itself from one to the next.
            iou=BIoU(buffer_ratio=float(np.clip(0.6 / fps, 0.3, 0.6))),
        )

    def step(self, time: float, detections: Sequence[Detection], image: np.ndarray | None = None) -> None:
        """Take the next frame."""
        import supervision as sv

        # A weak detection is used where a track is expected, which nobody can know after a long step.
        objects = [one for one in merge_detections(detections) if one.score >= LEAST or self._fps >= 1]
        found = sv.Detections(
            xyxy=np.array([one.box for one in objects], np.float32).reshape(-1, 4),
            confidence=np.array([one.score for one in objects], np.float32),
            data={"index": np.arange(len(objects))},
        )
        followed = self._tracker.update(found, timestamp=time)
        ids: Iterable[Any] = [] if followed.tracker_id is None else followed.tracker_id
        unnamed = []
        for index, number in zip(followed.data.get("index", []), ids, strict=True):
            one = objects[int(index)]
            if number < 0:
                unnamed.append((time, one))
                continue
            track = self._open.get(int(number))
            if track is not None and track.is_another(one):  # two that met were one detection, and this is the other
                self._closed.append(track)
                self._open[int(number)] = track = _OpenTrack()
            elif track is None:
                self._open[int(number)] = track = _OpenTrack()
                self._add_first_box(track, one)
            track.add(time, one, image)
        self._keep_single()
        self._unnamed = unnamed

    def _keep_single(self) -> None:
        """At long steps an object may be there for one frame only: a clear detection counts by itself."""
        if self._fps < 1:
            for time, one in self._unnamed:
                if one.score >= _SINGLE_SCORE and not self._continues(time, one):
                    track = _OpenTrack()
                    track.add(time, one, None)
                    self._closed.append(track)

    def _continues(self, time: float, found: MergedDetection) -> bool:
        """Add it to a track of its kind that was there one frame before, if there is one."""
        for track in [*self._open.values(), *self._closed]:
            label = max(track.votes, key=lambda label: track.votes[label])
            gap = time - track.boxes[-1].time
            if 0 < gap < 1.5 / self._fps and len(track.boxes) > 1 and same_kind(found.label, label):
                track.add(time, found, None)
                return True
        return False

    def _add_first_box(self, track: _OpenTrack, found: MergedDetection) -> None:
        """ByteTrack gives an id from the second detection on: add the first one."""
        near = [(one.box.expanded(0.3).iou(found.box.expanded(0.3)), time, one) for time, one in self._unnamed]
        share, time, first = max(near, key=lambda row: row[0], default=(0.0, 0.0, found))
        if share > 0.1:
            track.add(time, first, None)
            self._unnamed = [row for row in self._unnamed if row[1] is not first]

    def tracks(self, span: Span) -> list[Track]:
        """All tracks so far, by time of entry, numbered from 1."""
        self._keep_single()
        self._unnamed = []
        tracks = [self._track(one, span) for one in [*self._open.values(), *self._closed] if self._is_real(one, span)]
        return numbered(tracks)

    def _is_real(self, track: _OpenTrack, span: Span) -> bool:
        """Tell an object from a flicker of the detector."""
        scores = [one.score for one in track.boxes]
        if max(scores) < LEAST:
            return False
        lasts = track.boxes[-1].time - track.boxes[0].time + 1 / self._fps
        return lasts >= min(_MIN_SECONDS, span.duration / 2) or float(np.mean(scores)) >= _CLEAR_SCORE

    def _track(self, track: _OpenTrack, span: Span) -> Track:
        first, last = track.boxes[0].time, track.boxes[-1].time
        half = 0.5 / self._fps
        total = sum(track.votes.values())
        votes = {label: vote / total for label, vote in sorted(track.votes.items(), key=lambda row: -row[1])}
        scores = sorted((one.score for one in track.boxes), reverse=True)
        colors = () if track.colors is None else track.colors / track.colors.sum()
        return Track(
            id=0,
            label=best_label(votes, track.boxes),
            score=round(float(np.mean(scores[: max(1, len(scores) // 2)])), 3),
            start=span.start if first <= span.start + 2 * half else max(first - half, span.start),
            end=span.end if last >= span.end - 2.5 * half else min(last + half, span.end),
            boxes=tuple(track.boxes),
            votes={label: round(share, 3) for label, share in votes.items() if share >= 0.02},
            colors=tuple(round(float(x), 3) for x in colors),
        )


def best_label(votes: dict[str, float], boxes: Sequence[TrackedBox]) -> str:
    """The label that fits best: those of one group vote together.

    A detector takes a car seen from above for a phone; but no phone travels through a picture by itself.
    """
    candidates = votes
    if traveled(boxes) > 1.0:
        movers = {label: share for label, share in votes.items() if label in _SELF_MOVING}
        if sum(movers.values()) >= _MOVER_VOTES:
            candidates = movers

    def support(label: str) -> tuple[float, float]:
        return sum(share for other, share in candidates.items() if same_kind(label, other)), candidates[label]

    return max(candidates, key=support)


def numbered(tracks: Iterable[Track]) -> list[Track]:
    """The tracks by time of entry, with ids from 1."""
    ordered = sorted(tracks, key=lambda track: (track.start, track.end))
    return [replace(track, id=number) for number, track in enumerate(ordered, 1)]
