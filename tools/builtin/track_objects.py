"""`track_objects`: the objects in a span, with ids, times of entry and exit, and counts over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...memory import OBJECTS, Span
from ...memory.tracking.detector_labels import alike, labels_for
from ...memory.tracking.detector_weights import SUGGESTED, how_to_get
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Observation
from ..tool import tool

if TYPE_CHECKING:
    from ...memory.tracking.detector import Detector
    from ...memory.tracking.tracker import Track

ANYTHING = "anything"
"""The label that asks for whatever moves, which is followed without a detector."""
_HALF = 0.4  # share of the votes from which a track is also told as another kind than its own
NEEDS = "detector weights (--detector FILE) to tell what an object is; without them it follows whatever moves"


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
    known = _indexed(video, span)
    detector = None if known is not None else video.memory.detector
    if known is None and detector is None:
        return _whatever_moves(video, span, labels)
    if known is not None:
        tracks, watched, how = known, video.whole, "known from indexing"
    else:
        assert detector is not None
        from .object_following import follow_objects

        followed = follow_objects(video, span, detector, open_words(detector, labels))
        tracks, watched = followed.tracks, followed.watched
        how = f"{detector.name}, {followed.frames} frames, {followed.fps:.2g} a second"
    fps = None if known is not None else round(followed.fps, 4)
    notes = [f"({how})"]
    unknown: list[str] = []
    if labels:
        tracks, unseen = asked_for(tracks, labels)
        # Only what was not seen may be unknown; where it was indexed, the weights are loaded for that question alone.
        unknown, said = _unknown(unseen, detector or video.memory.detector)
        notes += said
    from .track_report import report

    lines, data = report(tracks, span, watched)
    return Observation(
        text="\n".join([*lines, *notes]),
        uris=(video.uri(span), *dict.fromkeys(video.uri(track.span) for track in tracks)),
        data={**data, "how": how, "fps": fps, "labels": labels or [], "unknown": unknown},
    )


def open_words(detector: Detector, labels: Sequence[str] | None) -> list[str] | None:
    """The kinds to give to the detector itself, if it has an open vocabulary; a closed one looks for all it knows."""
    if not labels or not detector.open_vocabulary:
        return None
    return [(labels_for(label, detector.labels) or (label,))[0] for label in labels]


def asked_for(tracks: Sequence[Track], labels: Sequence[str]) -> tuple[tuple[Track, ...], list[str]]:
    """The tracks of the kinds that are asked for, and the words that fit none of all that was seen."""
    seen = {label for track in tracks for label in (track.label, *track.votes)}
    found = {label: labels_for(label, sorted(seen)) for label in labels}
    wanted = {kind for kinds in found.values() for kind in kinds}
    kept = tuple(track for track in tracks if track.label in wanted or _nearly(track, wanted))
    return kept, [label for label in labels if not found[label]]


def _nearly(track: Track, wanted: set[str]) -> bool:
    """Whether a track may as well be of these kinds: a car that was a bus in some more frames is wanted as a car."""
    share = sum(track.votes.get(kind, 0.0) for kind in wanted)
    close = any(alike(track.label, kind) for kind in wanted) and share >= 0.5 * track.votes.get(track.label, 0.0)
    return share >= _HALF or close


def _unknown(labels: Sequence[str], detector: Detector | None) -> tuple[list[str], list[str]]:
    """The kinds that the detector has no name for, and what to say: that it saw none of them says nothing."""
    if not labels or detector is None or detector.open_vocabulary:
        return [], []
    unknown = [label for label in labels if not labels_for(label, detector.labels)]
    if not unknown:
        return [], []
    some = ", ".join(detector.labels[:20])
    return unknown, [f"(The detector does not know {', '.join(unknown)}; it knows {some}, …; ask for one of these.)"]


def _indexed(video: VideoContext, span: Span) -> tuple[Track, ...] | None:
    """The tracks of the span that the memory holds; None where it does not hold all of them."""
    stamp = video.info.channels.get(OBJECTS, "unavailable")
    failed = any(f.channel == OBJECTS and f.span.overlap(span) > 0 for f in video.info.failures)
    if stamp.startswith("unavailable") or failed or not video.info.complete:
        return None
    if video.memory.known_until(video.video_id, OBJECTS) < min(span.end, video.whole.end) - 1e-6:
        return None  # the last seconds before now were not looked at yet
    from ...memory.ingest.objects_channel import stored_tracks

    tracks = stored_tracks(video.memory.texts(video.video_id, channel=OBJECTS))
    return tuple(track for track in tracks if track.start < span.end and track.end > span.start)


def _whatever_moves(video: VideoContext, span: Span, labels: Sequence[str] | None) -> Observation:
    """Without weights: what differs from a learned background is followed, and nobody knows what it is."""
    from .motion import moving_objects

    report = moving_objects(video.video, span)
    get = f"Telling what objects are takes detector weights (--detector FILE): {how_to_get(SUGGESTED)}"
    if report.camera_moves:
        text = "The camera moves, so moving objects cannot be told from the background without detector weights."
        return Observation(text=f"{text}\n({get})", uris=(video.uri(span),), data={"tracks": [], "camera_moves": True})
    rows = [
        {
            "id": t.id,
            "span": [t.start, t.end],
            "colour": t.color,
            "direction": t.direction,
            "enters": t.enters,
            "leaves": t.leaves,
            "area": t.area,
            "confidence": t.confidence,
            "box": list(t.boxes[len(t.boxes) // 2][1]),
        }
        for t in report.tracks
    ]
    lines = [
        f"object {t.id}: {t.color}, {t.start:.1f}-{t.end:.1f} s, {t.direction}, enters {t.enters}, leaves {t.leaves}"
        for t in report.tracks
    ]
    if labels:
        lines.append(f"(without detector weights it is not known which of them is a {' or a '.join(labels)})")
    counts = [[time, count] for time, count in report.counts]
    return Observation(
        text="\n".join([f"{len(rows)} moving objects.", *lines, f"({get})"]),
        uris=(video.uri(span), *(video.uri(Span(t.start, t.end)) for t in report.tracks)),
        data={
            "tracks": rows,
            "camera_moves": False,
            "counts": counts,
            "most_at_once": max((c for _, c in counts), default=0),
        },
    )
