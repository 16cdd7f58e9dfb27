"""`find_color`: where a named colour is, at a moment or over a span."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...memory import Box, Span
from ...memory.encoders.color_names import NAMES, name_pixels
from ...memory.encoders.color_words import read_query
from ...memory.span import merge_spans
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Observation
from ..tool import tool

_SIDE = 640  # longest side, in pixels, at which a frame is looked at
_LEAST = 0.0005  # share of the picture that a patch must fill: 10 x 10 pixels of 640 x 360; less is noise
_PATCHES = 8
_FRAMES = 60


@tool
def find_color(
    start: float, color: str, video: VideoContext, end: float | None = None, fps: float = 1.0
) -> Observation:
    """Find where a named colour is in the picture: boxes, the share of the picture, and when it is there.

    Args:
        start: the moment, or the start of a span, in seconds.
        color: black, white, grey, red, orange, yellow, green, blue, purple, pink or brown.
        end: the end of the span, in seconds; leave it out for one moment.
        fps: frames per second over a span.
    """
    name = _named(color)
    span = Span(start, start if end is None else max(start, end))
    rate = min(max(fps, 0.01), 30.0, _FRAMES / max(span.duration, 1e-6))
    times = [span.start] if span.duration == 0 else video.times(span, rate)
    rows: list[dict[str, Any]] = []
    present = [False] * len(times)
    for number, frame in enumerate(video.frames_at(times, size=_SIDE)):
        found = _patches(frame.image, name)
        present[number] = bool(found)
        if found:
            boxes = [list(box) for box, _ in found]
            rows.append({"time": times[number], "share": sum(share for _, share in found), "boxes": boxes})
    ends = [*times[1:], max(span.end, times[-1])]  # a frame stands for the time until the next one
    spans = merge_spans((Span(time, end) for time, end, there in zip(times, ends, present, strict=True) if there), 1e-6)
    if not rows:
        text = f"No {name} was found in {len(times)} frames. Try another colour name, a wider span or a higher fps."
        return Observation(text=text, uris=(video.uri(span),), data={"color": name, "frames": [], "spans": []})
    lines = [f"{name} in {len(rows)} of {len(times)} frames: {', '.join(str(each) for each in spans[:8])}"]
    for row in rows[:8]:
        places = "; ".join("[" + ", ".join(f"{side:.2f}" for side in box) + "]" for box in row["boxes"][:3])
        lines.append(f"{row['time']:.1f} s: {100 * row['share']:.1f} % of the picture, at {places}")
    if len(rows) > 8:
        lines.append(f"({len(rows) - 8} more frames)")
    uris = [video.uri(span), *(video.uri(row["time"], Box(*row["boxes"][0])) for row in rows)]
    return Observation(
        text="\n".join(lines), uris=tuple(dict.fromkeys(uris)), data={"color": name, "frames": rows, "spans": spans}
    )


def _patches(image: np.ndarray, name: str) -> list[tuple[Box, float]]:
    """Connected patches of a colour in a picture [H, W, 3] uint8 RGB with their share of it, the largest eight."""
    import cv2

    height, width = image.shape[:2]
    mask = (name_pixels(cv2.medianBlur(image, 5)) == NAMES.index(name)).astype(np.uint8)
    # Edges and highlights part one thing into several patches.
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, _, found, _ = cv2.connectedComponentsWithStats(mask)
    kept = [
        (Box(x / width, y / height, (x + w) / width, (y + h) / height), area / (width * height))
        for x, y, w, h, area in found[1:].tolist()
        if area >= _LEAST * width * height
    ]
    return sorted(kept, key=lambda each: -each[1])[:_PATCHES]


def _named(color: str) -> str:
    """The basic colour that a word stands for: `crimson` is red."""
    named = [look for look, present in read_query(color).items() if present and look in NAMES]
    if len(named) != 1:
        raise ToolError(f"{color[:40]!r} is not one colour: give one of {', '.join(NAMES)}.")
    return named[0]
