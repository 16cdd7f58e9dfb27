"""`track_objects`: what moves through the picture, with entry and exit times."""

from __future__ import annotations

from ..memory import Span
from .context import VideoContext
from .observation import Observation, ToolError
from .tool import tool


@tool(timeout=120.0, needs="detector weights to tell what an object is; without them it follows whatever moves")
def track_objects(start: float, end: float, video: VideoContext, labels: list[str] | None = None) -> Observation:
    """Follow the objects that move through a span: how many, which colour, when and where each enters and leaves.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        labels: kinds of objects wanted; without detector weights they cannot be told apart.
    """
    from .motion import moving_objects

    span = Span(start, end)
    if span.duration < 0.5:
        raise ToolError("A track needs at least half a second: ask for a longer span.")
    report = moving_objects(video.video, span)
    if report.camera_moves:
        text = "The camera moves, so moving objects cannot be told from the background without detector weights."
        return Observation(text=text, uris=(video.uri(span),), data={"tracks": [], "camera_moves": True})
    rows = [
        {
            "id": t.id,
            "span": [t.start, t.end],
            "colour": t.colour,
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
        f"object {t.id}: {t.colour}, {t.start:.1f}-{t.end:.1f} s, {t.direction}, enters {t.enters}, leaves {t.leaves}"
        for t in report.tracks
    ]
    if labels:
        lines.append(f"(without detector weights it is not known which of them is a {' or a '.join(labels)})")
    counts = [[time, count] for time, count in report.counts]
    return Observation(
        text="\n".join([f"{len(rows)} moving objects.", *lines]),
        uris=(video.uri(span), *(video.uri(Span(t.start, t.end)) for t in report.tracks)),
        data={
            "tracks": rows,
            "camera_moves": False,
            "counts": counts,
            "most_at_once": max((c for _, c in counts), default=0),
        },
    )
