"""Following objects with a detector during one call: at which rate, and when exactly each came and went."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...memory import Box, Frame, Span
from ...memory.ingest.objects_channel import LARGEST
from ...memory.tracking.detector import WEAK, Detection, Detector
from ...memory.tracking.detector_labels import same_kind
from ...memory.tracking.track import Track
from ...memory.tracking.track_linking import TrackRegistry, link, sure
from ...memory.tracking.tracker import Tracker
from ..context import VideoContext

MOST_FPS = 5.0
"""Frames a second that are enough to follow what people and cars do."""
_MOST_FRAMES = 400  # of one call without a limit
_SECONDS = 75.0  # that one call may take; a slow machine looks at fewer frames
_EXACT = 0.3  # seconds between frames from which entries and exits are searched for between them
_ROUNDS = 3  # of that search; each halves the time in which something came or went
_registry = TrackRegistry()


def follow_objects(
    video: VideoContext, span: Span, detector: Detector, labels: Sequence[str] | None = None
) -> tuple[tuple[Track, ...], float, int]:
    """Return the tracks of what the detector finds, the frames a second, and their number; frames are charged.

    Ids are those of earlier calls on the same video.
    """
    began = clock.monotonic()
    times, fps, spare = _plan(video, span)
    reader = _DetectionReader(video, detector, labels)
    first, detections = next(reader.read(times[:1]))
    # On a slow machine, only as many frames as the call has time for.
    patience = _SECONDS - (clock.monotonic() - began)
    stride = max(1, int(np.ceil(len(times) / max(int(patience / max(reader.seconds_per_frame, 1e-3)), 1))))
    times, fps = times[::stride], fps / stride
    tracker = Tracker(fps)
    tracker.step(times[0], detections, first.image)
    for frame, detections in reader.read(times[1:]):
        tracker.step(frame.time, detections, frame.image)
    tracks = sure(link(tracker.tracks(span)))
    if 1 / fps > _EXACT:
        patience = _SECONDS - (clock.monotonic() - began)
        spare = min(spare, int(max(0.0, patience) / max(reader.seconds_per_frame, 1e-6)))
        tracks = sure(_with_exact_ends(tracks, times, span, reader, spare))
    key = (video.info.content_id, video.memory.now_of(video.video_id), detector.stamp)
    return tuple(_registry.assign_ids(key, tracks)), fps, reader.frames


def _plan(video: VideoContext, span: Span) -> tuple[list[float], float, int]:
    """Times, rate, and frames kept for entries and exits: enough for people and cars, as far as the budget goes."""
    most = _MOST_FRAMES if video.frames_left is None else video.frames_left
    fps = min(MOST_FPS, video.info.fps if video.info.fps > 0 else MOST_FPS)
    if span.duration * fps <= most:
        return video.times(span, fps), fps, 0
    count = max(1, round(most * 2 / 3))
    fps = count / span.duration
    return [span.start + k / fps for k in range(count)], fps, most - count


class _DetectionReader:
    """Reads frames with what the detector finds in them, and measures what that costs."""

    def __init__(self, video: VideoContext, detector: Detector, labels: Sequence[str] | None) -> None:
        self._video = video
        self._detector = detector
        self._labels = labels
        self.frames = 0
        self._seconds = 0.0

    @property
    def seconds_per_frame(self) -> float:
        return self._seconds / max(self.frames, 1)

    def read(self, times: Sequence[float]) -> Iterator[tuple[Frame, list[Detection]]]:
        """The frames on screen at these times, each under that time."""
        frames = self._video.frames_at(times, size=LARGEST)
        for time in times:
            began = clock.monotonic()
            frame = next(frames)
            (detections,) = self._detector.detect([frame.image], labels=self._labels, least=WEAK)
            self.frames += 1
            self._seconds += clock.monotonic() - began
            yield Frame(time, frame.image, frame.full), detections


@dataclass(slots=True)
class _Bound:
    """An entry or exit: the object is there at `present`, in the box, and is not at `absent` (seconds)."""

    track: Track
    present: float
    absent: float
    box: Box

    @property
    def middle(self) -> float:
        return round((self.present + self.absent) / 2, 3)


def _with_exact_ends(
    tracks: Sequence[Track], times: Sequence[float], span: Span, reader: _DetectionReader, spare: int
) -> list[Track]:
    """The tracks with entries and exits that lie within a fraction of the step, by halving the time between frames."""
    entries: dict[int, _Bound] = {}
    exits: dict[int, _Bound] = {}
    for track in tracks:
        first, last = track.boxes[0], track.boxes[-1]
        before = [t for t in times if t < first.time - 1e-6]
        after = [t for t in times if t > last.time + 1e-6]
        if before:
            entries[track.id] = _Bound(track, first.time, before[-1], first.box)
        if after or last.time < span.end - 1e-3:
            exits[track.id] = _Bound(track, last.time, after[0] if after else span.end, last.box)
    for _ in range(_ROUNDS):
        wide = [one for one in (*entries.values(), *exits.values()) if abs(one.present - one.absent) > _EXACT]
        if not wide or len(wide) > spare:
            break
        spare -= len(wide)
        wide.sort(key=lambda bound: bound.middle)
        for bound, (frame, detections) in zip(wide, reader.read([one.middle for one in wide]), strict=True):
            box = _find_near(detections, bound.track.label, bound.box)
            if box is None:
                bound.absent = frame.time
            else:
                bound.present, bound.box = frame.time, box
    exact = []
    for track in tracks:
        start, end = track.start, track.end
        if track.id in entries:
            start = (entries[track.id].present + entries[track.id].absent) / 2
        if track.id in exits:
            bound = exits[track.id]
            to_the_end = bound.absent >= span.end and span.end - bound.present < 2 * _EXACT
            end = span.end if to_the_end else (bound.present + bound.absent) / 2
        exact.append(replace(track, start=start, end=max(end, start)))
    return exact


def _find_near(detections: Sequence[Detection], label: str, place: Box) -> Box | None:
    """The box of an object of that kind near a place where it was; None where there is none."""
    near = [
        (one.box.expanded(0.5).iou(place.expanded(0.5)), one.box)
        for one in detections
        if one.score >= 0.2 and (same_kind(one.label, label) or one.score >= 0.5)
    ]
    share, box = max(near, key=lambda row: row[0], default=(0.0, place))
    return box if share >= 0.15 else None
