"""Tasks played by a policy through the real graph: conversations, as rollouts."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from ...agent.graph import Loop
from ...agent.planner import plan_by_rules
from ...memory import ClipMemory
from ...tools import BUILT_IN, Budget, Toolbox
from ..data.task import Task
from ..rollouts.collector import Collector
from ..rollouts.rollout import Rollout

BUDGET = Budget(frames=256, calls=12, tokens=None, seconds=None)
"""Of one run, unless told otherwise."""


def play(
    on: ClipMemory | Loop, tasks: Sequence[Task], policy: BaseChatModel, *, budget: Budget = BUDGET, seed: int = 0
) -> list[Rollout]:
    """One run of the loop for each task, in their order.

    Args:
        on: a memory that holds the videos, looked into with the tools that every agent has; or a whole loop.
        tasks: what is asked.
        policy: who answers.
        budget: limits of each run.
        seed: of the policy's turns.
    """
    from dataclasses import replace

    if isinstance(on, Loop):
        loop = replace(on, policy=policy)
    else:
        loop = Loop(memory=on, policy=policy, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))
    return Collector(loop=loop, budget=budget)(tasks, 1, seed=seed)
