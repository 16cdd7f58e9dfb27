"""`browse`: the coarse levels of a video, and its shots."""

from __future__ import annotations

from typing import Literal

from ...memory import MediaURI, Span
from ...memory.types import TIMELINE_LEVELS
from ...memory.video.shots import detect_shots
from ..context import VideoContext
from ..observation import Line, Observation
from ..tool import tool
from .evidence_lines import line
from .level_lines import asked, level_lines
from .unknown import coverages, searched

_VIDEOS = 8  # videos whose chapters are told at once
_LONGEST = 600  # characters of one row of the text; the data have all of it


@tool(timeout=120.0, many=True)
def browse(
    video: VideoContext,
    level: Literal["clip", "chapter", "hour", "day", "week", "shot"] = "chapter",
    start: float | None = None,
    end: float | None = None,
) -> Observation:
    """Get an overview: what each chapter, hour, day or week holds, or where the shots (cuts) are.

    Hours, days and weeks of dated videos are told over all of them at once.

    Args:
        level: clip, chapter, hour, day, week, or shot for the pieces between hard cuts.
        start: from this time on, in seconds.
        end: up to this time, in seconds.
    """
    if level in TIMELINE_LEVELS:
        found = _timeline(video, level, start, end)
        if found is not None:
            return found
    whole = video.whole
    first = whole.start if start is None else start
    span = Span(first, max(first, whole.end if end is None else end))
    if level == "shot":
        shots = detect_shots(video.video, span)
        cuts = [shot.start for shot in shots[1:]]
        lines = [
            Line(text=f"shot {i}: {shot}", uri=video.uri(shot), channel="shots") for i, shot in enumerate(shots, 1)
        ]
        return Observation(
            text="\n".join([f"{len(shots)} shots, {len(cuts)} cuts.", *(one.text for one in lines)]),
            lines=tuple(lines),
            uris=(video.uri(span), *(video.uri(shot) for shot in shots)),
            data={"level": level, "shots": shots, "cuts": cuts},
        )
    rows: list[tuple[MediaURI, list[str]]] = []
    channel = None if level == "clip" else "summary"
    videos = asked(video)[: 1 if level == "clip" else _VIDEOS]
    unknown = searched(coverages(video, videos), many=len(videos) > 1)
    for one in videos:
        record = video.memory.video(one)
        first, last = record.start if start is None else start, record.end if end is None else end
        if last < first:  # times that others of the videos have, and this one has not
            continue
        within = Span(first, last)
        for clip in video.memory.clips(one, level=level, between=within):
            texts = video.memory.texts(one, channel=channel, between=clip.span)
            contents = [t.text for t in texts if channel is None or (t.start, t.end) == (clip.start, clip.end)]
            rows.append((MediaURI(one, clip.span), contents))
    kind = "all channels" if level == "clip" else "summary"
    names = {one: video.memory.video(one).name if len(videos) > 1 else "" for one in videos}
    lines = [line(at, kind, " / ".join(contents)[:_LONGEST], video=names[at.video]) for at, contents in rows]
    none = f"The video has no level {level}: it is too short. Browse chapter or clip."
    if unknown:
        none = f"There is no level {level} yet: it is made when all is indexed. Search, or browse clip."
    return Observation(
        text="\n".join([*([one.text for one in lines] or [none]), *unknown]),
        lines=tuple(lines),
        uris=(*([video.uri(span)] if len(videos) == 1 else []), *(str(at) for at, _ in rows)),
        data={"level": level, "rows": [{"video": a.video, "span": a.span, "texts": texts} for a, texts in rows]},
    )


def _timeline(video: VideoContext, level: str, start: float | None, end: float | None) -> Observation | None:
    """The hours, days or weeks of all dated videos of the call; None where none of them is dated."""
    levels = video.memory.levels(asked(video))
    if not levels.calendars:
        return None
    unknown = searched(coverages(video, asked(video)), many=len(asked(video)) > 1)
    during, nodes = video.between, levels.summaries(level)
    if during is not None:
        nodes = [node for node in nodes if node.start < during.end and node.end > during.start]
    if (start is not None or end is not None) and len(asked(video)) == 1:
        first = video.whole.start if start is None else start
        span = Span(first, max(first, video.whole.end if end is None else end))
        nodes = [node for node in nodes if any(part.span and part.span.overlap(span) for part in node.parts)]
    lines = level_lines(nodes, video, longest=_LONGEST)
    rows = [
        {
            "title": levels.calendars[node.timeline].title(level, node.span),
            "start": node.start,
            "end": node.end,
            "text": node.text,
            "maker": node.maker,
            "uri": str(node.parts[0]),
        }
        for node in nodes
    ]
    parts: list[MediaURI] = [part for node in nodes for part in node.parts]
    told = [one.text for one in lines] or [f"Nothing was recorded in that {level}."]
    return Observation(
        text="\n".join([*told, *unknown]),
        lines=tuple(lines),
        uris=tuple(dict.fromkeys([*(one.uri for one in lines), *map(str, parts)])),
        data={"level": level, "rows": rows},
    )
