"""Lessons by family, seed and level: the same three make the same video and the same question, always."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ...memory import RewatchError
from ..data.task import Task, TaskError
from ..data.validation import unknown
from .clips16 import LEVEL, SMALL
from .families import (
    Family,
    cropping,
    crossing,
    day,
    listening,
    nothing,
    reading,
    retrieval,
    spotting,
    tracking,
    two_hops,
    viewing,
)
from .lesson import SOURCE, Lesson, Level, finish

FAMILIES: dict[str, Family] = {
    "retrieval": retrieval,
    "spotting": spotting,
    "viewing": viewing,
    "cropping": cropping,
    "listening": listening,
    "reading": reading,
    "tracking": tracking,
    "crossing": crossing,
    "two_hops": two_hops,
    "day": day,
    "nothing": nothing,
}
"""Every family of questions, by name."""
EVERY: dict[str, Family] = {**FAMILIES, **SMALL}
"""The same with those of clips16, which are last."""


class GymError(RewatchError):
    """A family or a level that there is not."""

    exit_code = 2


def known(families: Sequence[str]) -> list[str]:
    """The families of these names.

    Raises:
        GymError: naming one that is none.
    """
    for name in families:
        if name not in EVERY:
            raise GymError(f"gym: {name} {unknown(name, EVERY)}")
    return list(families)


def level_of(difficulty: float | None) -> Level | None:
    """The level of a difficulty; None, the family's own, for None.

    Raises:
        GymError: if there is no such level.
    """
    try:
        return None if difficulty is None else Level.of(difficulty)
    except ValueError as error:
        raise GymError(f"gym: {error}") from None


def lesson(family: str, seed: int, level: Level | None = None) -> Lesson:
    """One question about one video; the level is a middling one unless one is given.

    Raises:
        GymError: if there is no such family.
    """
    known([family])
    level = level or (LEVEL if family in SMALL else Level())
    rng = random.Random(f"{family} {seed} {level}")
    return finish(family, seed, level, EVERY[family](rng, level), rng)


def lesson_of(task: Task) -> Lesson:
    """The lesson that a task of the gym was made for, from what the task says of itself.

    Raises:
        TaskError: if the task is none of the gym's.
    """
    made = task.meta.get("gym")
    if task.source != SOURCE or not isinstance(made, Mapping):
        raise TaskError("meta.gym", f"is missing from {task.id}, so its video cannot be made: use tasks of the gym")
    return lesson(str(made["family"]), int(made["seed"]), Level.from_dict(made["level"]))


def mixed(
    count: int,
    *,
    families: Sequence[str] = tuple(FAMILIES),
    levels: Mapping[Level | None, float] | None = None,
    seed: int = 0,
) -> list[Lesson]:
    """Lessons of several families and levels.

    Args:
        count: how many; the families take turns.
        families: names of `FAMILIES`.
        levels: levels and how often each is drawn, against the others; each family's own by default.
        seed: the first lesson's; every lesson has one of its own, so that `seed + count` begins a fresh set.
    """
    ladder: Mapping[Level | None, float] = levels or {None: 1.0}
    rng = random.Random(f"mixed {seed}")
    drawn = rng.choices(list(ladder), list(ladder.values()), k=count)
    return [lesson(families[k % len(families)], seed + k, level) for k, level in enumerate(drawn)]
