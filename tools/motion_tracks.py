"""From foreground masks to trails: blobs, grouped and split by what is expected, followed by ByteTrack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .motion_background import Foreground

if TYPE_CHECKING:
    from trackers import ByteTrackTracker

Array = np.ndarray[Any, Any]

LOST_SECONDS = 2.0  # an object that is hidden for no longer keeps its id
_SURE, _FAINT = 0.9, 0.3


@dataclass(slots=True)
class Blob:
    """One connected thing in one frame: `box` [4] pixels, `area` pixels, `colours` [11] pixels per colour name."""

    box: Array
    area: float
    colours: Array
    confidence: float
    shared: bool = False  # its place is a guess inside a larger blob that several objects make together


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

    def expected(self, time: float) -> Array:
        """The box `[4]` expected at `time` from the last free looks, at constant speed."""
        last = self.looks[-1]
        return last.blob.box + np.tile(self.velocity(), 2) * (time - last.time)

    def velocity(self, *, first: bool = False) -> Array:
        """Pixels a second `[2]` over the last (or first) second of free looks."""
        free = [look for look in self.looks if not look.blob.shared] or self.looks
        near = free[:8] if first else free[-8:]
        anchor = near[0].time if first else near[-1].time
        near = [look for look in near if abs(look.time - anchor) <= 1.0]
        if len(near) < 3:
            return np.zeros(2)
        times = np.array([look.time for look in near])
        centres = np.array([centre(look.blob.box) for look in near])
        times -= times.mean()
        return np.asarray(times @ (centres - centres.mean(0)) / (times @ times))


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

        recent = [trail for trail in self._live.values() if time - trail.looks[-1].time <= LOST_SECONDS]
        self._live = {trail.id: trail for trail in recent}
        blobs = regroup(blobs, recent, time)
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
                unnamed.append(look)
                continue
            trail = self._live.get(int(number))
            if trail is None:
                trail = Trail(len(self.trails), self.shot, self._first_sight(look))
                self.trails.append(trail)
                self._live[int(number)] = trail
            trail.looks.append(look)
        self._unnamed = unnamed

    def _first_sight(self, look: Look) -> list[Look]:
        """The tracker names a thing on its second look: find the first one."""
        near = [(overlap(_wider(old.blob.box), _wider(look.blob.box)), old) for old in self._unnamed]
        share, old = max(near, key=lambda pair: pair[0], default=(0.0, look))
        return [old] if share > 0 else []


def find_blobs(foreground: Foreground, image: Array, tolerance: Array) -> list[Blob]:
    """Connected things in a foreground; pieces a few pixels apart count as one.

    Args:
        foreground: of the frame.
        image: `[H, W, 3]` uint8, the frame as it was seen: its colours are the ones people name.
        tolerance: `[H, W]` uint8 of the background.
    """
    import cv2

    from ..memory.encoders.colour_names import NAMES, name_pixels

    mask = foreground.mask
    height, width = mask.shape
    reach = max(3, width // 45)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    number, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    core = cv2.erode(mask, np.ones((3, 3), np.uint8))
    least = height * width / 2500
    blobs = []
    for label in range(1, number):
        left, top, wide, high, _ = (int(value) for value in stats[label])
        window = (slice(top, top + high), slice(left, left + wide))
        own = (labels[window] == label) & (mask[window] > 0)
        area = int(own.sum())
        if area < least:
            continue
        inner = own & (core[window] > 0)
        colours = np.bincount(name_pixels(image[window])[inner if inner.sum() > 8 else own], minlength=len(NAMES))
        excess = float((foreground.difference[window][own].astype(float) / tolerance[window][own]).mean())
        sure = area >= 2 * least and excess > 1.25
        box = np.array([left, top, left + wide, top + high], float)
        blobs.append(Blob(box, area, colours, _SURE if sure else _FAINT))
    return blobs


def regroup(blobs: list[Blob], trails: list[Trail], time: float) -> list[Blob]:
    """Join blobs that are pieces of one followed object, and split a blob that several followed objects make."""
    expected = [trail.expected(time) for trail in trails]
    return _split(_join(blobs, expected), trails, expected)


def _join(blobs: list[Blob], expected: list[Array]) -> list[Blob]:
    owners: dict[int, list[Blob]] = {}
    result = []
    for blob in blobs:
        inside = [
            index for index, box in enumerate(expected) if overlap(blob.box, _wider(box, 0.1)) > 0.7 * size(blob.box)
        ]
        if len(inside) == 1 and size(blob.box) < 0.7 * size(expected[inside[0]]):
            owners.setdefault(inside[0], []).append(blob)
        else:
            result.append(blob)
    for index, pieces in owners.items():
        whole = any(overlap(blob.box, expected[index]) > 0.5 * size(expected[index]) for blob in result)
        result.extend(pieces if whole or len(pieces) == 1 else [merged(pieces)])
    return result


def _split(blobs: list[Blob], trails: list[Trail], expected: list[Array]) -> list[Blob]:
    best = [max(range(len(blobs)), key=lambda k: overlap(blobs[k].box, box), default=-1) for box in expected]  # noqa: B023
    result = []
    for number, blob in enumerate(blobs):
        within = [
            index
            for index, box in enumerate(expected)
            if best[index] == number
            and overlap(box, blob.box) > 0.5 * size(box)
            and sum(not look.blob.shared for look in trails[index].looks) >= 4
        ]
        if len(within) < 2:
            result.append(blob)
            continue
        for index in within:
            box = _into(expected[index], blob.box)
            share = Blob(box, min(size(box), blob.area), np.zeros_like(blob.colours), _SURE, shared=True)
            result.append(share)
    return result


def merged(blobs: list[Blob]) -> Blob:
    """One blob out of several pieces of a thing."""
    boxes = np.array([blob.box for blob in blobs])
    return Blob(
        np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)]),
        sum(blob.area for blob in blobs),
        np.sum([blob.colours for blob in blobs], axis=0),
        max(blob.confidence for blob in blobs),
        shared=all(blob.shared for blob in blobs),
    )


def centre(box: Array) -> Array:
    """Middle `[2]` of a box `[4]`."""
    return (box[:2] + box[2:]) / 2


def size(box: Array) -> float:
    """Area of a box."""
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def overlap(one: Array, other: Array) -> float:
    """Area that two boxes share."""
    return size(np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])]))


def gap(one: Array, other: Array) -> float:
    """Distance between two boxes; 0 when they touch."""
    apart = np.maximum(np.maximum(one[:2] - other[2:], other[:2] - one[2:]), 0)
    return float(np.hypot(*apart))


def _wider(box: Array, share: float = 0.4) -> Array:
    room = np.array([box[2] - box[0], box[3] - box[1]]) * share
    return np.concatenate([box[:2] - room, box[2:] + room])


def _into(box: Array, bounds: Array) -> Array:
    """The box moved (and cut, where it is larger) into `bounds`."""
    extent = np.minimum(box[2:] - box[:2], bounds[2:] - bounds[:2])
    start = np.clip(box[:2], bounds[:2], bounds[2:] - extent)
    return np.concatenate([start, start + extent])
