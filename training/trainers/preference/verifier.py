"""A verifier of runs that needs no model: does what the run cites hold, and is it where the truth is?"""

from __future__ import annotations

from ...rewards import faithful, hit
from ...rewards.evidence import cited
from ...rollouts.collector import failure
from ...rollouts.rollout import Rollout
from .pairs import Verifier


def evidence_verifier(*, repeats: int = 0) -> Verifier:
    """Passes runs whose answer stands on what they looked at.

    All that is cited was observed, is not just the whole video, and its quotes hold; where the truth has a place, one
    of those cited meets it; where the answer cites nothing, the task must have no place. An abstention passes where the
    videos do not show what is asked. It does not look at the answer itself: the reward does, and a pair is made where
    both agree (VerIPO, arXiv 2505.19000, puts a verifier of the reasoning beside the reward of the answer).

    Args:
        repeats: most calls that brought nothing new.
    """
    holds, meets = faithful(), hit()

    def passes(rollout: Rollout) -> bool:
        truth = rollout.task.truth
        if failure(rollout) is not None or rollout.repeats > repeats:
            return False
        if rollout.answer.abstained or truth.absent:
            return rollout.answer.abstained and truth.absent
        if not cited(rollout):
            return not truth.spans
        return holds(rollout) == 1.0 and (not truth.spans or meets(rollout) > 0)

    return passes
