"""A tool of one's own.

Try it: rewatch tools try how_bright --tools examples/own_tool.py --video FILE time=3
Ask with it: rewatch ask --tools examples/own_tool.py FILE "When do the lights go on?"
"""

from rewatch.tools import Observation, VideoContext, tool


@tool
def how_bright(time: float, video: VideoContext) -> Observation:
    """Measure how bright the picture is at a moment.

    Args:
        time: the moment, in seconds.
    """
    brightness = float(video.frame(time, size=160).mean() / 255)
    uri = video.uri(time)
    return Observation(text=f"{brightness:.0%} bright", uris=(uri,), pictures=(uri,), data={"brightness": brightness})
