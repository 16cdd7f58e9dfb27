"""Stretches of a timeline as a policy writes them: from one moment of the clock to another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...memory.timeline.interval import TimelineSpan
from ...memory.timeline.now import moment_in
from ...memory.types import Summary
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Line
from ..sanitize import quote
from .evidence_lines import excerpt


def stretch(video: VideoContext, since: str | None, until: str | None) -> TimelineSpan | None:
    """Return a stretch of the videos' timeline; None where neither end is given.

    Raises:
        ToolError: if an end is no moment, or nobody knows when the videos were recorded.
    """
    if not since and not until:
        return None
    records = [video.memory.video(one) for one in asked(video)]
    dated = [record for record in records if record.recorded is not None]
    if not dated:
        raise ToolError("Nobody knows when these videos were recorded: give start and end, in seconds of the video.")
    try:
        first = moment_in(since, dated).seconds if since else -math.inf
        last = moment_in(until, dated).seconds if until else math.inf
    except ValueError as error:
        raise ToolError(f"since and until: {error}") from None
    if last <= first:
        raise ToolError(f"until ({until}) must be later than since ({since}).")
    return TimelineSpan(first, last, dated[0].timeline)


def asked(video: VideoContext) -> tuple[str, ...]:
    """Return the ids of the videos of a call: all that are asked about where it names none."""
    return video.videos or (video.video_id,)


def node_lines(nodes: Sequence[Summary], video: VideoContext, query: str = "", longest: int = 300) -> list[Line]:
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
