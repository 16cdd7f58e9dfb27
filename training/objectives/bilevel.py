"""Generalized advantage estimation on two levels: turns of the dialogue, and tokens in a turn (Video-MTR).

Shapes: see advantages.py.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bilevel_gae(
    reward_RT: Tensor,
    value_RT: Tensor,
    mask_RT: Tensor,
    end_RT: Tensor,
    *,
    gamma_turn: float = 0.95,
    gamma_token: float = 1.0,
    lam: float = 1.0,
    whiten: bool = True,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of PPO with a critic, over turns first and then within each turn.

    Video-MTR (arXiv 2508.20478); the released code calls `compute_bi_level_gae_advantage_return` of the
    verl fork that VAGEN trains with. Turns are steps of a decision process of their own, `A_k = d_k + gamma_turn lam
    A_(k+1)` with `d_k = r_k + gamma_turn V_(k+1) - V_k` at the turns' last tokens; the return of a turn then is the
    reward at its last token for GAE over its tokens, which does not cross into the next turn.

    The fork takes every token with a reward other than 0 as the end of a turn, so that a turn that earns nothing is
    merged into the next; here the ends are given. The paper has gamma_turn 0.95, the script 1.0.

    Args:
        reward_RT: rewards, at the last token of each turn.
        value_RT: the critic's values.
        mask_RT: 1 on tokens that the model wrote, 0 on observations and padding.
        end_RT: 1 on the last written token of each turn; the last written token of a rollout is always taken as one.
        gamma_turn: discount between turns.
        gamma_token: discount between tokens of a turn.
        lam: the lambda of both levels.
        whiten: bring the advantages to mean 0 and deviation 1 over written tokens.

    Returns:
        Advantages [R, T] and returns [R, T] (targets of the critic), both 0 where nothing was written.

    Raises:
        ValueError: if a reward lies on a token that ends no turn: it would be lost.
    """
    mask_RT, end_RT = mask_RT.bool(), end_RT.bool() & mask_RT.bool()
    advantage_RT, return_RT = torch.zeros_like(value_RT), torch.zeros_like(value_RT)
    for row in range(len(value_RT)):
        written = mask_RT[row].nonzero().flatten().tolist()
        if not written:
            continue
        ends = {*end_RT[row].nonzero().flatten().tolist(), written[-1]}
        stray = set(reward_RT[row].nonzero().flatten().tolist()) - ends
        if stray:
            raise ValueError(f"Rollout {row} has a reward at token {min(stray)}, which is not the end of a turn.")
        value_T, earned_T = value_RT[row].detach(), reward_RT[row].detach().clone()
        ahead, following = torch.zeros_like(value_T[0]), torch.zeros_like(value_T[0])
        for at in sorted(ends, reverse=True):
            delta = earned_T[at] + gamma_turn * following - value_T[at]
            ahead = delta + gamma_turn * lam * ahead
            earned_T[at] = ahead + value_T[at]
            following = value_T[at]
        for at in reversed(written):
            if at in ends:
                ahead, following = torch.zeros_like(ahead), torch.zeros_like(following)
            delta = earned_T[at] + gamma_token * following - value_T[at]
            ahead = delta + gamma_token * lam * ahead
            advantage_RT[row, at], return_RT[row, at] = ahead, ahead + value_T[at]
            following = value_T[at]
    if whiten and mask_RT.sum() > 1:
        chosen = advantage_RT[mask_RT]
        scaled = (advantage_RT - chosen.mean()) * torch.rsqrt(chosen.var() + 1e-8)
        advantage_RT = torch.where(mask_RT, scaled, torch.zeros_like(scaled))
    return advantage_RT, return_RT
