"""Objects that move before a still camera, without weights: MOG2's foreground, followed by the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..protocol import VideoSource
from ..span import Box, Span
from .camera_motion import still_stretches
from .motion_detector import MotionDetector
from .track import Track
from .track_linking import link
from .track_motion import touched_edge, traveled
from .tracker import Tracker, numbered

_FPS, _SIZE = 8.0, 320  # frames a second, and pixels of their longest side
_SAMPLES = 32  # frames from which one background is learned; more cost time and change nothing
# Settled on benchmarks/moving_objects.py and the videos in docs/results.md.
_LEAST_WAY = 0.03  # shares of the picture that an object moves; a trembling leaf moves less
_LEAST_SIZES = 0.3, 0.5  # its own sizes that it moves, if it crosses an edge, and if it does not
_LEAST_PRESENCE = 0.4  # share of its frames in which an object is detected
_PART_AREA, _PART_TIME = 0.5, 0.6  # shares of a larger track: a smaller one beside or in it for so long is a part of it
_WITHIN, _BESIDE = 0.15, 0.8  # sizes of the larger one that it may be away, the second for what is there briefly,
_BRIEF = 0.35  # for less than this share of its time, as a reflection or a shadow is
_LAG = 0.5  # seconds by which a shadow comes earlier and goes later


@dataclass(frozen=True, slots=True)
class MotionReport:
    """The objects that moved in a span.

    `camera_moves` is true where the camera moves most of the time; `still` are the shots in which it stands still, and
    tracks, which have no label, come from these only.
    """

    span: Span
    tracks: tuple[Track, ...]
    camera_moves: bool
    still: tuple[Span, ...] = ()

    def shot(self, track: Track) -> Span:
        """The shot in which a track was followed."""
        return next(shot for shot in self.still if shot.start <= track.start < shot.end)


def moving_objects(video: VideoSource, span: Span) -> MotionReport:
    """Find and follow what moves."""
    span = span.within(video.info.span)
    shots: list[tuple[Span, Tracker]] = []
    detector: MotionDetector | None = None
    for stretch in still_stretches(video, span, _FPS, _SIZE):
        end = min(stretch.times[-1] + 1 / _FPS, span.end)
        samples = stretch.samples(min(_SAMPLES, max(12, round(2 * stretch.duration))))
        if stretch.continues and shots and detector is not None:
            samples.insert(0, detector.background)
            shots[-1] = (Span(shots[-1][0].start, end), shots[-1][1])
        else:
            shots.append((Span(stretch.times[0], end), Tracker(_FPS)))
        detector = MotionDetector(samples)
        for index, time in enumerate(stretch.times):
            image = stretch.image(index)
            shots[-1][1].step(time, detector.detect([image])[0], image)
    watched = sum(shot.duration for shot, _ in shots)
    tracks = [
        _scored(track) for shot, tracker in shots for track in _wholes(link(tracker.tracks(shot))) if _moves(track)
    ]
    return MotionReport(
        span=span,
        tracks=tuple(numbered(tracks)),
        camera_moves=watched < 0.5 * span.duration and span.duration > 0,
        still=tuple(shot for shot, _ in shots),
    )


def _wholes(tracks: Sequence[Track]) -> list[Track]:
    """The tracks without parts of others, such as an arm or a head above a shirt of the wall's color."""
    by_area = sorted(tracks, key=lambda track: -track.area)
    wholes: list[Track] = []
    for track in by_area:
        if not any(_is_part(track, whole) for whole in wholes):
            wholes.append(track)
    return wholes


def _is_part(track: Track, whole: Track) -> bool:
    """Tell whether a track lies in or close beside a larger one for most of its time."""
    if track.area > _PART_AREA * whole.area:
        return False
    brief = len(track.boxes) < _BRIEF * len(whole.boxes)
    reach = whole.area**0.5 * (_BESIDE if brief else _WITHIN)
    near = 0
    for one in track.boxes:
        if whole.start - _LAG <= one.time <= whole.end + _LAG:
            left, top, right, bottom = whole.box_at(one.time)
            room = Box(left - reach, top - reach, right + reach, bottom + reach)
            near += one.box.intersection(room) > (0.0 if brief else 0.5) * one.box.area
    return near >= _PART_TIME * len(track.boxes)


def _moves(track: Track) -> bool:
    """Tell an object from a light that changes or a leaf that trembles."""
    ends = {touched_edge(track.boxes[0].box), touched_edge(track.boxes[-1].box)}
    sizes = traveled(track.boxes)
    if _presence(track) < _LEAST_PRESENCE:
        return False
    return sizes * track.area**0.5 > _LEAST_WAY and sizes > _LEAST_SIZES[ends == {"inside"}]


def _presence(track: Track) -> float:
    """The share of the frames from its first to its last in which it was detected."""
    return min(1.0, len(track.boxes) / (1 + (track.boxes[-1].time - track.boxes[0].time) * _FPS))


def _scored(track: Track) -> Track:
    """The track with the confidence that it is one object: it is in view without gaps, and it goes somewhere."""
    moved = min(1.0, traveled(track.boxes))
    return replace(track, score=round(0.1 + 0.4 * _presence(track) + 0.5 * moved, 2))
