"""Trails: what ByteTrack makes of the blobs of frames that come in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .blobs import Blob, center, overlap, wider
from .split import Expected, regroup

if TYPE_CHECKING:
    from trackers import ByteTrackTracker

Array = np.ndarray[Any, Any]

LOST_SECONDS = 2.0  # an object that is hidden for no longer keeps its id
_LATELY = 40  # looks that say what an object is like now


@dataclass(frozen=True, slots=True)
class Look:
    """A trail's blob at a time in seconds."""

    time: float
    blob: Blob


@dataclass(slots=True)
class Trail:
    """What one id was seen doing; `shot` numbers the stretch of still camera it belongs to."""

    id: int
    shot: int
    looks: list[Look] = field(default_factory=list)
    paint: Array | None = None  # share of each fine colour, lately

    def add(self, look: Look) -> None:
        """Take the next look; what the blob was made of is remembered as the object's paint."""
        paint = look.blob.paint()
        if paint is not None and not look.blob.shared:
            self.paint = paint if self.paint is None else 0.85 * self.paint + 0.15 * paint
        look.blob.pixels = None
        self.looks.append(look)

    def is_another(self, look: Look) -> bool:
        """Whether a look shows another object, that took this one's place: hardly any of its paint, and no growth."""
        paint = look.blob.paint()
        if paint is None or self.paint is None or look.blob.shared or len(self.looks) < 4:
            return False
        same = float(np.minimum(paint, self.paint).sum())
        return same < 0.1 and look.blob.area < 1.5 * self.looks[-1].blob.area

    def expected(self, time: float) -> Expected:
        """What should be there at `time`, at constant speed since the last look."""
        last = self.looks[-1]
        lately = [look for look in self.looks[-_LATELY:] if not look.blob.shared] or [last]
        areas = np.array([look.blob.area for look in lately[-8:]])
        whole = next((look.time for look in reversed(self.looks) if not look.blob.pieces), self.looks[0].time)
        return Expected(
            box=self.expected_box(time),
            area=float(np.median(areas)),
            steady=len(areas) == 8 and float(areas.std()) < 0.15 * float(areas.mean()),
            in_pieces=time - whole,
            paint=np.zeros(1, np.float32) if self.paint is None else self.paint,
            known=len(lately) >= 4 and self.paint is not None and last.time - lately[-1].time <= LOST_SECONDS,
        )

    def expected_box(self, time: float) -> Array:
        """The box `[4]` at `time`, at constant speed since the last look."""
        last = self.looks[-1]
        return last.blob.box + np.tile(self.velocity(), 2) * (time - last.time)

    def velocity(self, *, first: bool = False) -> Array:
        """Pixels a second `[2]` over the last (or first) second of free looks."""
        span = self.looks[:_LATELY] if first else self.looks[-_LATELY:]
        free = [look for look in span if not look.blob.shared] or span
        near = free[:8] if first else free[-8:]
        anchor = near[0].time if first else near[-1].time
        near = [look for look in near if abs(look.time - anchor) <= 1.0]
        if len(near) < 3:
            return np.zeros(2)
        times = np.array([look.time for look in near])
        centers = np.array([center(look.blob.box) for look in near])
        times -= times.mean()
        return np.asarray(times @ (centers - centers.mean(0)) / (times @ times))


class Follower:
    """Turns the foreground of frames that come in order into trails."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self.shot = -1
        self._tracker: ByteTrackTracker
        self._live: dict[int, Trail] = {}
        self._unnamed: list[Look] = []
        self.trails: list[Trail] = []

    def new_shot(self) -> None:
        """Forget the objects in view: another scene begins."""
        from trackers import ByteTrackTracker
        from trackers.utils.iou import BIoU

        self.shot += 1
        self._live, self._unnamed = {}, []
        # Buffered IoU: a small fast object does not overlap itself from one look to the next.
        self._tracker = ByteTrackTracker(
            lost_track_buffer=round(30 * LOST_SECONDS),
            frame_rate=self._fps,
            track_activation_threshold=0.5,
            high_conf_det_threshold=0.5,
            minimum_consecutive_frames=2,
            minimum_iou_threshold=0.1,
            iou=BIoU(buffer_ratio=0.4),
        )

    def step(self, time: float, blobs: list[Blob]) -> None:
        """Follow the blobs of the frame at `time` (seconds, rising)."""
        import supervision as sv

        self._live = {key: trail for key, trail in self._live.items() if time - trail.looks[-1].time <= LOST_SECONDS}
        blobs = regroup(blobs, [trail.expected(time) for trail in self._live.values()])
        boxes = np.array([blob.box for blob in blobs], np.float32).reshape(-1, 4)
        detections = sv.Detections(
            xyxy=boxes,
            confidence=np.array([blob.confidence for blob in blobs], np.float32),
            data={"blob": np.arange(len(blobs))},
        )
        followed = self._tracker.update(detections, timestamp=time)
        unnamed = []
        numbers: Iterable[int] = [] if followed.tracker_id is None else followed.tracker_id
        for index, number in zip(followed.data.get("blob", []), numbers, strict=True):
            look = Look(time, blobs[int(index)])
            if number < 0:
                look.blob.pixels = None
                unnamed.append(look)
                continue
            trail = self._live.get(int(number))
            if trail is None or trail.is_another(look):
                trail = Trail(len(self.trails), self.shot, self._first_sight(look))
                self.trails.append(trail)
                self._live[int(number)] = trail
            trail.add(look)
        self._unnamed = unnamed

    def _first_sight(self, look: Look) -> list[Look]:
        """The tracker names a thing on its second look: find the first one."""
        near = [(overlap(wider(old.blob.box), wider(look.blob.box)), old) for old in self._unnamed]
        share, old = max(near, key=lambda pair: pair[0], default=(0.0, look))
        return [old] if share > 0 else []


def traveled(looks: list[Look]) -> float:
    """How far the whole object went, in pixels: a box that only grows or shrinks on one side went nowhere."""
    boxes = np.array([look.blob.box for look in looks])
    farthest = 0.0
    for anchor in (boxes[0], np.median(boxes, axis=0), boxes[-1]):
        before, after = (boxes - anchor)[:, :2], (boxes - anchor)[:, 2:]
        shift = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
        farthest = max(farthest, float(np.hypot(shift[:, 0], shift[:, 1]).max()))
    return farthest
