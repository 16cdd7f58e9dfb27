"""`read_text`: what is written on the screen, at a moment or over a span."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...memory import Box, Span, VideoGoneError
from ..context import VideoContext
from ..observation import Observation
from ..tool import Retry, tool
from .evidence_lines import line

if TYPE_CHECKING:
    from ...memory.ocr.blocks import Block
    from ...memory.ocr.lines import Line, Reading
    from ...memory.ocr.reader import RapidReader

_SHORT = 10.0  # seconds of a span in which the toolbox looks for small print by itself, where nothing was found
_TILED = 8  # frames of a span that are read tile by tile

_SMALL_PRINT = Retry(
    lacks=lambda found: "no text made out" if found.data.get("small_print_unread") else "", settings=[{"small": True}]
)


@tool(timeout=120.0, retry=_SMALL_PRINT)
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
    note = gone = ""
    try:
        blocks, note = _read(video, span, box, fps, small)
        if find:
            around = Span(max(span.start - 60, video.whole.start), min(span.end + 60, video.whole.end))
            blocks = _timed(video, blocks, _known(video, around) or blocks, find)
    except VideoGoneError as error:
        if "screen_text" not in video.memory.video(video.video_id).channels:
            raise
        blocks, note = _inside(video, _known(video, span), box)
        blocks = [block for block in blocks if not find or _says(block.text, find)]
        gone = str(error)
    readings = [{"span": [block.start, block.end], "text": block.text, **block.data()} for block in blocks]
    lines = [
        line(_uri(video, row), "screen_text", " / ".join(row["text"].split("\n")), place=row["place"])
        for row in readings
    ]
    text = "\n".join(one.text for one in lines)
    if gone:
        text = f"{text or 'No text there was made out when it was indexed.'}\n(From the index: {gone})"
    text = text or "No text was made out. Try a higher fps, or a box around where it should be."
    return Observation(
        text=f"{text}\n({note})" if note else text,
        lines=tuple(lines),
        uris=(video.uri(span), *dict.fromkeys(_uri(video, r) for r in readings)),
        data={
            "readings": readings,
            **({"read_as": note} if note else {}),
            **_untried(video, span, small=bool(small or box is not None or gone), found=bool(readings)),
            **({"gone": gone} if gone else {}),
        },
    )


def _read(
    video: VideoContext, span: Span, box: list[float] | None, fps: float | None, small: bool
) -> tuple[list[Block], str]:
    """Read the pictures, or take what is known from indexing where that will do; and say how a box was read."""
    if box is None and fps is None and not small and span.duration > 0 and _is_known(video, span):
        return _known(video, span), ""
    _ = video.video  # before any frame is charged: its file may be gone
    if small and box is None:
        return _read_small(video, span), ""
    if box is not None:
        return _read_region(video, span, box)
    if span.duration == 0:
        return _read_moment(video, span.start, tiles=False), ""
    return _read_span(video, span, min(max(fps or 1.0, 0.05), 30.0)), ""


def _inside(video: VideoContext, blocks: list[Block], box: list[float] | None) -> tuple[list[Block], str]:
    """Return the blocks whose middle lies in the requested region; and how the box was read."""
    if box is None:
        return blocks, ""
    region, note = video.box(box, (video.info.width, video.info.height))
    found = []
    for block in blocks:
        x, y = (block.box.left + block.box.right) / 2, (block.box.top + block.box.bottom) / 2
        if region.left <= x <= region.right and region.top <= y <= region.bottom:
            found.append(block)
    return found, note


def _untried(video: VideoContext, span: Span, *, small: bool, found: bool) -> dict[str, Any]:
    """Return whether tiles could still find something, in so short a span that they are worth their price."""
    if small or found or span.duration > _SHORT:
        return {}
    from ...memory.ocr.reader import needs_tiles  # imports OpenCV

    return {"small_print_unread": True} if needs_tiles(video.info.width, video.info.height) else {}


def _is_known(video: VideoContext, span: Span) -> bool:
    """Return whether all of the span was read when the video was indexed, as far as that was known by now."""
    if "screen_text" not in video.memory.video(video.video_id).channels:
        return False
    return not video.memory.unknown_spans(video.video_id, "screen_text", span)


def _known(video: VideoContext, span: Span) -> list[Block]:
    from ...memory.ocr.blocks import blocks

    return blocks(video.memory.texts(video.video_id, channel="screen_text", between=span), _aspect(video))


def _read_moment(video: VideoContext, time: float, *, tiles: bool) -> list[Block]:
    from ...memory.ocr.blocks import blocks_of

    image = video.frame(time)
    return blocks_of(_reader().read(image, tiles=tiles), time, image.shape[1] / image.shape[0])


def _read_small(video: VideoContext, span: Span) -> list[Block]:
    """Read a few frames of the span tile by tile; a text that stays is one reading."""
    from ...memory.ocr.blocks import compose
    from ...memory.ocr.lines import Reading, merge_readings

    if span.duration == 0:
        return _read_moment(video, span.start, tiles=True)
    times = video.times(span, min(1.0, _TILED / span.duration))
    step = span.duration / len(times)
    found = [
        Reading(time, min(time + step, span.end), n.text, n.box, n.score, n.box.bottom - n.box.top)
        for time, frame in zip(times, video.frames_at(times), strict=True)
        for n in _reader().read(frame.image, tiles=True)
    ]
    return compose(merge_readings(found), _aspect(video))


def _read_span(video: VideoContext, span: Span, fps: float) -> list[Block]:
    """Look again. The frames of the requested rate are charged; that the reader skips what stays is its gain."""
    from ...memory.ocr.blocks import compose
    from ...memory.ocr.timeline import read_span

    frames = len(video.times(span, fps))
    video.charge(frames)
    found = read_span(video.video, span, _reader(), fps=frames / max(span.duration, 1 / fps))
    return compose(found, _aspect(video))


def _read_region(video: VideoContext, span: Span, box: list[float]) -> tuple[list[Block], str]:
    """Read the region in a few frames, enlarged until small print is legible; and say how the box was read."""
    from ...memory.ocr.blocks import blocks_of
    from ...memory.ocr.reader import read_region

    times = [span.start] if span.duration == 0 else video.times(span, min(1.0, 12 / span.duration))
    region, note = video.box(box, next(iter(video.video.frames_at(times[:1], size=64))).whole)
    found: list[Block] = []
    for frame in video.frames_at(times):
        height, width = frame.image.shape[:2]
        longest = max((region.right - region.left) * width, (region.bottom - region.top) * height, 1)
        scale = max(1.0, min(4.0, 960 / longest))
        lines = read_region(_reader(), frame.image, region, scale=scale, whole=False)
        found += blocks_of(lines, frame.time, width / height)
    return found, note


def _timed(video: VideoContext, blocks: list[Block], others: list[Block], find: str) -> list[Block]:
    """Return the blocks that say `find`, with the exact times of the line that does (of the longest, where all do)."""
    from ...memory.ocr.blocks import line_readings

    found: dict[tuple[float, float, str], Block] = {}
    lines = line_readings(others)
    for block in blocks:
        if not _says(block.text, find):
            continue
        line = next((n for n in block.lines if _says(n.text, find)), max(block.lines, key=lambda n: len(n.text)))
        # A line stays while those beside it come and go, each time as a new block.
        whole = next((n for n in lines if n.box == line.box or _same_line(n, line, block)), None)
        start, end = (whole.start, whole.end) if whole is not None else (block.start, block.end)
        if (start, end, line.text) not in found:
            found[start, end, line.text] = _exactly(video, block, line, Span(start, end), lines)
    return list(found.values())


def _same_line(reading: Reading, line: Line, block: Block) -> bool:
    from ...memory.ocr.lines import same_place, same_text

    together = reading.start < block.end + 1e-6 and block.start < reading.end + 1e-6
    near = same_place(reading.box, line.box)
    return together and near and same_text(reading.text, line.text, min(reading.score, line.score))


def _exactly(video: VideoContext, block: Block, line: Line, span: Span, others: list[Reading]) -> Block:
    """Return the block with the times at which one of its lines appears and disappears.

    The line is gone when another text stands in its place.
    """
    from ...memory.ocr.exact_times import refine
    from ...memory.ocr.lines import Reading

    replaced = [o.start for o in others if o.start >= span.end - 0.01 and _in_place_of(o, line)]
    bounds = Span(video.whole.start, min([*replaced, video.whole.end]))
    rough = Reading(span.start, span.end, line.text, line.box, line.score, line.box.bottom - line.box.top)
    exact = refine(video.video, rough, bounds=bounds, reader=_reader())
    return replace(block, start=exact.start, end=exact.end)


def _in_place_of(other: Reading, line: Line) -> bool:
    """Return whether another text covers the middle of the line's."""
    x, y = (line.box.left + line.box.right) / 2, (line.box.top + line.box.bottom) / 2
    left, top, right, bottom = other.box
    return bool(other.text != line.text and left <= x <= right and top <= y <= bottom)


def _aspect(video: VideoContext) -> float:
    return video.info.width / max(video.info.height, 1)


def _says(text: str, find: str) -> bool:
    bare, query = ("".join(c for c in each.lower() if c.isalnum()) for each in (text, find))
    return bool(query) and query in bare


def _uri(video: VideoContext, row: dict[str, Any]) -> str:
    span = Span(*row["span"])
    return video.uri(span, Box(*row["box"]))


def _reader() -> RapidReader:
    from ...memory.ocr.shared import shared_reader

    return shared_reader()
