"""Costs: what an item takes, and what a right answer does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure

AMOUNTS = ("frames", "calls", "tokens", "seconds", "price")
"""What is counted: those of a run's spend; seconds are from asking to the answer."""
SLOW = 0.95
"""Share of the items that take no longer than `seconds_p95`."""


def costs(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Frames, calls, tokens, seconds and price: means over all items, and totals over the number of right answers.

    What failed costs too. Without a right answer there is no cost of one, and without prices no price.
    """
    if not judged:
        return {}
    right = sum(one.right for one in judged)
    found: dict[str, Figure] = {}
    for name in AMOUNTS:
        values = [amount(one, name) for one in judged]
        if name == "price" and not any(values):
            continue
        found[name] = mean_of(judged, values, most=math.inf)
        if right:
            found[f"{name}_per_right"] = Figure(sum(values) / right)
    seconds = sorted(amount(one, "seconds") for one in judged)
    found["seconds_p95"] = Figure(seconds[max(-int(-SLOW * len(seconds) // 1) - 1, 0)])
    return found


def amount(one: JudgedItem, name: str) -> float:
    """What an item took of one of `AMOUNTS`; nothing where it failed before there was a run."""
    return one.item.seconds if name == "seconds" else float(one.answer.spend.get(name, 0))
