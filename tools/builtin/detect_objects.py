"""`detect_objects`: what is in the picture at a moment, or at some moments of a span, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...memory import Box, Span
from ...memory.ingest.objects_channel import LARGEST
from ...memory.tracking.detector import LEAST, Detection
from ...memory.tracking.detector_labels import count_words, labels_for
from ...memory.tracking.detector_weights import SUGGESTED, how_to_get
from ...memory.tracking.tracker import merge
from ..context import VideoContext
from ..observation import Observation
from ..tool import tool
from .track_objects import NEEDS, open_words

_MOST = 12  # moments of a span that are looked at
_LISTED = 30


@tool(timeout=120.0, needs=NEEDS)
def detect_objects(
    start: float, video: VideoContext, end: float | None = None, labels: list[str] | None = None
) -> Observation:
    """Find the objects in the picture: what each is, how sure that is, and its box; count them at a moment.

    Args:
        start: the moment, or the start of a span, in seconds.
        end: the end of the span, in seconds; leave it out for one moment.
        labels: kinds of objects wanted, such as person, car or dog; all kinds if left out.
    """
    span = Span(start, start if end is None else end)
    detector = video.memory.detector
    if detector is None:
        return _what_moves(video, span)
    times = [span.start] if span.duration == 0 else video.times(span, min(1.0, _MOST / span.duration))
    frames = list(video.frames_at(times, size=LARGEST))
    words = open_words(detector, labels)
    found = [_objects(detector.detect([frame.image], labels=words, least=LEAST)[0]) for frame in frames]
    wanted, unknown = _wanted(labels, detector.labels if words is None else words)
    if wanted is not None:
        found = [[one for one in row if one.label in wanted] for row in found]
    lines = [line for time, row in zip(times, found, strict=True) for line in _told(time, row, len(times) == 1)]
    if unknown:
        some = ", ".join(detector.labels[:20])
        lines.append(f"(The detector does not know {', '.join(unknown)}; it knows {some}, …; ask for one of these.)")
    lines.append(f"({detector.name})")
    rows = [
        {"time": round(time, 3), "objects": [_row(one) for one in row], "counts": _counts(row)}
        for time, row in zip(times, found, strict=True)
    ]
    uris = [video.uri(time, one.box) for time, row in zip(times, found, strict=True) for one in row[:_LISTED]]
    return Observation(
        text="\n".join(lines),
        uris=(video.uri(span), *dict.fromkeys(uris)),
        data={
            "moments": rows,
            "objects": rows[0]["objects"] if len(rows) == 1 else [],
            "counts": rows[0]["counts"] if len(rows) == 1 else {},
            "most_at_once": max((len(row) for row in found), default=0),
            "detector": detector.stamp,
        },
    )


def _objects(detections: Sequence[Detection]) -> list[Detection]:
    """One object where several kinds were read into one thing."""
    return [
        Detection(max(thing.scores, key=lambda label: thing.scores[label]), thing.score, thing.box)
        for thing in merge(detections)
    ]


def _wanted(labels: Sequence[str] | None, known: Sequence[str]) -> tuple[set[str] | None, list[str]]:
    """The detector's kinds that are asked for (None: all), and the words for which it has none."""
    if not labels:
        return None, []
    found = {label: labels_for(label, known) for label in labels}
    return {one for kinds in found.values() for one in kinds}, [label for label in labels if not found[label]]


def _counts(row: Sequence[Detection]) -> dict[str, int]:
    return dict(Counter(one.label for one in row).most_common())


def _told(time: float, row: Sequence[Detection], alone: bool) -> list[str]:
    words = count_words(list(_counts(row).items())) or "nothing"
    lines = [f"{time:.1f} s: {words}"]
    if alone:
        lines += [f"{one.label} {one.score:.2f}, box {_box(one.box)}" for one in row[:_LISTED]]
    return lines


def _box(box: Sequence[float]) -> str:
    return "[" + ", ".join(f"{x:.2f}" for x in box) + "]"


def _row(one: Detection) -> dict[str, Any]:
    return {"label": one.label, "score": round(one.score, 3), "box": [round(x, 4) for x in one.box]}


def _what_moves(video: VideoContext, span: Span) -> Observation:
    """Without weights: where something moves at that time; nobody knows what it is."""
    from .motion import moving_objects

    around = Span(span.start - 8, span.end + 8).within(video.whole)
    moving = moving_objects(video.video, around)
    objects: list[dict[str, Any]] = []
    for track in moving.tracks:
        if track.start <= span.end and track.end >= span.start:
            box = min(track.boxes, key=lambda row: abs(row[0] - span.middle))[1]
            objects.append({"label": "", "score": track.confidence, "box": list(box), "colour": track.color})
    get = f"Telling what objects are takes detector weights (--detector FILE): {how_to_get(SUGGESTED)}"
    if moving.camera_moves:
        said = "The camera moves, so objects cannot be told from the background without detector weights."
    else:
        said = f"{len(objects)} moving objects; things that stand still cannot be told without detector weights."
    lines = [f"something {o['colour']}, box {_box(o['box'])}" for o in objects]
    return Observation(
        text="\n".join([said, *lines, f"({get})"]),
        uris=(video.uri(span), *(video.uri(span, Box(*o["box"])) for o in objects)),
        data={"moments": [], "objects": objects, "counts": {}, "most_at_once": len(objects)},
    )
