"""Tasks played by a policy through the real graph: conversations, as rollouts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from ...agent.answer import Answer
from ...agent.asked import question_about
from ...agent.graph import Loop, build_graph
from ...agent.planner import plan_by_rules
from ...agent.prompts import SYSTEM
from ...memory import ClipMemory
from ...tools import BUILT_IN, Budget, Toolbox
from ..rollout import Rollout
from ..task import Task

BUDGET = Budget(frames=256, calls=12, tokens=None, seconds=None)
"""Of one run, unless told otherwise."""
_AT_ONCE = 8
"""Runs side by side."""


def play(
    memory: ClipMemory,
    tasks: Sequence[Task],
    policy: BaseChatModel,
    *,
    toolbox: Toolbox | None = None,
    system: str = SYSTEM,
    budget: Budget = BUDGET,
    seed: int | None = None,
) -> list[Rollout]:
    """One run of the loop for each task, in their order.

    Args:
        memory: holds the videos that the tasks name.
        tasks: what is asked.
        policy: who answers.
        toolbox: the tools; those that every agent has unless told otherwise.
        system: what the policy is told before anything else.
        budget: limits of each run.
        seed: of the policy's turns.
    """
    loop = Loop(
        memory=memory, policy=policy, planner=plan_by_rules, toolbox=toolbox or Toolbox(BUILT_IN), system=system
    )
    graph = build_graph(loop)

    async def run(task: Task, gate: asyncio.Semaphore) -> Rollout:
        question = question_about(
            memory, task.question, options=task.options or None, videos=task.videos or None, now=task.now
        )
        state = {"question": question.as_dict(), "budget": budget.as_dict(), "sampling": {"seed": seed}}
        async with gate:
            ended = await graph.ainvoke(state, config={"recursion_limit": 1000})
        return Rollout(task=task, answer=Answer.from_dict(ended["answer"]), messages=tuple(ended["messages"]))

    async def all_of_them() -> list[Rollout]:
        gate = asyncio.Semaphore(_AT_ONCE)
        return list(await asyncio.gather(*(run(task, gate) for task in tasks)))

    return asyncio.run(all_of_them())
