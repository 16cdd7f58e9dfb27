"""Following objects with a detector during one call: at which rate, and when exactly each came and went."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...memory import Box, Frame, Span
from ...memory.ingest.objects_channel import LARGEST
from ...memory.tracking.detector import WEAK, Detection, Detector
from ...memory.tracking.detector_labels import alike
from ...memory.tracking.track_ids import TrackBook
from ...memory.tracking.track_linking import link, sure
from ...memory.tracking.tracker import Track, Tracker, overlap, wider
from ..context import VideoContext

MOST_FPS = 5.0
"""Frames a second that are enough to follow what people and cars do."""
_MOST_FRAMES = 400  # of one call without a limit
_SECONDS = 75.0  # that one call may look; a slow machine looks at fewer frames
_EXACT = 0.3  # seconds between frames from which entries and exits are looked at more closely
_ROUNDS = 3  # each halves the time in which something came or went
_book = TrackBook()


@dataclass(frozen=True, slots=True)
class Followed:
    """What was followed in a span, and how."""

    tracks: tuple[Track, ...]
    watched: Span
    fps: float
    frames: int


def follow_objects(
    video: VideoContext, span: Span, detector: Detector, labels: Sequence[str] | None = None
) -> Followed:
    """Follow what the detector sees; frames are charged. Ids are those of earlier calls on the same video.

    Raises:
        ToolError: if the budget has no frame left.
    """
    plan = _plan(video, span)
    began = clock.monotonic()
    look = _Look(video, detector, labels)
    first = look.at(plan.times[0])
    patience = _SECONDS - (clock.monotonic() - began)
    fps, times = _affordable(plan, look.seconds_a_frame(), patience)
    tracker = Tracker(fps, span)
    tracker.step(times[0], look.detections(first), first.image)
    for frame in look.frames(times[1:]):
        tracker.step(frame.time, look.detections(frame), frame.image)
    tracks = link(tracker.tracks())
    if 1 / fps > _EXACT:
        left = min(plan.spare, int(max(0.0, patience - (clock.monotonic() - began)) / look.seconds_a_frame()))
        tracks = _sharpened(sure(tracks), times, span, look, left)
    key = (video.info.content_id, getattr(video.memory, "now", None), detector.stamp)
    return Followed(tuple(_book.name(key, sure(tracks))), span, fps, look.taken)


@dataclass(frozen=True, slots=True)
class _Plan:
    times: list[float]
    fps: float
    spare: int
    """Frames kept for looking at entries and exits more closely."""


def _plan(video: VideoContext, span: Span) -> _Plan:
    """The rate for a span: enough for people and cars, as far as the budget goes."""
    most = _MOST_FRAMES if video.frames_left is None else video.frames_left
    native = video.info.fps if video.info.fps > 0 else MOST_FPS
    fps = min(MOST_FPS, native)
    wanted = span.duration * fps
    if wanted <= most:
        return _Plan(video.times(span, fps), fps, 0)
    # A third goes into the moments at which something comes or goes.
    count = max(1, round(most * 2 / 3))
    fps = count / span.duration
    return _Plan([span.start + k / fps for k in range(count)], fps, most - count)


def _affordable(plan: _Plan, cost: float, patience: float) -> tuple[float, list[float]]:
    """The plan thinned to what this machine looks at in the time that a call has."""
    count = int(patience / max(cost, 1e-3))
    stride = max(1, int(np.ceil(len(plan.times) / max(count, 1))))
    return plan.fps / stride, plan.times[::stride]


class _Look:
    """Looks at frames with the detector, and counts them."""

    def __init__(self, video: VideoContext, detector: Detector, labels: Sequence[str] | None) -> None:
        self._video = video
        self._detector = detector
        self._labels = labels
        self.taken = 0
        self._spent = 0.0

    def at(self, time: float) -> Frame:
        return next(self.frames([time]))

    def frames(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frames on screen at these times, each under that time."""
        frames = self._video.frames_at(times, size=LARGEST)
        for time in times:
            began = clock.monotonic()
            frame = next(frames)
            self._spent += clock.monotonic() - began
            yield Frame(time, frame.image, frame.full)

    def detections(self, frame: Frame) -> list[Detection]:
        began = clock.monotonic()
        (found,) = self._detector.detect([frame.image], labels=self._labels, least=WEAK)
        self.taken += 1
        self._spent += clock.monotonic() - began
        return found

    def seconds_a_frame(self) -> float:
        return self._spent / max(self.taken, 1)


def _sharpened(tracks: Sequence[Track], times: Sequence[float], span: Span, look: _Look, left: int) -> list[Track]:
    """The tracks with entries and exits that lie within a fraction of the step, by halving the time between looks."""
    bounds: dict[tuple[int, bool], tuple[float, float, Box]] = {}  # seen at, not seen at, place
    for index, track in enumerate(tracks):
        first, last = track.sights[0], track.sights[-1]
        before = [t for t in times if t < first.time - 1e-6]
        after = [t for t in times if t > last.time + 1e-6]
        if before:
            bounds[index, True] = (first.time, before[-1], first.box)
        if after or last.time < span.end - 1e-3:
            bounds[index, False] = (last.time, after[0] if after else span.end, last.box)
    for _ in range(_ROUNDS):
        open_ = {k: b for k, b in bounds.items() if abs(b[0] - b[1]) > _EXACT}
        if not open_ or len(open_) > left:
            break
        left -= len(open_)
        middles = sorted((round((seen + not_) / 2, 3), key) for key, (seen, not_, _) in open_.items())
        for frame, (middle, key) in zip(look.frames([m for m, _ in middles]), middles, strict=True):
            seen, gone, place = bounds[key]
            box = _there(look.detections(frame), tracks[key[0]].label, place)
            bounds[key] = (middle, gone, box) if box is not None else (seen, middle, place)
    sharp = []
    for index, track in enumerate(tracks):
        start, end = track.start, track.end
        if (index, True) in bounds:
            seen, gone, _ = bounds[index, True]
            start = (seen + gone) / 2
        if (index, False) in bounds:
            seen, gone, _ = bounds[index, False]
            end = span.end if gone >= span.end and span.end - seen < 2 * _EXACT else (seen + gone) / 2
        sharp.append(replace(track, start=start, end=max(end, start)))
    return sharp


def _there(found: Sequence[Detection], label: str, place: Box) -> Box | None:
    """The place of an object that is looked for near where it was seen; None where it is not."""
    near = [
        (overlap(wider(one.box, 0.5), wider(place, 0.5)), one.box)
        for one in found
        if one.score >= 0.2 and (alike(one.label, label) or one.score >= 0.5)
    ]
    share, box = max(near, key=lambda row: row[0], default=(0.0, place))
    return box if share >= 0.15 else None
