"""Environments by family, seed and level: the same three make the same video and the same question, always."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ...memory.registry import Registry
from ..data.task import Task, TaskError
from . import clips16
from .environment import SOURCE, Environment, Level, build_environment
from .task_families import FAMILIES, Family

ALL_FAMILIES: Registry[Family] = Registry("task family", {**FAMILIES, **clips16.FAMILIES})
"""Every family by name, those of clips16 last."""


def make_environment(family: str, seed: int, level: Level | None = None) -> Environment:
    """One question about one video; the level is a middling one unless one is given.

    Raises:
        UnknownNameError: if there is no such family.
    """
    make = ALL_FAMILIES[family]
    level = level or (clips16.LEVEL if family in clips16.FAMILIES else Level())
    rng = random.Random(f"{family} {seed} {level}")
    return build_environment(family, seed, level, make(rng, level), rng)


def environment_of(task: Task) -> Environment:
    """The environment that a task of the gym was made for, from what the task says of itself.

    Raises:
        TaskError: if the task is none of the gym's.
    """
    made = task.meta.get("gym")
    if task.source != SOURCE or not isinstance(made, Mapping):
        raise TaskError("meta.gym", f"is missing from {task.id}, so its video cannot be made: use tasks of the gym")
    return make_environment(str(made["family"]), int(made["seed"]), Level.from_dict(made["level"]))


def sample_environments(
    count: int,
    *,
    families: Sequence[str] = tuple(FAMILIES),
    levels: Mapping[Level | None, float] | None = None,
    seed: int = 0,
) -> list[Environment]:
    """Environments of several families and levels.

    Args:
        count: how many; the families take turns.
        families: names of `ALL_FAMILIES`.
        levels: levels and how often each is drawn, against the others; each family's own by default.
        seed: of the first environment; each has one of its own, so that `seed + count` begins a fresh set.

    Raises:
        UnknownNameError: if there is no such family.
    """
    ladder: Mapping[Level | None, float] = levels or {None: 1.0}
    rng = random.Random(f"mixed {seed}")
    drawn = rng.choices(list(ladder), list(ladder.values()), k=count)
    return [make_environment(families[k % len(families)], seed + k, level) for k, level in enumerate(drawn)]
