"""Drives a route by hand, as the graph does: calls of a step side by side, each with an even share of what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from rewatch import Budget
from rewatch.agent.questions.question import Question
from rewatch.agent.steps import Call, CallResult, advance, observed
from rewatch.agent.strategies import ROUTES, Brief, RouteResult
from rewatch.memory import ClipMemory, Span, VideoSource
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS, Spend, Toolbox, Viewer

UNLIMITED = Budget(frames=None, calls=None, seconds=None)


@dataclass(frozen=True, slots=True)
class Driven:
    """What became of a route."""

    found: RouteResult
    made: list[tuple[Call, CallResult]]
    spent: Spend

    def used(self, tool: str) -> list[tuple[Call, CallResult]]:
        return [(call, seen) for call, seen in self.made if call.tool == tool]

    @property
    def shown(self) -> list[float]:
        """Times of the frames that the policy is shown in the end (seconds)."""
        return [time for _, seen in self.used("view_frames") for time in seen.data.get("times", [])]

    @property
    def rated(self) -> int:
        """How many frames were rated."""
        return sum(len(seen.data["ratings"]) for _, seen in self.used("rate_frames") if not seen.error)

    def hits(self, span: Span) -> bool:
        """Whether a frame of the span is among those shown."""
        return any(span.contains(time) for time in self.shown)


def remember(folder: Path, source: VideoSource, encoder: Any = None) -> ClipMemory:
    """A memory of one video, by its pictures only."""
    memory = ClipMemory(folder, visual_encoder=encoder)
    memory.add(source, channels=("visual",), clip_seconds=60)
    return memory


def brief_of(
    memory: ClipMemory, question: str, *, budget: Budget = UNLIMITED, options: Sequence[str] = (), **more: Any
) -> Brief:
    record = memory.videos()[0]
    facts = {"id": record.id, "name": record.name, "start": record.start, "end": record.end}
    asked = Question(text=question, options=tuple(options), videos=(facts,), now=more.pop("now", None))
    return Brief(question=asked, video=facts, budget=budget, **more)


def drive(name: str, memory: ClipMemory, brief: Brief, viewer: Viewer | None) -> Driven:
    """Run a route to its end over real tools; a call beyond its budget is not run, as in the graph."""
    toolbox = Toolbox([*BUILT_IN, *VLM_TOOLS], inner=INTERNAL_TOOLS, viewer=viewer)
    return asyncio.run(_drive(name, memory, brief, toolbox))


async def _drive(name: str, memory: ClipMemory, brief: Brief, toolbox: Toolbox) -> Driven:
    messages: list[BaseMessage] = []
    order: list[Call] = []
    spent = Spend()
    reader = memory if brief.question.now is None else memory.until(brief.question.now)
    for step in range(200):
        calls, found = advance(ROUTES[name].run(brief), messages)
        if found is not None:
            seen = observed(messages)
            return Driven(found, [(call, seen[call.key]) for call in order], spent)
        order += calls
        made = [{"name": c.tool, "args": c.arguments, "id": f"{step}.{k}"} for k, c in enumerate(calls)]
        messages.append(AIMessage("", tool_calls=made))
        left = brief.budget.left(spent)
        may = min(len(calls), int(left.get("calls", len(calls))))
        share = {**left, **({"frames": left["frames"] // may} if "frames" in left and may else {})}
        ran = await asyncio.gather(
            *(
                toolbox.call(c.tool, c.arguments, memory=reader, videos=[brief.video["id"]], left=share)
                for c in calls[:may]
            )
        )
        for k, (observation, cost) in enumerate(ran):
            spent += cost
            status = "error" if observation.error else "success"
            artifact = {"data": observation.data, "pictures": list(observation.pictures)}
            messages.append(ToolMessage(observation.text, tool_call_id=f"{step}.{k}", artifact=artifact, status=status))
        for k in range(may, len(calls)):
            artifact = {"skipped": True}
            messages.append(ToolMessage("Not run.", tool_call_id=f"{step}.{k}", artifact=artifact, status="error"))
    raise AssertionError("the route does not end")
