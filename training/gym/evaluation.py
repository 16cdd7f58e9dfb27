"""Evaluation of policies on the gym: they play its tasks through the real graph, family by family."""

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
from . import clips16
from .blind_baselines import FEWEST, certify
from .environment import Environment
from .expert import Expert

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
    environments: Sequence[Environment],
    memory: ClipMemory,
    players: Mapping[str, BaseChatModel | None],
    *,
    seed: int = 0,
) -> Iterator[Score]:
    """Have each player play the environments; gives the figures family by family.

    Args:
        environments: what is played; `build_memory` made `memory` of them.
        memory: holds their videos.
        players: policies by name; None is the gym's expert.
        seed: of the policies' turns.
    """
    mix = Mix({"answer": (task_reward(), 1.0)})
    for family in dict.fromkeys(one.family for one in environments):
        own = [one for one in environments if one.family == family]
        tasks = [one.task for one in own]
        figures = {}
        for name, policy in players.items():
            collect = collector(own, memory, policy)
            figures[name] = summary(measure(collect(tasks, 1, seed=seed_of("play", seed)), mix))
        blind = certify(tasks)[family].best if len(tasks) >= FEWEST else None
        chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
        yield Score(family=family, runs=len(tasks), chance=chance, blind=blind, figures=figures)


def collector(environments: Sequence[Environment], memory: ClipMemory, policy: BaseChatModel | None) -> Collector:
    """The loop in which environments of one family are played; by the expert where no policy is given."""
    small = environments[0].family in clips16.FAMILIES
    if policy is None:
        settings: dict[str, Any] = {"dialect": DIALECT, "solvers": clips16.SOLVERS} if small else {}
        policy = Expert.of([one.task for one in environments], **settings)
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
