"""`detect_objects`: what is in the picture at a moment, or at some moments of a span, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...memory import Box, Span
from ...memory.ingest.objects_channel import LARGEST
from ...memory.tracking.detector import LEAST, MergedDetection, merge_detections
from ...memory.tracking.detector_labels import count_words
from ...memory.tracking.detector_weights import SUGGESTED, how_to_get
from ..context import VideoContext
from ..observation import Observation
from ..tool import tool
from .track_objects import GET_WEIGHTS, NEEDS, open_words, requested_labels, unknown_labels

_MOST = 12  # moments of a span that are looked at
_LISTED = 30
_AROUND = 8.0  # seconds before and after a moment from which the background is learned


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
    words = open_words(detector, labels)
    moments = [
        merge_detections(detector.detect([frame.image], labels=words, least=LEAST)[0])
        for frame in list(video.frames_at(times, size=LARGEST))
    ]
    unknown: list[str] = []
    if labels:
        kinds, unknown = requested_labels(labels, detector.labels if words is None else words)
        moments = [[one for one in objects if one.label in kinds] for objects in moments]
    counts = [dict(Counter(one.label for one in objects).most_common()) for objects in moments]
    lines = [
        f"{time:.1f} s: {count_words(list(row.items())) or 'nothing'}" for time, row in zip(times, counts, strict=True)
    ]
    if len(times) == 1:
        lines += [f"{one.label} {one.score:.2f}, box {_box(one.box)}" for one in moments[0][:_LISTED]]
    rows = [
        {"time": round(time, 3), "objects": [_row(one) for one in objects], "counts": row}
        for time, objects, row in zip(times, moments, counts, strict=True)
    ]
    uris = [video.uri(time, one.box) for time, objects in zip(times, moments, strict=True) for one in objects[:_LISTED]]
    return Observation(
        text="\n".join([*lines, *unknown_labels(unknown, detector), f"({detector.name})"]),
        uris=(video.uri(span), *dict.fromkeys(uris)),
        data={
            "moments": rows,
            "objects": rows[0]["objects"] if len(rows) == 1 else [],
            "counts": counts[0] if len(rows) == 1 else {},
            "most_at_once": max((len(objects) for objects in moments), default=0),
            "detector": detector.stamp,
        },
    )


def _box(box: Sequence[float]) -> str:
    return "[" + ", ".join(f"{x:.2f}" for x in box) + "]"


def _row(one: MergedDetection) -> dict[str, Any]:
    return {"label": one.label, "score": round(one.score, 3), "box": [round(x, 4) for x in one.box]}


def _what_moves(video: VideoContext, span: Span) -> Observation:
    """Without weights: where something moves at that time, whatever it is."""
    from ...memory.tracking.moving_objects import moving_objects

    moving = moving_objects(video.video, Span(span.start - _AROUND, span.end + _AROUND).within(video.whole))
    objects: list[dict[str, Any]] = []
    for track in moving.tracks:
        if track.start <= span.end and track.end >= span.start:
            box = min(track.boxes, key=lambda one: abs(one.time - span.middle)).box
            objects.append({"label": "", "score": track.score, "box": list(box), "colour": track.color or ""})
    if moving.camera_moves:
        summary = "The camera moves, so objects cannot be told from the background without detector weights."
    else:
        summary = f"{len(objects)} moving objects; things that stand still cannot be told without detector weights."
    lines = [f"something {o['colour']}, box {_box(o['box'])}" for o in objects]
    return Observation(
        text="\n".join([summary, *lines, GET_WEIGHTS.format(how_to_get(SUGGESTED))]),
        uris=(video.uri(span), *(video.uri(span, Box(*o["box"])) for o in objects)),
        data={"moments": [], "objects": objects, "counts": {}, "most_at_once": len(objects)},
    )
