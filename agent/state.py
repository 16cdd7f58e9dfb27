"""The graph's state: all that a run needs to go on, as plain values that a checkpointer can store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.channels.delta import DeltaChannel


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
