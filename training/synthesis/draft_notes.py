"""Notes of a draft: what speech, screen text and shots alone say, and in which spans the answer may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...agent.graph import Loop
from ...memory import Hit, MediaURI, Moment, Span, resolve_now
from ...tools import Toolbox
from ..data.task import Task
from ..rewards.evidence import cited
from ..rollouts.rollout import Rollout

TEXT_CHANNELS = ("speech", "screen_text")
TEXT_TOOLS = ("search_clips", "browse", "transcribe", "read_text")
"""Tools that bring back words and times, and show no picture."""
MOST = 3
"""Spans that a draft names at most."""
GUIDANCE = (
    "Notes on what was said and written, made without seeing a picture (they may be wrong, and nobody else has them: "
    "do not mention them):\n{notes}\nLook at the frames there before you answer, elsewhere if they show something "
    "else; correct spans, evidence and answer by what you see."
)


class TextsOnly:
    """A memory of which only what was said and written can be searched."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def until(self, now: float | Moment) -> TextsOnly:
        """See `ClipMemory.until`."""
        return TextsOnly(self._memory.until(now))

    def search(self, query: str, *, channels: Sequence[str] | None = None, **options: Any) -> list[Hit]:
        """See `ClipMemory.search`."""
        allowed = TEXT_CHANNELS if channels is None else [name for name in channels if name in TEXT_CHANNELS]
        found: list[Hit] = self._memory.search(query, channels=tuple(allowed), **options) if allowed else []
        return found


def texts_loop(loop: Loop) -> Loop:
    """The loop without eyes: tools that bring back words, over a memory of words."""
    tools = [tool for tool in loop.toolbox if tool.name in TEXT_TOOLS]
    return replace(loop, memory=TextsOnly(loop.memory), toolbox=Toolbox(tools))  # type: ignore[arg-type]


def leads(loop: Loop, task: Task, draft: Rollout | None) -> list[tuple[str, Span]]:
    """(video, span) where the answer may be, likeliest first.

    They are what the draft cites, then what its calls brought back, then what the memory finds by words; where no words
    help, the clips (or shots, where the memory was made of those) from the first on.
    """
    uris: list[MediaURI] = []
    if draft is not None:
        uris = [MediaURI.parse(item.uri) for item in cited(draft)] + [look.uri for look in draft.looked]
    found = [(uri.video, uri.span) for uri in uris if uri.span]
    memory: Any = loop.memory
    records = [memory.video(name) for name in task.videos] or memory.videos()
    if task.now is not None:
        memory = memory.until(resolve_now(task.now, records))
    known = {video.id for video in memory.videos()}
    videos = [record.id for record in records if record.id in known]
    words = " ".join([task.question, *task.options])
    found += [(hit.video, hit.span) for hit in TextsOnly(memory).search(words, videos=videos, k=MOST)]
    if not found and videos:
        found = [(videos[0], clip.span) for clip in memory.clips(videos[0])]
    whole = {video: memory.video(video).duration for video in videos}
    narrow = [(video, span) for video, span in found if span.duration < 0.8 * whole.get(video, float("inf"))]
    return list(dict.fromkeys(narrow))[:MOST]


def notes(loop: Loop, task: Task, draft: Rollout | None) -> str:
    """The draft in words for whoever looks at the frames; empty where there is nothing to tell."""
    lines = [
        f"- the answer may be in {video} at {span.start:g}-{span.end:g} s" for video, span in leads(loop, task, draft)
    ]
    if draft is not None and not draft.answer.abstained and draft.answer.text.strip():
        lines.append(f"- by words alone the answer would be: {draft.answer.text.strip()[:300]}")
        lines += [f'- "{item.quote[:200]}" ({item.uri})' for item in draft.answer.evidence if item.quote]
    return GUIDANCE.format(notes="\n".join(lines)) if lines else ""
