"""RL with a penalty on the length of the reasoning (RL x RTS in the survey). Shapes: see groups.py."""

from __future__ import annotations

import torch
from torch import Tensor


def length_penalty(length_R: Tensor, *, free: float, most: float) -> Tensor:
    """[R] a penalty in [0, 1]: 0 up to `free`, 1 from `most` on, linear in between.

    The form is DAPO's soft overlong punishment (arXiv 2503.14476, section 3.4) with its sign turned. The survey's
    Table 2 leaves C(.) open.

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

    C has no gradient of its own, so it acts through the reward, before the normalisation. A penalty that is the same
    in the whole group is cancelled there.

    Args:
        reward_R: rewards.
        length_R: see `length_penalty`.
        free: see `length_penalty`.
        most: see `length_penalty`.
        weight: the survey's lambda.
        correct_R: if given, only rollouts with a correctness above 0 are penalised: else a policy that fails learns
            first of all to think less.
    """
    penalty_R = length_penalty(length_R, free=free, most=most).to(reward_R)
    if correct_R is not None:
        penalty_R = torch.where(correct_R > 0, penalty_R, torch.zeros_like(penalty_R))
    return reward_R - weight * penalty_R
