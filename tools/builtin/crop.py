"""`crop`: zoom into a region at full resolution, and into a region of that."""

from __future__ import annotations

from ...memory import Box, MediaURI, clock
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Observation
from ..tool import tool

_LEAST = 4  # pixels of the video on each side, under which a crop shows nothing


@tool
def crop(time: float, box: list[float], video: VideoContext, of: str | None = None) -> Observation:
    """Zoom into a region of one frame at the video's full resolution.

    Args:
        time: the moment, in seconds.
        box: left, top, right, bottom as fractions of the picture (0 to 1).
        of: media URI of an earlier crop; the box is then a region of that crop, so that one can narrow down.
    """
    outer = _outer(of, video)
    frame = next(iter(video.video.frames_at([time])))
    region, note = video.box(box, frame.whole, of=outer)
    width = max(1, round((region.right - region.left) * frame.whole[0]))
    height = max(1, round((region.bottom - region.top) * frame.whole[1]))
    if min(width, height) < _LEAST:
        raise ToolError(
            f"That is {width}x{height} pixels of the video: there is nothing more to see; take a larger box."
        )
    video.charge(1)
    uri = video.uri(time, region)
    of_whole = f"{width}x{height} pixels of {frame.whole[0]}x{frame.whole[1]}"
    displayed = video.eyes.display_size((width, height))
    return Observation(
        text=f"The region at {clock(time)} is {of_whole}: {uri}" + (f"\n({note})" if note else ""),
        uris=(uri,),
        pictures=(uri,),
        data={
            "time": time,
            "box": list(region),
            "width": width,
            "height": height,
            **({"read_as": note} if note else {}),
            **({"shown": list(displayed)} if displayed else {}),
        },
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
