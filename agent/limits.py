"""Keeping a budget hard: stop while the last answer can still be paid for, instead of when nothing remains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..tools import Budget, Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCostEstimate:
    """The cost of the dearest turn of a run's policy so far; the last answer will cost about as much."""

    tokens: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> TurnCostEstimate:
        """Return the estimate of the run so far."""
        return cls(**state.get("pace", {}))

    def with_turn(self, cost: Spend) -> dict[str, float]:
        """Return the estimate after one more turn, for the state."""
        return {"tokens": max(self.tokens, cost.tokens), "seconds": max(self.seconds, cost.seconds)}

    def limit(self, budget: Budget, spent: Spend) -> str | None:
        """Return the limit because of which this turn must be the last: used up, or too little for two turns more."""
        used_up = budget.exhausted(spent)
        if used_up:
            return used_up
        remaining = budget.left(spent)
        if self.tokens and remaining.get("tokens", self.tokens * 2) < self.tokens * 2:
            return "tokens"
        if self.seconds and remaining.get("seconds", self.seconds * 2) < self.seconds * 2:
            return "seconds"
        return None

    def affords_a_turn(self, budget: Budget, spent: Spend) -> bool:
        """Return True if one more turn like those before stays within the tokens."""
        return budget.left(spent).get("tokens", self.tokens) >= self.tokens

    def remaining(self, budget: Budget, spent: Spend) -> dict[str, float]:
        """Return what tools may use: what remains, less the time of the last answer."""
        remaining = budget.left(spent)
        if "seconds" in remaining:
            remaining["seconds"] = max(remaining["seconds"] - self.seconds, 0.0)
        return remaining


def fraction(budget: Budget, part: float | Fraction) -> Budget:
    """Return a part, in (0, 1], of a budget; whole numbers are floored."""
    return Budget(
        frames=None if budget.frames is None else int(budget.frames * part),
        calls=None if budget.calls is None else int(budget.calls * part),
        tokens=None if budget.tokens is None else int(budget.tokens * part),
        seconds=None if budget.seconds is None else float(budget.seconds * part),
    )
