"""`view_clip`: the frames of a span."""

from __future__ import annotations

from ...memory import Span, clock
from ...memory.encoders import visual_encoder
from ..context import VideoContext
from ..observation import Observation
from ..tool import tool
from .repeats import COMPARED_SIZE, ShownFrames


@tool
def view_clip(start: float, end: float, video: VideoContext, fps: float = 1.0) -> Observation:
    """Look at the frames of a span, each with its time; of frames that look the same, the first is shown.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        fps: frames per second; fewer are taken when the budget is short.
    """
    times = video.times(Span(start, max(end, start)), min(max(fps, 0.01), 60.0))
    shown = ShownFrames.of(list(video.frames_at(times, size=COMPARED_SIZE)))
    frames = shown.frames
    description = visual_encoder().describe(frames) or "no description without a model that sees"
    moments = ", ".join(clock(frame.time) for frame in frames)
    uris = tuple(video.uri(frame.time) for frame in frames)
    lines = [f"{len(frames)} frames at {moments}. By colours, light and motion alone: {description}.", shown.note]
    return Observation(
        text="\n".join(line for line in lines if line),
        uris=(video.uri(Span(start, max(end, start))), *uris),
        pictures=tuple(video.uri(frame.time) for frame in shown.distinct),
        data={"times": [frame.time for frame in frames], "description": description},
    )
