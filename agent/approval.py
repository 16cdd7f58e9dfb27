"""Calls that a person has to allow: the run is interrupted before them, and goes on with yes or no to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.types import interrupt

from ..memory import RewatchError

Approve = Callable[[dict[str, Any]], bool]
"""Says whether a call (`tool`, and `arguments` as they will be run) may be made; a person's time is not the run's."""


class ApprovalNeeded(RewatchError):
    """A run has stopped, and waits for a person; `run_id` names it, `calls` are what waits."""

    def __init__(self, run_id: str, calls: Sequence[Mapping[str, Any]]) -> None:
        tools = ", ".join(dict.fromkeys(str(call["tool"]) for call in calls))
        super().__init__(
            f"The run {run_id} waits for approval of {tools}: go on with resume({run_id!r}) of an agent that has "
            "approve=, or with rewatch ask --resume."
        )
        self.run_id = run_id
        self.calls = [dict(call) for call in calls]


def allowed(waiting: Mapping[str, Mapping[str, Any] | None]) -> frozenset[str]:
    """Return ids of the calls that a person has allowed; the run is interrupted where one is to be asked about.

    To be called before anything else in a node: LangGraph runs the node again from its start when the run goes on.
    """
    waiting_calls = [{"id": id_, **call} for id_, call in waiting.items() if call is not None]
    return frozenset(interrupt(waiting_calls)) if waiting_calls else frozenset()


def answers(calls: Sequence[Mapping[str, Any]], approve: Approve | None) -> list[str]:
    """Return ids of the calls that are allowed; nobody to ask, or somebody who cannot be asked, has allowed none."""
    allowed_ids = []
    for call in calls:
        try:
            if approve is not None and approve({key: value for key, value in call.items() if key != "id"}):
                allowed_ids.append(str(call["id"]))
        except Exception:  # noqa: BLE001, S112 - a person's own function; who cannot be asked has allowed nothing
            continue
    return allowed_ids
