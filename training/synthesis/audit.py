"""The audit: which traces may be learnt from. Every test is one of the rewards that a policy will be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...memory import MediaURI
from ..rewards import faithful, format_reward, gains_evidence, hit, is_right, task_reward, tiou
from ..rewards.evidence import cited, holds_quote, is_whole
from ..rewards.extraction import spans
from ..rewards.reward import too_long
from ..rewards.tools import wants_a_look
from ..rollouts.collector import failure
from ..rollouts.rollout import Rollout

LOOKS_AT_ITS_PLACE = ("temporal", "grounded_qa")
"""Kinds whose answer is a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of an audit."""

    reason: str | None
    """The reason why a trace may not be learned from, in a few words that can be counted; None where it may."""
    rewards: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """True if it may be learnt from."""
        return self.reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The tests of a trace: right, from the right place, on evidence that it looked at, without vain calls."""

    dialect: str | None = None
    """Whose format every turn must have (a name of `TOOL_FORMATS`); None asks for none."""
    least_tiou: float = 0.5
    """Of answers that are places."""
    most_repeats: int = 0
    """Calls that brought nothing new."""
    valid: bool = True
    """True if every call must have worked."""

    def __call__(self, rollout: Rollout) -> AuditResult:
        """Judge a trace; the reasons come in the order of what is worst."""
        judges = {"task": task_reward(), "tiou": tiou(), "faithful": faithful(), "hit": hit()}
        if self.dialect:
            judges["format"] = format_reward(self.dialect)
        rewards = {name: reward(rollout) for name, reward in judges.items()}
        return AuditResult(reason=self._reason(rollout, rewards), rewards=rewards)

    def _reason(self, rollout: Rollout, rewards: Mapping[str, float]) -> str | None:
        truth, answer = rollout.task.truth, rollout.answer
        if failure(rollout) is not None:
            return "failed"
        if answer.stopped_by != "answer":
            return f"out of {answer.stopped_by}"
        if too_long(rollout):
            return "answer too long"
        if not is_right(rollout):
            return "abstained" if answer.abstained else "wrong answer"
        citations = cited(rollout)
        quoted = any(holds_quote(item, rollout) for item in citations)  # words that a tool returned about a place
        if not answer.abstained and truth.spans:
            if rollout.task.kind in LOOKS_AT_ITS_PLACE and spans(rollout) and rewards["tiou"] < self.least_tiou:
                return "wrong place"
            if not citations:
                return "no evidence"
            if wants_a_look(rollout.task) and not gains_evidence(rollout) and not quoted:
                return "never looked at the place"
            if rewards["hit"] == 0:
                return "evidence is elsewhere"
        if any(is_whole(MediaURI.parse(item.uri), rollout) for item in citations):
            return "cites the whole video"
        if citations and rewards["faithful"] < 1:
            return "unfaithful evidence"
        if self.valid and not all(call.valid for call in rollout.calls):
            return "a call failed"
        if rollout.repeats > self.most_repeats:
            return "repeated calls"
        if "format" in rewards and rewards["format"] < 1:
            return "format"
        return None
