"""The objects channel: what a detector finds in each clip, followed from frame to frame and from clip to clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from ..protocol import Frame, VideoInfo, VideoSource
from ..span import Span
from ..store.units import NewText
from ..tracking.detector import WEAK, Detector
from ..tracking.detector_labels import count_words
from ..tracking.track import Track
from ..tracking.track_linking import link, sure
from ..tracking.track_motion import direction
from ..tracking.tracker import Tracker
from ..types import Text
from ..video.thumbnail import DistinctFrames
from .planning import worth_looking_at

FPS = 4.0
"""Frames a second that are looked at when a video is indexed."""
LARGEST = 960
"""Pixels of the longest side of what a detector is given; most work at 640."""
_MARGIN = 0.5  # seconds round a clip that are looked at too, so that tracks can be joined across clips
_VERSION = "1"


def stamp(detector: Detector) -> str:
    """Return what the channel is made with."""
    return f"{detector.stamp} {FPS:g} fps {_VERSION}"


def follow(
    frames: Iterable[Frame],
    detector: Detector,
    *,
    fps: float,
    span: Span,
    alive: Callable[[], None] | None = None,
) -> list[Track]:
    """Follow the objects in frames that come in order; one frame at a time is held.

    A frame that looks the same as an earlier one is taken to hold the same objects and is not given to the detector.
    """
    tracker = Tracker(fps)
    detections = DistinctFrames(lambda frame: detector.detect([frame.image], least=WEAK)[0])
    for frame in frames:
        if alive is not None:
            alive()
        tracker.step(frame.time, detections.of(frame), frame.image)
    return tracker.tracks(span)


def detect_clip(video: VideoSource, span: Span, detector: Detector, alive: Callable[[], None]) -> list[NewText]:
    """Return the rows of one clip: how many of what, and each track with its own span and places."""
    wide = Span(span.start - _MARGIN, span.end + _MARGIN).within(video.info.span)
    times = grid_times(video.info, worth_looking_at(video, wide))
    on_screen = zip(times, video.frames_at(times, size=LARGEST), strict=True)
    frames = (Frame(round(time, 3), frame.image, frame.full) for time, frame in on_screen)
    pieces = follow(frames, detector, fps=FPS, span=wide, alive=alive)
    rows = [_row(track, span) for track in pieces if any(span.contains(one.time) for one in track.boxes)]
    counts = Counter(t.label for t in sure(link(pieces)) if t.start < span.end and t.end > span.start).most_common()
    if counts:
        rows.insert(0, NewText(span.start, span.end, count_words(counts), {"counts": dict(counts)}))
    return rows


def grid_times(info: VideoInfo, span: Span) -> list[float]:
    """Return times on one grid for the whole video, so that clips that overlap use the same frames; at least one."""
    first = int(np.ceil((span.start - info.start) * FPS - 1e-6))
    last = int(np.ceil((span.end - info.start) * FPS - 1e-6))
    return [info.start + k / FPS for k in range(first, last)] or [span.start]


def _row(track: Track, span: Span) -> NewText:
    """A track as a text; its label, its color and its direction are words that can be searched."""
    own = track.span.within(span)
    words = [track.label, *([track.color] if track.color else []), direction(track)]
    return NewText(own.start, own.end, ", ".join(words), {"track": track.to_dict()})


def stored_tracks(texts: Iterable[Text]) -> list[Track]:
    """Return the tracks of a video, joined from the rows of its clips; ids count by time of entry."""
    return sure(link(Track.from_dict(text.data["track"]) for text in texts if "track" in text.data))
