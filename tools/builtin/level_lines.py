"""Lines of observations about hours, days and weeks of a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from ...memory.types import Summary
from ..context import VideoContext
from ..observation import Line
from ..sanitize import quote
from .evidence_lines import excerpt


def asked(video: VideoContext) -> tuple[str, ...]:
    """Return the ids of the videos of a call: all that are asked about where it names none."""
    return video.videos or (video.video_id,)


def level_lines(nodes: Sequence[Summary], video: VideoContext, query: str = "", longest: int = 300) -> list[Line]:
    """Return a line for each hour, day or week, such as `Tue 2026-05-05: «Said: [09:14] …»`.

    Args:
        nodes: as the memory of the call has them.
        video: of the call.
        query: what stands in the part of a long summary that is told.
        longest: characters of that part.
    """
    calendars = video.memory.levels(asked(video)).calendars
    lines = []
    for node in nodes:
        words = excerpt(" ".join(node.text.split()), query, longest)
        title = calendars[node.timeline].title(node.level, node.span)
        text = f"{title}: {quote(words)}" if words else f"{title}: nothing was said or shown"
        lines.append(Line(text=text, uri=str(node.parts[0]), quote=words, channel="summary"))
    return lines
