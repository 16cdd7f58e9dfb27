"""`read_text`: what is written on the screen, at a moment or over a span."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..memory import Box, Span
from .arguments import parse_box
from .context import VideoContext
from .observation import Observation, ToolError
from .retry import Retry
from .telling import line, place_of
from .tool import tool

if TYPE_CHECKING:
    from ..memory.screen_text import Reading
    from ..memory.text_reader import RapidReader

_SHORT = 10.0
"""Seconds of a span in which the toolbox looks for small print by itself, where nothing was found."""
_TILED = 8
"""Frames of a span that are read tile by tile."""


def _unread(observation: Observation) -> str:
    """Why a look at smaller print could find more."""
    return "no text made out" if observation.data.get("small_print_unread") else ""


@tool(timeout=120.0, retry=Retry(lacks=_unread, settings=[{"small": True}]))
def read_text(
    start: float,
    video: VideoContext,
    end: float | None = None,
    box: list[float] | None = None,
    fps: float | None = None,
    find: str | None = None,
    small: bool = False,
) -> Observation:
    """Read the text on the screen, each piece with its place and the time that it is shown.

    Args:
        start: the moment, or the start of a span, in seconds.
        end: the end of the span, in seconds; leave it out for one moment.
        box: read only this region, enlarged: left, top, right, bottom as fractions of the picture (0 to 1).
        fps: look again at this many frames per second instead of taking what is known from indexing.
        find: a text whose exact times of appearing and disappearing are wanted.
        small: look for small print too, tile by tile; slower.
    """
    span = Span(start, start if end is None else end)
    if small and box is None:
        readings = _read_tiles(video, span)
    elif box is not None:
        readings = _read_region(video, span, box)
    elif end is None or span.duration == 0:
        readings = _read_moment(video, span.start)
    elif fps is not None or "screen_text" not in video.memory.video(video.video_id).channels:
        readings = _read_span(video, span, min(max(fps or 1.0, 0.05), 30.0))
    else:
        readings = _known(video, span)
    if find:
        around = Span(max(span.start - 60, video.whole.start), min(span.end + 60, video.whole.end))
        others = _known(video, around) or readings
        readings = [_timed(video, r, others) for r in readings if _says(r["text"], find)]
    lines = [line(_uri(video, r), "screen_text", r["text"], place=place_of(r["box"])) for r in readings]
    return Observation(
        text="\n".join(one.text for one in lines)
        or "No text was made out. Try a higher fps, or a box around where it should be.",
        lines=tuple(lines),
        uris=(video.uri(span), *dict.fromkeys(_uri(video, r) for r in readings)),
        data={"readings": readings, **_left_to_try(video, span, small=small or box is not None, found=bool(readings))},
    )


def _left_to_try(video: VideoContext, span: Span, *, small: bool, found: bool) -> dict[str, Any]:
    """Whether tiles could still find something, in so short a span that they are worth their price."""
    from ..memory.text_reader import needs_tiles

    large = needs_tiles(video.info.width, video.info.height)
    return {"small_print_unread": True} if large and not small and not found and span.duration <= _SHORT else {}


def _known(video: VideoContext, span: Span) -> list[dict[str, Any]]:
    """What indexing found; readings that go on across clips are joined."""
    from ..memory.screen_text import Reading, merge_readings

    rows = video.memory.texts(video.video_id, channel="screen_text", between=span)
    found = [
        Reading(
            t.start, t.end, t.text, Box(*t.data["box"]), float(t.data.get("score", 1.0)), float(t.data.get("height", 0))
        )
        for t in rows
    ]
    return [_row(reading) for reading in merge_readings(found)]


def _read_moment(video: VideoContext, time: float) -> list[dict[str, Any]]:
    lines = _reader().read(video.frame(time))
    return [{"span": [time, time], "text": n.text, "box": list(n.box), "score": n.score, "height": 0.0} for n in lines]


def _read_tiles(video: VideoContext, span: Span) -> list[dict[str, Any]]:
    """A few frames of the span with every tile of them; a text that stays is one reading."""
    from ..memory.screen_text import Reading, merge_readings

    times = [span.start] if span.duration == 0 else video.times(span, min(1.0, _TILED / span.duration))
    step = span.duration / len(times)
    found = [
        Reading(time, min(time + step, span.end), n.text, n.box, n.score, n.box.bottom - n.box.top)
        for time, frame in zip(times, video.frames_at(times), strict=True)
        for n in _reader().read(frame.image, tiles=True)
    ]
    return [_row(reading) for reading in (merge_readings(found) if step else found)]


def _read_span(video: VideoContext, span: Span, fps: float) -> list[dict[str, Any]]:
    """Look again. The frames of the asked rate are charged; that the reader skips what did not change is its gain."""
    from ..memory.screen_text import read_span

    taken = len(video.times(span, fps))
    video.charge(taken)
    return [_row(r) for r in read_span(video.video, span, _reader(), fps=taken / max(span.duration, 1 / fps))]


def _read_region(video: VideoContext, span: Span, box: list[float]) -> list[dict[str, Any]]:
    """The region of a few frames of the span, enlarged until small print is legible."""
    import cv2

    try:
        region = parse_box(box, video.info.width, video.info.height)
    except ValueError as error:
        raise ToolError(f"{error}; give [left, top, right, bottom] between 0 and 1.") from None
    times = [span.start] if span.duration == 0 else video.times(span, min(1.0, 12 / span.duration))
    found: list[dict[str, Any]] = []
    for frame in video.frames_at(times):
        height, width = frame.image.shape[:2]
        left, top = int(region.left * width), int(region.top * height)
        part = frame.image[top : int(np.ceil(region.bottom * height)), left : int(np.ceil(region.right * width))]
        scale = max(1.0, min(4.0, 960 / max(part.shape[:2])))
        enlarged = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        for one in _reader().read(np.ascontiguousarray(enlarged)):
            place = _outward(one.box, region)
            found.append(
                {"span": [frame.time, frame.time], "text": one.text, "box": place, "score": one.score, "height": 0.0}
            )
    return found


def _outward(inner: Box, region: Box) -> list[float]:
    """A box inside a region as a box of the whole picture."""
    width, height = region.right - region.left, region.bottom - region.top
    return [
        region.left + inner.left * width,
        region.top + inner.top * height,
        region.left + inner.right * width,
        region.top + inner.bottom * height,
    ]


def _timed(video: VideoContext, row: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """The row with exact times of appearing and disappearing; it is gone when another text stands in its place."""
    from ..memory.screen_text import Reading, refine

    start, end = row["span"]
    replaced = [o["span"][0] for o in others if o["span"][0] >= end - 0.01 and _in_place_of(o, row)]
    bounds = Span(video.whole.start, min([*replaced, video.whole.end]))
    reading = Reading(start, end, row["text"], Box(*row["box"]), row["score"], row["height"])
    return _row(refine(video.video, reading, bounds=bounds, reader=_reader()))


def _in_place_of(other: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether another text covers the middle of the row's."""
    x, y = (row["box"][0] + row["box"][2]) / 2, (row["box"][1] + row["box"][3]) / 2
    left, top, right, bottom = other["box"]
    return bool(other["text"] != row["text"] and left <= x <= right and top <= y <= bottom)


def _row(reading: Reading) -> dict[str, Any]:
    return {
        "span": [reading.start, reading.end],
        "text": reading.text,
        "box": list(reading.box),
        "score": reading.score,
        "height": reading.height,
    }


def _says(text: str, find: str) -> bool:
    bare, wanted = (("".join(c for c in t.lower() if c.isalnum())) for t in (text, find))
    return bool(wanted) and wanted in bare


def _uri(video: VideoContext, row: dict[str, Any]) -> str:
    span = Span(*row["span"])
    return video.uri(span, Box(*row["box"]))


@lru_cache(maxsize=1)
def _reader() -> RapidReader:
    from ..memory.screen_text import text_reader

    return text_reader()
