"""The online objectives by name, for any trainer.

An `Objective` has two halves. `advantages(scored)` turns the rewards of a step into advantages: it shapes the rewards
(T-GRPO's bonus, the penalties), normalizes them in their groups, and weighs them by difficulty. `loss(...)` is the loss
on log-probabilities. Preference learning (preference.py) and PPO with a critic (bilevel.py) are not online
group-relative objectives, and so not in the table.

**A trainer of our own** calls both::

    objective = OBJECTIVES["dgrpo"]
    made = objective.advantages(Scored(reward=reward_R, group=group_R))    # on the rewards of the whole step
    advantage = objective.token_advantages(made, logp_RTV, mask_RT, group_R) if objective.distributions else made.values
    loss = objective.loss(logp_RT, old_RT, advantage, mask_RT, group_R, ref_RT=ref_RT, length=max_tokens).value

**A subclass of TRL's GRPOTrainer** takes the surrogate from TRL and the advantages from here::

    config = GRPOConfig(..., **OBJECTIVES["dgrpo"].trl_arguments())
    # _calculate_rewards: keep the gathered rewards (weighted sum per rollout)
    # _generate_and_score_completions: out = super()...; made = objective.advantages(Scored(...gathered...));
    #     out["advantages"] = made.values[local_slice]       in place of TRL's, whose epsilon is 1e-4 and which know
    #                                                        neither bonus nor weights; [B, T] where `distributions`
    # _compute_loss: only where `trl_loss` is False (Reg-GRPO): log-probabilities by
    #     self._get_per_token_logps_and_entropies, then objective.loss(...).value / accumulation steps;
    #     ride the groups along as out["group"]; `whole_groups` says that micro-batches must not cut groups.

Where a step is scored on several processes, gather rewards and every field of `Scored` first, then slice. A trainer
drops or samples anew the groups that are `flat`, and counts them; `drop_flat` says that the method's paper does so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType

from torch import Tensor

from ...memory.registry import Registry
from .advantages import TRL_EPS, VERL_EPS, Advantages, dapo, dr_grpo, group_advantages, multi_task
from .difficulty import RunningDifficulty, dgrpo_weight
from .objective import Objective, Scored
from .penalties import with_cot_penalty, with_retrieval_penalty
from .surrogate import Surrogate
from .t_grpo import temporal_bonus
from .tw_grpo import token_weights

VITAL = Surrogate(low=0.2, high=0.2, dual=3.0, aggregate="token", beta=0.01)
"""VITAL's settings (verl); both `grpo` and `dgrpo` have them, so that the two differ in the weight alone."""
OPEN_R1 = Surrogate(low=None, high=None, aggregate="sequence", beta=0.04)
"""Trainers that stem from open-r1: one update a batch, so the ratio is 1 and nothing is clipped."""


def _group(eps: float) -> Callable[[Tensor, Scored], Advantages]:
    return lambda reward_R, scored: group_advantages(reward_R, scored.group, eps=eps)


def _multi_task(reward_R: Tensor, scored: Scored) -> Advantages:
    assert scored.components is not None  # `needs` has seen to it
    return multi_task(scored.components, scored.group, scored.component_weights)


def _by_mean(made: Advantages, scored: Scored) -> Tensor:
    return dgrpo_weight(made.mean)


def _by_history(made: Advantages, scored: Scored) -> Tensor:
    assert isinstance(scored.difficulty, RunningDifficulty) and scored.tasks is not None and scored.samples is not None
    return scored.difficulty.weights(scored.tasks, scored.samples)


def _temporal(scored: Scored) -> Tensor:
    assert scored.correct is not None and scored.shuffled is not None and scored.shuffled_group is not None
    bonus_R = temporal_bonus(scored.correct, scored.group, scored.shuffled, scored.shuffled_group)
    return scored.reward + bonus_R.to(scored.reward)


def retrieval_objective(free: float = 2, most: float = 8, weight: float = 0.1) -> Objective:
    """GRPO whose rewards fall with calls to the memory beyond `free`; the figures are ours, the survey has none."""

    def shape(scored: Scored) -> Tensor:
        assert scored.calls is not None
        return with_retrieval_penalty(scored.reward, scored.calls, free=free, most=most, weight=weight)

    return Objective(
        name="retrieval_penalty",
        source="survey Table 2, long-video RL (cites LongVILA-R1, whose code has no such term)",
        surrogate=VITAL,
        normalize=_group(VERL_EPS),
        shape=shape,
        needs=frozenset({"calls"}),
    )


