"""Objectives of reinforcement and preference learning, as pure functions on tensors (no trl in here)."""

from .advantages import Advantages, by_task, dapo, dr_grpo, group_advantages, multi_task
from .bilevel import bilevel_gae
from .difficulty import RunningDifficulty, WeightLog, dgrpo, dgrpo_weight, linear_weight
from .objective import Objective, Scored
from .penalties import length_penalty, retrieval_cost, segment_advantages, with_cot_penalty, with_retrieval_penalty
from .preference import Pair, dpo_loss, pick_pairs, preference_loss, trajectory_logp
from .reg_grpo import reg_loss, regression, sequence_log_ratio
from .registry import OBJECTIVES, cot_objective, objective_named, retrieval_objective
from .surrogate import Loss, Surrogate, aggregate, clipped, entropy, kl, log_ratio, policy_loss
from .t_grpo import temporal_bonus
from .tw_grpo import token_weights

__all__ = [
    "OBJECTIVES",
    "Advantages",
    "Loss",
    "Objective",
    "Pair",
    "RunningDifficulty",
    "Scored",
    "Surrogate",
    "WeightLog",
    "aggregate",
    "bilevel_gae",
    "by_task",
    "clipped",
    "cot_objective",
    "dapo",
    "dgrpo",
    "dgrpo_weight",
    "dpo_loss",
    "dr_grpo",
    "entropy",
    "group_advantages",
    "kl",
    "length_penalty",
    "linear_weight",
    "log_ratio",
    "multi_task",
    "objective_named",
    "pick_pairs",
    "policy_loss",
    "preference_loss",
    "reg_loss",
    "regression",
    "retrieval_cost",
    "retrieval_objective",
    "segment_advantages",
    "sequence_log_ratio",
    "temporal_bonus",
    "token_weights",
    "trajectory_logp",
    "with_cot_penalty",
    "with_retrieval_penalty",
]
