"""`crop`: zoom into a region at full resolution."""

from __future__ import annotations

from ..memory import clock
from .arguments import parse_box
from .context import VideoContext
from .observation import Observation, ToolError
from .tool import tool


@tool
def crop(time: float, box: list[float], video: VideoContext) -> Observation:
    """Zoom into a region of one frame at the video's full resolution.

    Args:
        time: the moment, in seconds.
        box: left, top, right, bottom as fractions of the picture (0 to 1).
    """
    info = video.info
    try:
        region = parse_box(box, info.width, info.height)
    except ValueError as error:
        raise ToolError(f"{error}; give [left, top, right, bottom] between 0 and 1.") from None
    video.frame(time)
    width = round((region.right - region.left) * info.width)
    height = round((region.bottom - region.top) * info.height)
    uri = video.uri(time, region)
    return Observation(
        text=f"The region at {clock(time)} is {width}x{height} pixels of {info.width}x{info.height}: {uri}",
        uris=(uri,),
        pictures=(uri,),
        data={"time": time, "box": list(region), "width": width, "height": height},
    )
