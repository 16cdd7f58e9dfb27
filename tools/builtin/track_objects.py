"""`track_objects`: the objects in a span, with ids, times of entry and exit, and counts over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ...memory import OBJECTS, Span
from ...memory.tracking.detector_labels import labels_for, same_kind
from ...memory.tracking.detector_weights import SUGGESTED, how_to_get
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Observation
from ..tool import tool

if TYPE_CHECKING:
    from ...memory.tracking.detector import Detector
    from ...memory.tracking.track import Track

ANYTHING = "anything"
"""The label that asks for whatever moves, which is followed without a detector."""
NEEDS = "detector weights (--detector FILE) to tell what an object is; without them it follows whatever moves"
GET_WEIGHTS = "(Telling what objects are takes detector weights (--detector FILE): {})"
# Shares of the votes (see the objects with weights in docs/results.md) from which a track is also of another label:
_SECOND_LABEL = 0.4  # of all votes, whatever its own label
_SAME_KIND = 0.5  # of the votes for its own label, if that is of the same kind


@tool(timeout=180.0, needs=NEEDS)
def track_objects(start: float, end: float, video: VideoContext, labels: list[str] | None = None) -> Observation:
    """Follow the objects in a span: how many of what, when and where each enters and leaves, how long each stays.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        labels: kinds of objects wanted, such as person, car or dog, or anything, for whatever moves; all kinds if left
            out.
    """
    span = Span(start, end)
    if span.duration < 0.5:
        raise ToolError("A track needs at least half a second: ask for a longer span, or use detect_objects.")
    if labels == [ANYTHING]:
        return _whatever_moves(video, span, None)
    indexed = _indexed_tracks(video, span)
    detector = video.memory.detector if indexed is None else None
    if indexed is not None:
        tracks, watched, fps, how = indexed, video.whole, None, "known from indexing"
    elif detector is None:
        return _whatever_moves(video, span, labels)
    else:
        from .object_following import follow_objects

        tracks, rate, frames = follow_objects(video, span, detector, open_words(detector, labels))
        watched, fps = span, round(rate, 4)
        how = f"{detector.name}, {frames} frames, {rate:.2g} a second"
    notes = [f"({how})"]
    unknown: list[str] = []
    if labels:
        tracks, missing = tracks_of_kinds(tracks, labels)
        # Only a label without tracks may be unknown; where it was indexed, the weights are loaded for that alone.
        detector = (detector or video.memory.detector) if missing else None
        if detector is not None and not detector.open_vocabulary:
            unknown = [label for label in missing if not labels_for(label, detector.labels)]
            notes += unknown_labels(unknown, detector)
    from .track_report import report

    lines, data = report(tracks, span, watched)
    return Observation(
        text="\n".join([*lines, *notes]),
        uris=(video.uri(span), *dict.fromkeys(video.uri(track.span) for track in tracks)),
        data={**data, "how": how, "fps": fps, "labels": labels or [], "unknown": unknown},
    )


def open_words(detector: Detector, labels: Sequence[str] | None) -> list[str] | None:
    """Return the labels to ask of a detector with an open vocabulary; None for a closed one."""
    if not labels or not detector.open_vocabulary:
        return None
    return [(labels_for(label, detector.labels) or (label,))[0] for label in labels]


def requested_labels(labels: Sequence[str], known: Iterable[str]) -> tuple[set[str], list[str]]:
    """Return those of the `known` labels that words ask for, and the words that ask for none of them."""
    known = sorted(known)
    found = {label: labels_for(label, known) for label in labels}
    return {one for kinds in found.values() for one in kinds}, [label for label in labels if not found[label]]


def unknown_labels(unknown: Sequence[str], detector: Detector) -> list[str]:
    """Write that a detector has no such labels: that it found none of them means nothing."""
    if not unknown:
        return []
    some = ", ".join(detector.labels[:20])
    return [f"(The detector does not know {', '.join(unknown)}; it knows {some}, …; ask for one of these.)"]


def tracks_of_kinds(tracks: Sequence[Track], labels: Sequence[str]) -> tuple[tuple[Track, ...], list[str]]:
    """Return the tracks that words ask for, and the words that fit none of all tracks."""
    kinds, missing = requested_labels(labels, {label for track in tracks for label in (track.label, *track.votes)})
    return tuple(track for track in tracks if track.label in kinds or _is_nearly(track, kinds)), missing


def _is_nearly(track: Track, kinds: set[str]) -> bool:
    """Tell whether a track may as well be of these kinds: a car that was a bus in some more frames is a car too."""
    share = sum(track.votes.get(kind, 0.0) for kind in kinds)
    close = any(same_kind(track.label, kind) for kind in kinds)
    return share >= _SECOND_LABEL or (close and share >= _SAME_KIND * track.votes.get(track.label, 0.0))


def _indexed_tracks(video: VideoContext, span: Span) -> tuple[Track, ...] | None:
    """The tracks of the span that the memory holds; None where it does not hold all of them."""
    stamp = video.info.channels.get(OBJECTS, "unavailable")
    failed = any(f.channel == OBJECTS and f.span.overlap(span) > 0 for f in video.info.failures)
    if stamp.startswith("unavailable") or failed or not video.info.complete:
        return None
    if video.memory.unknown_spans(video.video_id, OBJECTS, span):
        return None  # the last seconds before now were not looked at yet
    from ...memory.ingest.objects_channel import stored_tracks

    tracks = stored_tracks(video.memory.texts(video.video_id, channel=OBJECTS))
    return tuple(track for track in tracks if track.start < span.end and track.end > span.start)


def _whatever_moves(video: VideoContext, span: Span, labels: Sequence[str] | None) -> Observation:
    """Without weights: what stands out against a learned background is followed, whatever it is."""
    from ...memory.tracking.moving_objects import moving_objects
    from .track_report import as_row, counts_over_time

    moving = moving_objects(video.video, span)
    get = GET_WEIGHTS.format(how_to_get(SUGGESTED))
    if moving.camera_moves:
        text = "The camera moves, so moving objects cannot be told from the background without detector weights."
        return Observation(text=f"{text}\n{get}", uris=(video.uri(span),), data={"tracks": [], "camera_moves": True})
    rows: list[dict[str, Any]] = [as_row(track, moving.shot(track)) for track in moving.tracks]
    lines = [
        "object {id}: {colour}, {span[0]:.1f}-{span[1]:.1f} s, {direction}, enters {enters}, leaves {leaves}".format(
            **row
        )
        for row in rows
    ]
    if labels:
        lines.append(f"(without detector weights it is not known which of them is a {' or a '.join(labels)})")
    counts = counts_over_time(moving.tracks, span)
    return Observation(
        text="\n".join([f"{len(rows)} moving objects.", *lines, get]),
        uris=(video.uri(span), *(video.uri(track.span) for track in moving.tracks)),
        data={
            "tracks": rows,
            "camera_moves": False,
            "counts": counts,
            "most_at_once": max((count for _, count in counts), default=0),
        },
    )
