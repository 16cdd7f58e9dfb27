"""`crop`: zoom into a region at full resolution, and into a region of that."""

from __future__ import annotations

from ..memory import Box, MediaURI, clock
from .arguments import parse_box
from .context import VideoContext
from .observation import Observation, ToolError
from .tool import tool

_LEAST = 4
"""Pixels of the video on each side, under which a crop shows nothing."""


@tool
def crop(time: float, box: list[float], video: VideoContext, of: str | None = None) -> Observation:
    """Zoom into a region of one frame at the video's full resolution.

    Args:
        time: the moment, in seconds.
        box: left, top, right, bottom as fractions of the picture (0 to 1).
        of: media URI of an earlier crop; the box is then a region of that crop, so that one can narrow down.
    """
    info = video.info
    outer = _outer(of, video)
    try:
        region = _within(outer, parse_box(box, *_pixels(outer, video)))
    except ValueError as error:
        raise ToolError(f"{error}; give [left, top, right, bottom] between 0 and 1.") from None
    width, height = _pixels(region, video)
    if min(width, height) < _LEAST:
        raise ToolError(
            f"That is {width}x{height} pixels of the video: there is nothing more to see; take a larger box."
        )
    video.frame(time)
    uri = video.uri(time, region)
    return Observation(
        text=f"The region at {clock(time)} is {width}x{height} pixels of {info.width}x{info.height}: {uri}",
        uris=(uri,),
        pictures=(uri,),
        data={"time": time, "box": list(region), "width": width, "height": height},
    )


def _outer(crop: str | None, video: VideoContext) -> Box:
    """The region that the box is a part of: an earlier crop's, else the whole picture."""
    if not crop:
        return Box(0.0, 0.0, 1.0, 1.0)
    try:
        place = MediaURI.parse(crop)
    except ValueError as error:
        raise ToolError(f"of: {error} Leave it out to crop the whole picture.") from None
    if place.video != video.video_id:
        raise ToolError(f"of names video:{place.video}, and this is video:{video.video_id}.")
    return place.box or Box(0.0, 0.0, 1.0, 1.0)


def _within(outer: Box, inner: Box) -> Box:
    """A box in a region, as a box of the whole picture."""
    width, height = outer.right - outer.left, outer.bottom - outer.top
    return Box(
        min(outer.left + inner.left * width, 1.0),
        min(outer.top + inner.top * height, 1.0),
        min(outer.left + inner.right * width, 1.0),
        min(outer.top + inner.bottom * height, 1.0),
    )


def _pixels(box: Box, video: VideoContext) -> tuple[int, int]:
    width, height = (box.right - box.left) * video.info.width, (box.bottom - box.top) * video.info.height
    return max(1, round(width)), max(1, round(height))
