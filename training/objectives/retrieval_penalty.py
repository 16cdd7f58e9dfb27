"""RL over the segments of a long video with a penalty on retrieval (long-video RL in the survey).

Shapes: see groups.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .advantages import VERL_EPS, group_advantages


def retrieval_cost(calls_R: Tensor, *, free: float, most: float, repeats_R: Tensor | None = None) -> Tensor:
    """[R] a penalty in [0, 1] on calls to the memory: 0 up to `free` calls, 1 from `most` on, linear in between.

    Args:
        calls_R: calls (or looks, frames: any cost) of each rollout.
        free: cost that is not penalised.
        most: cost that is penalised in full; above `free`.
        repeats_R: calls among them that repeated an earlier one: they count twice, and are never free.
    """
    if not most > free:
        raise ValueError(f"free must lie below most, got {free} and {most}.")
    over_R = (calls_R.float() - free).clamp(min=0.0)
    if repeats_R is not None:
        over_R = torch.maximum(over_R + repeats_R.float(), 2 * repeats_R.float())
    return (over_R / (most - free)).clamp(0.0, 1.0)


def with_retrieval_penalty(
    reward_R: Tensor,
    calls_R: Tensor,
    *,
    free: float,
    most: float,
    weight: float = 0.1,
    repeats_R: Tensor | None = None,
) -> Tensor:
    """[R] rewards less `weight * K(retrieval)`: the survey's `sum_t L_GRPO^(t) - gamma K(.)` (Table 2, long-video RL).

    The survey cites LongVILA-R1 for it, whose released reward (.9 accuracy + .1 format) has no such term. K has no
    gradient, so it acts through the reward, before the normalisation. Do not let it outweigh what a call earns.
    """
    penalty_R = retrieval_cost(calls_R, free=free, most=most, repeats_R=repeats_R)
    return reward_R - weight * penalty_R.to(reward_R)


def segment_advantages(reward_RS: Tensor, group_R: Tensor, segment_RT: Tensor, *, eps: float = VERL_EPS) -> Tensor:
    """[R, T] the sum over segments of the survey's `L_GRPO^(t)`: each segment's tokens get its own advantage.

    Args:
        reward_RS: reward of each segment (turn) of each rollout; NaN where a rollout has no such segment.
        group_R: groups; a segment is compared with the same segment of the group's other rollouts.
        segment_RT: segment of each token, 0 … S - 1; -1 for tokens of none (observations, padding: advantage 0).
        eps: see `group_advantages`.
    """
    columns = [group_advantages(column, group_R, eps=eps).values for column in reward_RS.unbind(1)]
    value_RS = torch.stack(columns, dim=1)
    token_RT = value_RS.gather(1, segment_RT.clamp(min=0).long())
    return torch.where(segment_RT >= 0, token_RT, torch.zeros_like(token_RT))
