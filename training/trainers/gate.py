"""The gate before reinforcement learning, which unteaches first what does not pay yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from ...memory.errors import RewatchError
from ..rewards import gains_evidence
from ..rewards.tools import spans_of, wants_a_look
from ..rollouts.collector import failure
from ..rollouts.rollout import Rollout


class GateError(RewatchError):
    """A policy is not ready for reinforcement learning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Use of tools in runs that did not fail, of tasks that want a look at some place."""

    runs: int
    calls: int
    """Of all runs, whatever their task."""
    validity: float
    """Share of the calls that were run and did not fail; 0 without calls."""
    looks: float
    """Share of the runs that looked somewhere."""
    right_clip: float
    """Share of those that looked at the truth; 0 if none looked."""


class Gate(BaseModel):
    """The least that a policy must be able to do.

    A cold start of which a tenth of the views hit the right clip lost its tools within 20 steps of training; those
    that hit it nearly always when they looked, and looked in half of the runs, learnt to look in nearly all.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    validity: float = 0.9
    looks: float = 0.1
    right_clip: float = 0.8

    def measure(self, rollouts: Sequence[Rollout]) -> Readiness:
        """Measure how well the runs used their tools: sampled runs, as training would sample them."""
        able = [rollout for rollout in rollouts if failure(rollout) is None]
        calls = [call for rollout in able for call in rollout.calls]
        placed = [rollout for rollout in able if wants_a_look(rollout.task)]
        looked = [rollout for rollout in placed if any(spans_of(call, rollout) for call in rollout.calls)]
        return Readiness(
            runs=len(placed),
            calls=len(calls),
            validity=sum(call.valid for call in calls) / max(len(calls), 1),
            looks=len(looked) / max(len(placed), 1),
            right_clip=sum(gains_evidence(rollout) for rollout in looked) / max(len(looked), 1),
        )

    def require(self, rollouts: Sequence[Rollout]) -> Readiness:
        """Give the measure, where it is high enough.

        Raises:
            GateError: in a line, with what is missing and what to do.
        """
        found = self.measure(rollouts)
        missing = []
        if found.validity < self.validity:
            what = f"{found.validity:.0%} of {found.calls} calls are valid" if found.calls else "no tool is called"
            missing.append(f"{what} ({self.validity:.0%} wanted)")
        if found.runs and found.looks < self.looks:
            missing.append(f"{found.looks:.0%} of {found.runs} runs look anywhere ({self.looks:.0%} wanted)")
        elif found.runs and found.right_clip < self.right_clip:
            missing.append(f"{found.right_clip:.0%} of the looks find the right clip ({self.right_clip:.0%} wanted)")
        if missing:
            raise GateError(
                f"This policy cannot use its tools yet: {'; '.join(missing)}. Reinforcement learning would drive tool "
                "use to zero: train it longer on traces that use tools, or on more of them."
            )
        return found
