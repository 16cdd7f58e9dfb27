"""TW-GRPO: tokens weigh more where the rollouts of a group disagree. Shapes: see advantages.py."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

MAX_DIFFERENCE = 11.0
"""Differences of log-probabilities are held to this in the divergence, as released."""


@torch.no_grad()
def token_weights(
    logp_RTV: Tensor,
    mask_RT: Tensor,
    group_R: Tensor,
    *,
    alpha: float = 1.7,
    absent: Literal["uniform", "ignore"] = "uniform",
    chunk: int = 64,
) -> Tensor:
    """[R, T] weights in [1, alpha], the same for all rollouts of a group; 0 where the mask is 0.

    TW-GRPO (arXiv 2505.24718), code `compute_token_importance_kl_logs_uniform` in longmalongma/TW-GRPO
    `src/open_r1/trainer/grpo_trainer.py`: with m the mean of the rollouts' log-probabilities at position t, and
    d = clamp(m - logp, -11, 11), the divergence of t is the mean over rollouts of `sum_v e^d - d - 1`; then
    `w_t = 1 + (alpha - 1) * (divergence - min) / (max - min + 1e-8)` over the positions. Advantages [R, T] times these
    weights give the loss (`aggregate="token"`); the released one weighs the KL term too, and lets gradient flow into
    the weights, which cancels wherever all rollouts are present.

    Args:
        logp_RTV: log-probabilities over the whole vocabulary.
        mask_RT: tokens that the policy sampled.
        group_R: groups.
        alpha: largest weight (script 1.7, default of the code 1.4).
        absent: what stands for a rollout at a position where it sampled nothing: a uniform distribution, as released,
            or nothing, so that only the rollouts that did are compared. A uniform one is far from any sharp
            distribution: the largest weights then go to wherever some rollout has ended, or, with tools, is reading
            an observation. The code was made for rollouts without tools; with tools, use `ignore`.
        chunk: positions handled at a time; bounds the extra memory to a group's [G, chunk, V].

    Raises:
        ValueError: if `alpha` is below 1.
    """
    if alpha < 1:
        raise ValueError(f"alpha must be at least 1, got {alpha}.")
    mask_RT = mask_RT.bool()
    weight_RT = torch.zeros(mask_RT.shape, dtype=torch.float32, device=logp_RTV.device)
    for name in torch.unique(group_R):
        rows = (group_R == name).nonzero().flatten()
        mask_GT = mask_RT[rows]
        parts = [
            _divergence(logp_RTV[rows, start : start + chunk].float(), mask_GT[:, start : start + chunk], absent)
            for start in range(0, mask_GT.shape[1], chunk)
        ]
        divergence_T = torch.cat(parts)
        # Positions at which nothing was sampled take part as released: their divergence is 0.
        low, high = divergence_T.min(), divergence_T.max()
        scaled_T = (divergence_T - low) / (high - low + 1e-8)
        weight_RT[rows] = (1.0 + (alpha - 1.0) * scaled_T) * mask_GT
    return weight_RT


def _divergence(logp_GTV: Tensor, mask_GT: Tensor, absent: Literal["uniform", "ignore"]) -> Tensor:
    """[T] mean divergence of the rollouts of one group from their mean."""
    mask_GT1 = mask_GT.unsqueeze(-1)
    if absent == "uniform":
        logp_GTV = torch.where(mask_GT1, logp_GTV, -math.log(logp_GTV.shape[-1]))
        count_T = torch.full_like(mask_GT[0], len(mask_GT), dtype=torch.float32)
        here_GT = torch.ones_like(mask_GT)
    else:
        logp_GTV = torch.where(mask_GT1, logp_GTV, 0.0)
        count_T = mask_GT.sum(0).clamp(min=1).float()
        here_GT = mask_GT
    mean_TV = logp_GTV.sum(0) / count_T.unsqueeze(-1)
    off_GTV = (mean_TV - logp_GTV).clamp(-MAX_DIFFERENCE, MAX_DIFFERENCE)
    divergence_GT = (off_GTV.exp() - off_GTV - 1).sum(-1)
    return torch.where(here_GT, divergence_GT, 0.0).sum(0) / count_T
