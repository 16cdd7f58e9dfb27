"""Penalties on the length of the reasoning and on retrieval, taken from the rewards before the normalization.

Both rise linearly from 0 to 1: DAPO's soft overlong punishment (arXiv 2503.14476, section 3.4) with its sign turned.
Shapes: see advantages.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .advantages import VERL_EPS, group_advantages


def length_penalty(length_R: Tensor, *, free: float, most: float) -> Tensor:
    """[R] a penalty in [0, 1]: 0 up to `free`, 1 from `most` on, linear in between; the survey leaves C(.) open.

    Args:
        length_R: length of the reasoning of each rollout: tokens or steps, but the same for all; observations of
            tools are not part of it.
        free: length that costs nothing.
        most: length that costs all; above `free`.
    """
    if not most > free:
        raise ValueError(f"free must lie below most, got {free} and {most}.")
    return ((length_R.float() - free) / (most - free)).clamp(0.0, 1.0)


def with_cot_penalty(
    reward_R: Tensor,
    length_R: Tensor,
    *,
    free: float,
    most: float,
    weight: float = 0.1,
    correct_R: Tensor | None = None,
) -> Tensor:
    """[R] rewards less `weight * C(length)`: the survey's `L_GRPO - lambda C(CoT steps)` (Table 2, Video-RTS row).

    C has no gradient of its own, so it acts through the reward, before the normalization. A penalty that is the same
    in the whole group is cancelled there.

    Args:
        reward_R: rewards.
        length_R, free, most: see `length_penalty`.
        weight: the survey's lambda.
        correct_R: if given, only rollouts with a correctness above 0 are penalized: else a policy that fails learns
            first of all to think less.
    """
    penalty_R = length_penalty(length_R, free=free, most=most).to(reward_R)
    if correct_R is not None:
        penalty_R = torch.where(correct_R > 0, penalty_R, torch.zeros_like(penalty_R))
    return reward_R - weight * penalty_R


def retrieval_cost(calls_R: Tensor, *, free: float, most: float, repeats_R: Tensor | None = None) -> Tensor:
    """[R] a penalty in [0, 1] on calls to the memory: 0 up to `free` calls, 1 from `most` on, linear in between.

    Args:
        calls_R: calls (or looks, frames: any cost) of each rollout.
        free: cost that is not penalized.
        most: cost that is penalized in full; above `free`.
        repeats_R: calls among them that repeated an earlier one: they count twice, and are never free.
    """
    over_R = (calls_R.float() - free).clamp(min=0.0)
    if repeats_R is not None:
        over_R = torch.maximum(over_R + repeats_R.float(), 2 * repeats_R.float())
    return length_penalty(free + over_R, free=free, most=most)


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
    gradient, so it acts through the reward, before the normalization. Do not let it outweigh what a call earns.
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
