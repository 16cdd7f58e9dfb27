"""The objects channel: what a detector sees in each clip, followed from frame to frame and from clip to clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..protocol import Frame, VideoInfo, VideoSource
from ..span import Box, Span
from ..store.units import NewText
from ..tracking.detector import WEAK, Detector
from ..tracking.detector_labels import count_words
from ..tracking.track_linking import link, sure
from ..tracking.track_motion import direction
from ..tracking.tracker import Sighting, Track, Tracker
from ..types import Text
from .planning import worth_looking_at

FPS = 4.0
"""Frames a second that are looked at when a video is indexed."""
LARGEST = 960
"""Pixels of the longest side of what a detector is given; most look at 640."""
_MARGIN = 0.5  # seconds round a clip that are looked at too, so that tracks can be put together across clips
_VERSION = "1"


def stamp(detector: Detector) -> str:
    """Return the stamp of the channel: detector, rate and version."""
    return f"{detector.stamp} {FPS:g} fps {_VERSION}"


def follow(
    frames: Iterable[Frame],
    detector: Detector,
    *,
    fps: float,
    span: Span,
    labels: Sequence[str] | None = None,
    alive: Callable[[], None] | None = None,
) -> list[Track]:
    """Tracks of the objects in frames that come in order; one frame at a time is held.

    Args:
        frames: at a steady rate.
        detector: what finds the objects.
        fps: that rate.
        span: what is watched.
        labels: only these kinds, as the detector calls them.
        alive: called before each frame is looked at.
    """
    tracker = Tracker(fps, span)
    for frame in frames:
        if alive is not None:
            alive()
        (found,) = detector.detect([frame.image], labels=labels, least=WEAK)
        tracker.step(frame.time, found, frame.image)
    return tracker.tracks()


def detect_clip(video: VideoSource, span: Span, detector: Detector, alive: Callable[[], None]) -> list[NewText]:
    """The rows of one clip: how many of what, and each track with its own span and places."""
    wide = Span(span.start - _MARGIN, span.end + _MARGIN).within(video.info.span)
    frames = _steady(video, grid_times(video.info, worth_looking_at(video, wide)))
    pieces = follow(frames, detector, fps=FPS, span=wide, alive=alive)
    rows = [_row(track, span) for track in pieces if any(span.contains(sight.time) for sight in track.sights)]
    counts = Counter(t.label for t in sure(link(pieces)) if t.start < span.end and t.end > span.start)
    if counts:
        text = count_words(counts.most_common())
        rows.insert(0, NewText(span.start, span.end, text, {"counts": dict(counts.most_common())}))
    return rows


def grid_times(info: VideoInfo, span: Span, fps: float = FPS) -> list[float]:
    """Times on one grid for the whole video, so that clips that overlap look at the same frames; at least one."""
    first = int(np.ceil((span.start - info.start) * fps - 1e-6))
    last = int(np.ceil((span.end - info.start) * fps - 1e-6))
    return [info.start + k / fps for k in range(first, last)] or [span.start]


def _steady(video: VideoSource, times: Sequence[float]) -> Iterator[Frame]:
    """The frames on screen at these times, each under that time."""
    for time, frame in zip(times, video.frames_at(times, size=LARGEST), strict=True):
        yield Frame(round(time, 3), frame.image, frame.full)


def _row(track: Track, span: Span) -> NewText:
    """A track as a text; what it is, its colour and where it goes are words that can be searched."""
    own = track.span.within(span)
    words = [track.label, *([track.color] if track.color else []), direction(track)]
    return NewText(own.start, own.end, ", ".join(words), {"track": as_data(track)})


def as_data(track: Track) -> dict[str, Any]:
    """A track as JSON values."""
    return {
        "label": track.label, "score": track.score, "span": [round(track.start, 3), round(track.end, 3)],
        "votes": track.votes, "colours": list(track.colors),
        "sights": [[s.time, *(round(x, 4) for x in s.box), round(s.score, 2)] for s in track.sights],
    }  # fmt: skip


def from_data(data: dict[str, Any], number: int = 0) -> Track:
    """The track that `as_data` wrote."""
    from ..tracking.track_colors import name_of

    colors = tuple(data["colours"])
    return Track(
        id=number, label=data["label"], score=data["score"], start=data["span"][0], end=data["span"][1],
        sights=tuple(Sighting(row[0], Box(*row[1:5]), row[5]) for row in data["sights"]),
        votes=data["votes"], colors=colors, color=name_of(colors) if colors else None,
    )  # fmt: skip


def stored_tracks(texts: Iterable[Text]) -> list[Track]:
    """The tracks of a video, put together from the rows of its clips; ids count by time of entry."""
    return sure(link(from_data(text.data["track"]) for text in texts if "track" in text.data))
