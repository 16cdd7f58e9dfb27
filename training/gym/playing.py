"""Tasks of the gym played by policies through the real graph, and how each policy does, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel

from ...agent.graph import Loop
from ...agent.models.policy import policy_of
from ...agent.planning.planner import plan_by_rules
from ...agent.prompts import SYSTEM
from ...agent.small_loop import DIALECT, own_loop, small_loop
from ...memory import ClipMemory
from ...tools import BUILT_IN, Budget, Toolbox
from ..data.task import Task
from ..rewards import Mix, task_reward
from ..rollouts.collector import Collector, seed_of
from ..rollouts.rollout import Rollout
from ..trainers.metrics import measure, summary
from .certifying import FEWEST, certify
from .clips16 import SMALL, STRATEGIES
from .expert import Expert
from .lesson import Lesson

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
    if isinstance(on, Loop):
        loop = replace(on, policy=policy)
    else:
        loop = Loop(memory=on, policy=policy, planner=plan_by_rules, toolbox=Toolbox(BUILT_IN))
    return Collector(loop=loop, budget=budget)(tasks, 1, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The figures of one family."""

    family: str
    runs: int
    chance: float
    blind: float | None
    """Share right of the best way that looks at nothing; None for fewer than eight tasks."""
    figures: Mapping[str, Mapping[str, float]]
    """By player: `accuracy` with `accuracy_se`, `tool_rate`, `calls` and the like."""


def scores(
    lessons: Sequence[Lesson], memory: ClipMemory, players: Mapping[str, BaseChatModel | None], *, seed: int = 0
) -> Iterator[Score]:
    """Play the lessons by each player; gives the figures family by family.

    Args:
        lessons: what is played; `build_memory` made `memory` of them.
        memory: holds their videos.
        players: policies by name; None is the gym's expert.
        seed: of the policies' turns.
    """
    mix = Mix({"answer": (task_reward(), 1.0)})
    families = dict.fromkeys(str(one.task.meta["gym"]["family"]) for one in lessons)
    for family in families:
        own = [one for one in lessons if one.task.meta["gym"]["family"] == family]
        tasks = [one.task for one in own]
        figures = {}
        for name, policy in players.items():
            collect = collector(own, memory, policy)
            figures[name] = summary(measure(collect(tasks, 1, seed=seed_of("play", seed)), mix))
        blind = certify(tasks)[family].best if len(tasks) >= FEWEST else None
        chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
        yield Score(family=family, runs=len(tasks), chance=chance, blind=blind, figures=figures)


def collector(lessons: Sequence[Lesson], memory: ClipMemory, policy: BaseChatModel | None) -> Collector:
    """The loop in which these lessons, all of one family, are played; by the expert where no policy is given."""
    small = lessons[0].task.meta["gym"]["family"] in SMALL
    if policy is None:
        short: dict[str, Any] = {"dialect": DIALECT, "strategies": STRATEGIES} if small else {}
        policy = Expert.of([one.task for one in lessons], **short)
    config = policy_of(policy).policy_config
    made = small_loop(memory, policy) if small else own_loop(config, memory, policy)
    if made is None:
        spoken = policy_of(policy).dialect
        made = Loop(
            memory=memory,
            policy=policy,
            planner=plan_by_rules,
            toolbox=Toolbox(config.offered(BUILT_IN) if config else BUILT_IN),
            system=(spoken and spoken.system) or SYSTEM,
        )
    return Collector(loop=made, budget=BUDGET)
