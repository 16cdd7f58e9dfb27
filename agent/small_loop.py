"""The loop of very small policies: a bare question, two tools by the number of a clip, nothing else in the prompt.

A model of a million parameters has no room for lists of videos, schemas of tools and a first look. `rewatch train`
teaches one in this loop (`loop.preset: clips16`), and `rewatch ask` runs it in the same: a policy's `rewatch.json`
names it (`"loop": "clips16"`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langgraph.types import Command

from ..memory import CapabilityError, ClipMemory, RestrictedView, Span
from ..tools import Observation, Toolbox, ToolError, VideoContext, tool
from .graph import Loop
from .planning.planner import no_look, plan_by_rules
from .state import State
from .tool_formats.hermes import SHORT

if TYPE_CHECKING:
    from .models.policy_config import PolicyConfig

SYSTEM = "clips"
"""The whole system prompt."""
DIALECT = replace(SHORT, system=SYSTEM)
"""Calls as Qwen writes them, no schemas in the prompt, and the bare word as the answer."""


@tool
def search_clips(query: str, video: VideoContext) -> Observation:
    """Find the clip in which a word is said.

    Args:
        query: the word.
    """
    hits = video.memory.search(query, videos=[video.video_id], channels=("speech",), k=1)
    if not hits or not any(name.endswith(".bm25") for name in hits[0].channels):
        return Observation(text="no clip", data={"clip": None})
    number = _spans(video).index(hits[0].span)
    return Observation(text=f"clip {number}", uris=(video.uri(hits[0].span),), data={"clip": number})


@tool
def view_clip(clip: int, video: VideoContext) -> Observation:
    """See a clip.

    Args:
        clip: its number, from 0.
    """
    spans = _spans(video)
    if not 0 <= clip < len(spans):
        raise ToolError("no clip: try another")
    span = spans[clip]
    times = video.times(span, video.info.fps)  # one frame, or two where what is asked is their order
    video.charge(len(times))
    pictures = tuple(video.uri(time) for time in times)
    return Observation(text=f"clip {clip}", uris=(video.uri(span), *pictures), pictures=pictures, data={"clip": clip})


def _spans(video: VideoContext) -> list[Span]:
    return [clip.span for clip in video.memory.clips(video.video_id)]


class SmallLoop(Loop):
    """The loop, whose policy reads the bare question: no list of videos, no budget, no plan, no first look."""

    async def plan(self, state: State) -> Command[Any]:
        """See `Loop.plan`."""
        made = await super().plan(state)
        assert isinstance(made.update, dict)
        system, human = made.update["messages"]
        bare = human.model_copy(update={"content": state["question"]["text"]})
        return Command(update={**made.update, "messages": [system, bare]}, goto=made.goto)


def small_loop(memory: ClipMemory | RestrictedView, policy: Any) -> SmallLoop:
    """The loop with its two tools."""
    return SmallLoop(
        memory=memory,
        policy=policy,
        planner=plan_by_rules,
        toolbox=Toolbox((search_clips, view_clip)),
        system=SYSTEM,
        first_look=no_look,
        numbers=False,
    )


LOOPS: Mapping[str, Callable[[ClipMemory | RestrictedView, Any], Loop]] = {"clips16": small_loop}
"""Loops that a policy may have been trained in, beside that of `rewatch ask`, by the name in its `rewatch.json`."""


def own_loop(config: PolicyConfig | None, memory: ClipMemory | RestrictedView, policy: Any) -> Loop | None:
    """Return the loop that a policy was trained in; None for that of `rewatch ask`."""
    if config is None or config.loop is None:
        return None
    if config.loop not in LOOPS:
        raise CapabilityError(f"The loop {config.loop} of a trained policy is none of rewatch's: it is not run.")
    return LOOPS[config.loop](memory, policy)
