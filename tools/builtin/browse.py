"""`browse`: the coarse levels of a video, and its shots."""

from __future__ import annotations

from typing import Literal

from ...memory import Span
from ...memory.video.shots import detect_shots
from ..context import VideoContext
from ..observation import Line, Observation
from ..tool import tool
from .evidence_lines import line
from .unknown import coverages, searched

_LONGEST = 600  # characters of one row of the text; the data have all of it


@tool(timeout=120.0)
def browse(
    video: VideoContext,
    level: Literal["clip", "chapter", "hour", "day", "shot"] = "chapter",
    start: float | None = None,
    end: float | None = None,
) -> Observation:
    """Get an overview: what each chapter, hour or day holds, or where the shots (cuts) are.

    Args:
        level: clip, chapter, hour, day, or shot for the pieces between hard cuts.
        start: from this time on, in seconds.
        end: up to this time, in seconds.
    """
    whole = video.whole
    span = Span(whole.start if start is None else start, whole.end if end is None else end)
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
    unknown = searched(coverages(video, [video.video_id]), many=False)
    rows: list[tuple[Span, list[str]]] = []
    channel = None if level == "clip" else "summary"
    for clip in video.memory.clips(video.video_id, level=level, between=span):
        texts = video.memory.texts(video.video_id, channel=channel, between=clip.span)
        contents = [t.text for t in texts if channel is None or (t.start, t.end) == (clip.start, clip.end)]
        rows.append((clip.span, contents))
    kind = "all channels" if level == "clip" else "summary"
    lines = [line(video.uri(piece), kind, " / ".join(contents)[:_LONGEST]) for piece, contents in rows]
    none = f"The video has no level {level}: it is too short. Browse chapter or clip."
    if unknown:
        none = f"There is no level {level} yet: it is made when all is indexed. Search, or browse clip."
    return Observation(
        text="\n".join([*([one.text for one in lines] or [none]), *unknown]),
        lines=tuple(lines),
        uris=(video.uri(span), *(video.uri(piece) for piece, _ in rows)),
        data={"level": level, "rows": [{"span": piece, "texts": contents} for piece, contents in rows]},
    )
