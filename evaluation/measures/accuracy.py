"""Accuracy: the share of items that are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure


def accuracy(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """The share of items that are right, and what guessing would get where all tasks tell; a failed item is wrong."""
    if not judged:
        return {}
    found = {"accuracy": mean_of(judged, [float(one.right) for one in judged])}
    guesses = [chance for one in judged if (chance := _chance(one)) is not None]
    if len(guesses) == len(judged):
        found["chance"] = Figure(sum(guesses) / len(guesses))
    return found


def _chance(one: JudgedItem) -> float | None:
    """The probability that a guess is right: as the task states it, or one of its options."""
    task = one.task
    if "chance" in task.meta:
        return float(task.meta["chance"])
    single = task.kind == "mcq" and not task.truth.absent and len(task.truth.letters) == 1
    return 1 / len(task.options) if single else None
