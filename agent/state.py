"""The graph's state, as plain values that a checkpointer can store, and what it says of the limits.

A budget is kept hard: a run stops while its last answer can still be paid for, instead of when nothing remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.channels.delta import DeltaChannel

from ..tools import Budget, Spend


def append(messages: list[AnyMessage], writes: Sequence[list[AnyMessage]]) -> list[AnyMessage]:
    """Return the messages with each write's messages behind them."""
    return [*messages, *(message for write in writes for message in write)]


def add(spend: dict[str, float], more: dict[str, float]) -> dict[str, float]:
    """Sum of two spends."""
    return {key: spend.get(key, 0) + more.get(key, 0) for key in {**spend, **more}}


class State(TypedDict, total=False):
    """One run. Messages are stored as they come (a delta a step), so that a checkpoint does not repeat them all."""

    question: dict[str, Any]
    """`Question.as_dict`."""
    budget: dict[str, float | None]
    """`Budget.as_dict`: the limits of this run."""
    route: str
    """The route that a person asked for; the planner chooses where there is none."""
    plan: dict[str, Any]
    """`Plan.as_dict`."""
    guidance: str
    """Words for the policy besides the question; from a scaling."""
    sampling: dict[str, Any]
    """`temperature` and `seed` of the policy's turns; from a scaling."""
    routed: str
    """Empty while the route still looks; then `answer` (the policy is to answer at once) or `go on`."""
    messages: Annotated[list[AnyMessage], DeltaChannel(append, list, snapshot_frequency=10_000)]
    spend: Annotated[dict[str, float], add]
    pace: dict[str, float]
    """`TurnCostEstimate`: what the dearest turn of the policy has cost."""
    checked: int
    """How often the check has sent the policy back."""
    looked: list[float | None]
    """P(yes) of the check's last second looks, one for each piece of evidence."""
    second_looks: list[dict[str, Any]]
    """The check's last second looks as the trace has them: `call_id`, `tool`, `arguments`, `text`, `uris`, …"""
    stopped_by: str
    """The limit that ended the run; empty while none has."""
    answer: dict[str, Any]
    """`Answer.as_dict`, once there is one."""


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