def cot_objective(free: float = 512, most: float = 1024, weight: float = 0.1) -> Objective:
    """GRPO whose right rollouts lose by reasoning longer than `free` tokens; the figures are ours."""

    def shape(scored: Scored) -> Tensor:
        assert scored.lengths is not None
        return with_cot_penalty(
            scored.reward, scored.lengths, free=free, most=most, weight=weight, correct_R=scored.correct
        )

    return Objective(
        name="cot_length",
        source="survey Table 2, RL x RTS (Video-RTS); the form is DAPO's overlong punishment",
        surrogate=VITAL,
        normalize=_group(VERL_EPS),
        shape=shape,
        needs=frozenset({"lengths", "correct"}),
    )


_ALL = (
    Objective(
        name="grpo",
        source="DeepSeekMath 2402.03300, as verl 0.4 has it in VITAL's fork @7e485867",
        surrogate=VITAL,
        normalize=_group(VERL_EPS),
    ),
    Objective(
        name="grpo_sequence",
        source="DeepSeekMath 2402.03300, section 4.1: mean of the sequences' means, KL 0.04; TRL loss_type grpo",
        surrogate=Surrogate(aggregate="sequence", beta=0.04),
        normalize=_group(TRL_EPS),
    ),
    Objective(
        name="dgrpo",
        source="VITAL 2508.04416, core_algos.compute_dgrpo_outcome_advantage @7e485867",
        surrogate=VITAL,
        normalize=_group(VERL_EPS),
        weigh=_by_mean,
    ),
    Objective(
        name="dgrpo_running",
        source="survey section 3.2, g(d_task, d_sample) with moving averages",
        surrogate=VITAL,
        normalize=_group(VERL_EPS),
        weigh=_by_history,
        needs=frozenset({"difficulty", "tasks", "samples"}),
    ),
    Objective(
        name="dr_grpo",
        source="Dr. GRPO 2503.20783",
        surrogate=Surrogate(aggregate="constant"),
        normalize=lambda reward_R, scored: dr_grpo(reward_R, scored.group),
    ),
    Objective(
        name="dapo",
        source="DAPO 2503.14476",
        surrogate=Surrogate(high=0.28),
        normalize=lambda reward_R, scored: dapo(reward_R, scored.group),
        drop_flat=True,
    ),
    Objective(
        name="gspo",
        source="GSPO 2507.18071, section 5.1 for the clip",
        surrogate=Surrogate(level="sequence", low=3e-4, high=4e-4, aggregate="sequence"),
        normalize=_group(TRL_EPS),
    ),
    Objective(
        name="t_grpo",
        source="Video-R1 2503.21776, src/r1-v/src/open_r1/trainer/grpo_trainer.py",
        surrogate=Surrogate(low=None, high=None, aggregate="sequence", beta=0.04, kl_clamp=10.0),
        normalize=_group(TRL_EPS),
        shape=_temporal,
        needs=frozenset({"correct", "shuffled", "shuffled_group"}),
    ),
    Objective(
        name="reg_grpo",
        source="DeepVideo-R1 2506.07464 v5, eq. 5-8 (no code released)",
        surrogate=OPEN_R1,
        normalize=_group(TRL_EPS),
        regression=MappingProxyType({"form": "paper"}),
    ),
    Objective(
        name="tw_grpo",
        source="TW-GRPO 2505.24718, longmalongma/TW-GRPO src/open_r1/trainer/grpo_trainer.py",
        surrogate=Surrogate(aggregate="token"),
        normalize=_group(TRL_EPS),
        token_weights=partial(token_weights, alpha=1.7, absent="ignore"),
    ),
    Objective(
        name="multi_task_grpo",
        source="survey Table 2 (VideoChat-R1 2504.06958 sums before it normalizes)",
        surrogate=OPEN_R1,
        normalize=_multi_task,
        needs=frozenset({"components"}),
    ),
    retrieval_objective(),
    cot_objective(),
)

OBJECTIVES = Registry("objective", {objective.name: objective for objective in _ALL})
"""Every online objective by name."""


def objective_named(name: str) -> Objective:
    """The objective of this name.

    Raises:
        ValueError: if there is none; the message names those there are.
    """
    return OBJECTIVES[name]
