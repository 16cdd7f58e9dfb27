"""VerIPO's loop (arXiv 2505.19000): GRPO explores, a verifier sorts what it brought, DPO learns the difference, again.

DPO steps are cheap, since nothing is sampled for them, and pairs are kept apart by two judges who must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...data.task import Task
from ...objectives import Objective
from ...rewards import Mix, faithful, hit
from ...rewards.evidence import cited
from ...rollouts.collector import Collector, draw, failure, grouped, require_some, seed_of
from ...rollouts.rollout import Rollout
from ..metrics import figures
from ..mini import MiniSettings, MiniTrainer
from ..scoring import judge
from .dpo import DPOSettings, train_dpo
from .pairs import Preference, Verifier, pairs_of

OnEvent = Callable[[str, int, dict[str, float]], None]
"""Is called with the stage (`rl`, `verify`, `dpo`), its step in all, and the figures."""


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


class VerifierDPO:
    """Rounds of GRPO, verifier and DPO on one policy.

    Args:
        collect: runs the loop; its policy's model is trained in place.
        mix: the reward.
        tasks: what is asked.
        verifier: must agree with the reward; `evidence_verifier()` if not given.
        objective: of the GRPO part.
        rl_steps: GRPO steps of a round; 0 leaves them out.
        dpo_steps: DPO steps of a round.
        pair_tasks: tasks of a round whose runs pairs are made of; their groups are as large as in GRPO.
        margin: least difference of rewards within a pair.
        per_group: most pairs of a task.
        settings: of GRPO.
        dpo: of DPO.
    """

    def __init__(
        self,
        collect: Collector,
        mix: Mix,
        tasks: Sequence[Task],
        *,
        verifier: Verifier | None = None,
        objective: Objective | str = "grpo",
        rl_steps: int = 10,
        dpo_steps: int = 20,
        pair_tasks: int = 16,
        margin: float = 0.1,
        per_group: int = 2,
        settings: MiniSettings | None = None,
        dpo: DPOSettings | None = None,
    ) -> None:
        self.trainer = MiniTrainer(collect, mix, objective, settings)
        self.collect, self.mix, self.tasks = collect, mix, list(tasks)
        self.verifier = verifier or evidence_verifier()
        self.rl_steps, self.dpo_steps, self.pair_tasks = rl_steps, dpo_steps, pair_tasks
        self.margin, self.per_group, self.dpo = margin, per_group, dpo or DPOSettings()
        self.rounds = 0
        """Number of rounds that are done."""

    def train(self, rounds: int, *, on_event: OnEvent | None = None) -> list[dict[str, float]]:
        """Rounds until `rounds` are done in all, earlier ones included; what the verifier found in each."""
        return [self.round(on_event=on_event) for _ in range(self.rounds, rounds)]

    def round(self, *, on_event: OnEvent | None = None) -> dict[str, float]:
        """One round; what its runs were like before DPO, and how many pairs they gave.

        A round whose runs give no pair has no DPO part: `pairs` is 0 then.
        """
        tell: OnEvent = on_event or (lambda *unused: None)
        trainer, number = self.trainer, self.rounds
        trainer.train(self.tasks, (number + 1) * self.rl_steps, on_step=lambda step, found: tell("rl", step, found))
        pairs, found = self.pairs()
        tell("verify", number + 1, found)
        if pairs and self.dpo_steps:
            before = number * self.dpo_steps
            train_dpo(
                trainer.policy,
                pairs,
                steps=self.dpo_steps,
                settings=self.dpo,
                on_step=lambda step, figures: tell("dpo", before + step, figures),
            )
        self.rounds += 1
        return found

    def pairs(self) -> tuple[list[Preference], dict[str, float]]:
        """Runs of the policy as it is, and the pairs on which reward and verifier agree; figures of both."""
        settings, size = self.trainer.settings, self.trainer.settings.group_size
        tasks = draw(self.tasks, self.pair_tasks, seed=seed_of("pairs", settings.seed), step=self.rounds)
        rollouts = self.collect(tasks, size, seed=seed_of("verify", settings.seed, self.rounds))
        require_some(rollouts)
        judged = judge(rollouts, self.mix, size)
        passed = {id(run): self.verifier(run) for run in rollouts}
        groups = grouped(rollouts, size)
        totals = [list(judged.totals[n : n + size]) for n in range(0, len(rollouts), size)]
        pairs = pairs_of(
            groups,
            totals,
            self.trainer.policy,
            self.collect.loop.pixels,
            lambda run: passed[id(run)],
            margin=self.margin,
            per_group=self.per_group,
        )
        found = figures(rollouts, judged)
        found |= {"verified": sum(passed.values()) / len(rollouts), "pairs": float(len(pairs))}
        return pairs, found

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on with the next round."""
        return {"trainer": self.trainer.state_dict(), "rounds": self.rounds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.trainer.load_state_dict(state["trainer"])
        self.rounds = int(state["rounds"])
