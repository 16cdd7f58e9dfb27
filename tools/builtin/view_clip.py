"""`view_clip`: the frames of a span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory import Span, clock
from ...memory.encoders import visual_encoder
from ..context import VideoContext
from ..observation import Observation
from ..tool import tool

if TYPE_CHECKING:
    from ...memory import Frame


@tool
def view_clip(start: float, end: float, video: VideoContext, fps: float = 1.0) -> Observation:
    """Look at the frames of a span, each with its time.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        fps: frames per second; fewer are taken when the budget is short.
    """
    times = video.times(Span(start, max(end, start)), min(max(fps, 0.01), 60.0))
    frames: list[Frame] = list(video.frames_at(times, size=320))
    description = visual_encoder().describe(frames) or "no description without a model that sees"
    moments = ", ".join(clock(frame.time) for frame in frames)
    uris = tuple(video.uri(frame.time) for frame in frames)
    return Observation(
        text=f"{len(frames)} frames at {moments}. By colours, light and motion alone: {description}.",
        uris=(video.uri(Span(start, max(end, start))), *uris),
        pictures=uris,
        data={"times": [frame.time for frame in frames], "description": description},
    )
