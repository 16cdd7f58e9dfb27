"""DPO over whole trajectories, and pairs for it from rollouts (VideoExplorer, VerIPO). Shapes: see advantages.py."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .surrogate import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two rollouts of a group, by their rows."""

    chosen: int
    rejected: int
    group: int
    margin: float
    """Reward of the chosen one less that of the rejected one."""


def trajectory_logp(logp_RT: Tensor, mask_RT: Tensor) -> Tensor:
    """[R] log-probability of whole trajectories: the sum over tokens the policy wrote, in all its turns.

    Observations are masked out: they are not the policy's, and would drown what it wrote (VideoExplorer masks them in
    its trajectory DPO, arXiv 2506.10821).
    """
    return logp_RT.masked_fill(~mask_RT.bool(), 0.0).sum(-1)


def preference_loss(chosen_P: Tensor, rejected_P: Tensor, *, beta: float = 0.1, smoothing: float = 0.0) -> Tensor:
    """[P] `-log sigmoid(beta (r+ - r-))`, which is the survey's `-log e^(beta r+) / (e^(beta r+) + e^(beta r-))`.

    DPO (arXiv 2305.18290, eq. 7), survey Table 2 (Verifier-DPO) with r = log pi - log pi_ref.

    Args:
        chosen_P: scores of the preferred trajectories.
        rejected_P: scores of the others.
        beta: temperature.
        smoothing: share of pairs that are taken to be the wrong way round (cDPO; TRL `label_smoothing`).
    """
    margin_P = beta * (chosen_P - rejected_P)
    return -(1 - smoothing) * logsigmoid(margin_P) - smoothing * logsigmoid(-margin_P)


def dpo_loss(
    chosen_P: Tensor,
    rejected_P: Tensor,
    ref_chosen_P: Tensor,
    ref_rejected_P: Tensor,
    *,
    beta: float = 0.1,
    smoothing: float = 0.0,
    sft: float = 0.0,
    length_P: Tensor | None = None,
) -> Loss:
    """DPO from trajectories' log-probabilities, with an optional share of supervised learning on the chosen ones.

    Args:
        chosen_P: `trajectory_logp` of the chosen trajectories, with gradient.
        rejected_P: the same of the rejected ones.
        ref_chosen_P: under the reference.
        ref_rejected_P: under the reference.
        beta: temperature (VideoExplorer: 0.1).
        smoothing: see `preference_loss`.
        sft: weight of the chosen trajectories' mean negative log-probability a token (VideoExplorer: 0.1,
            LLaMA-Factory's `pref_ftx`).
        length_P: tokens that the policy wrote in the chosen trajectories; needed for `sft`.
    """
    score_P, other_P = chosen_P - ref_chosen_P, rejected_P - ref_rejected_P
    value = preference_loss(score_P, other_P, beta=beta, smoothing=smoothing).mean()
    metrics = {
        "preference_loss": value,
        "margin": beta * (score_P - other_P).mean(),
        "preferred": (score_P > other_P).to(score_P).mean(),
    }
    if sft:
        if length_P is None:
            raise ValueError("The supervised term needs the lengths of the chosen trajectories.")
        metrics["sft_loss"] = -(chosen_P / length_P.clamp(min=1)).mean()
        value = value + sft * metrics["sft_loss"]
    return Loss(value, {name: figure.detach() for name, figure in metrics.items()})


def pick_pairs(
    reward_R: Tensor,
    group_R: Tensor,
    *,
    verified_R: Tensor | None = None,
    margin: float = 0.1,
    per_group: int = 1,
) -> list[Pair]:
    """Preference pairs from rollouts: the best against the worst of each group, then the next best.

    With a verifier (VerIPO's loop GRPO, verifier, DPO; arXiv 2505.19000), the chosen one must pass it and the
    rejected one must not; a pair for which verifier and reward disagree is not made. Each rollout is in one pair at
    most. Ties go to the earlier row, so that the same rollouts give the same pairs.

    Args:
        reward_R: rewards; NaN takes no part.
        group_R: groups.
        verified_R: whether a rollout passed the verifier.
        margin: least difference of rewards, above 0.
        per_group: most pairs of a group.
    """
    if margin <= 0:
        raise ValueError(f"A pair needs a margin above 0, got {margin}.")
    rewards = [float(reward) for reward in reward_R.tolist()]
    passes = None if verified_R is None else [bool(passed) for passed in verified_R.tolist()]
    pairs: list[Pair] = []
    for group in torch.unique(group_R).tolist():
        rows = [row for row in (group_R == group).nonzero().flatten().tolist() if not math.isnan(rewards[row])]
        best = sorted((r for r in rows if passes is None or passes[r]), key=lambda row: (-rewards[row], row))
        worst = sorted((r for r in rows if passes is None or not passes[r]), key=lambda row: (rewards[row], row))
        for chosen, rejected in list(zip(best, worst, strict=False))[:per_group]:
            difference = rewards[chosen] - rewards[rejected]
            if difference < margin:
                break
            pairs.append(Pair(chosen=chosen, rejected=rejected, group=int(group), margin=difference))
    return pairs
