"""Objects that move before a still camera: how many, when, where and in which colour, with no weights at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ....memory.span import Box, Span

if TYPE_CHECKING:
    from ....memory.protocol import VideoSource
    from .background import Background
    from .stretches import Stretch
    from .tracks import Follower, Trail

Array = np.ndarray[Any, Any]

_SAMPLES = 32  # frames from which one background is learned


@dataclass(frozen=True, slots=True)
class Track:
    """One moving object.

    `start` and `end` are when it comes into the picture and leaves it, in seconds. `boxes` holds (seconds, box).
    `color` is one of the eleven basic names. `direction` is "left to right", "right to left", "upwards", "downwards",
    "towards the camera", "away from the camera", "there and back" or "stays". `enters` and `leaves` are "left edge",
    "right edge", "top", "bottom", "inside", or "in view at the start" / "in view at the end" of what was watched.
    `area` is the mean share of the picture, `confidence` is in [0, 1].
    """

    id: int
    start: float
    end: float
    boxes: tuple[tuple[float, Box], ...]
    color: str
    direction: str
    enters: str
    leaves: str
    area: float
    confidence: float


@dataclass(frozen=True, slots=True)
class MotionReport:
    """What moved in a span.

    `counts` holds (seconds, number of objects in view from then on) at each change. `camera_moves` is true when the
    camera moves most of the time; `still` are the stretches in which it stands still, and tracks come from these only.
    """

    span: Span
    tracks: tuple[Track, ...]
    camera_moves: bool
    counts: tuple[tuple[float, int], ...]
    fps: float
    still: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch that was watched: when, what its background is, and the shot it belongs to."""

    span: Span
    background: Background
    shot: int


def moving_objects(video: VideoSource, span: Span, *, fps: float = 8.0, size: int = 320) -> MotionReport:
    """Find and follow what moves, by comparing frames with the empty scene behind it.

    Args:
        video: where the frames come from.
        span: seconds to watch.
        fps: frames looked at per second.
        size: longest side in pixels at which they are looked at.
    """
    from .background import learn_background
    from .merge import mend
    from .stretches import still_stretches
    from .tracks import Follower

    span = span.within(Span(video.info.start, video.info.end))
    follower = Follower(fps)
    scenes: list[Scene] = []
    seen: Array | None = None  # frames of the stretch before, for a background that goes on
    for stretch in still_stretches(video, span, fps, size):
        samples = stretch.samples(min(_SAMPLES, max(12, round(2 * stretch.duration))))
        if stretch.goes_on and scenes and seen is not None:
            background = learn_background(np.concatenate([scenes[-1].background.picture[None], seen, samples]))
        else:
            follower.new_shot()
            background = learn_background(samples)
        seen = samples[::3]
        _follow(stretch, background, follower)
        until = min(stretch.times[-1] + 1 / fps, span.end)
        scenes.append(Scene(Span(stretch.times[0], until), background, follower.shot))
    shape = scenes[0].background.picture.shape[:2] if scenes else (1, 1)
    tracks = tuple(
        _track(number, trail, scenes, shape, fps) for number, trail in enumerate(mend(follower.trails, shape, fps), 1)
    )
    still = _touching([scene.span for scene in scenes])
    watched = sum(part.duration for part in still)
    return MotionReport(
        span=span,
        tracks=tracks,
        camera_moves=watched < 0.5 * span.duration and span.duration > 0,
        counts=count_over_time(tracks, span),
        fps=fps,
        still=still,
    )


def count_over_time(tracks: tuple[Track, ...], span: Span) -> tuple[tuple[float, int], ...]:
    """(seconds, objects in view from then on) at the start of the span and at each change."""
    changes: dict[float, int] = {span.start: 0}
    for track in tracks:
        changes[track.start] = changes.get(track.start, 0) + 1
        changes[track.end] = changes.get(track.end, 0) - 1
    counts: list[tuple[float, int]] = []
    number = 0
    for time in sorted(changes):
        number += changes[time]
        if time < span.end and (not counts or counts[-1][1] != number):
            counts.append((time, number))
    return tuple(counts)


def _follow(stretch: Stretch, background: Background, follower: Follower) -> None:
    from .background import find_foreground
    from .blobs import find_blobs

    busy: Array | None = None
    for index, time in enumerate(stretch.times):
        image = stretch.image(index)
        foreground = find_foreground(image, background, busy)
        follower.step(time, find_blobs(foreground, image, background.tolerance))
        busy = foreground.mask


def _track(number: int, trail: Trail, scenes: list[Scene], shape: tuple[int, int], fps: float) -> Track:
    from . import describe

    height, width = shape
    own = [scene.span for scene in scenes if scene.shot == trail.shot]
    shot = Span(own[0].start, own[-1].end)
    scale = np.array([width, height, width, height])
    boxes = tuple(
        (look.time, Box(*(float(v) for v in np.clip(look.blob.box / scale, 0, 1).round(4)))) for look in trail.looks
    )
    return Track(
        id=number,
        # It came and went between two looks: half-way is the best guess.
        start=max(trail.looks[0].time - 0.5 / fps, shot.start),
        end=min(trail.looks[-1].time + 0.5 / fps, shot.end)
        if trail.looks[-1].time < shot.end - 1.2 / fps
        else shot.end,
        boxes=boxes,
        color=describe.color(trail),
        direction=describe.direction(trail, shape),
        enters=describe.way_in(trail, shape, shot),
        leaves=describe.way_out(trail, shape, shot, 1 / fps),
        area=float(np.mean([look.blob.area for look in trail.looks]) / (height * width)),
        confidence=describe.confidence(trail, shape, fps),
    )


def _touching(spans: list[Span]) -> tuple[Span, ...]:
    """Spans that follow each other without a gap, joined."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end < 0.2:
            span = Span(joined.pop().start, span.end)
        joined.append(span)
    return tuple(joined)
