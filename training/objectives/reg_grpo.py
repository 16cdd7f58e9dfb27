"""Reg-GRPO: regression of the policy's own log ratio onto the advantage (DeepVideo-R1). Shapes: see advantages.py."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .advantages import add_up, number
from .surrogate import Loss, Surrogate, aggregate, log_ratio


def sequence_log_ratio(logp_RT: Tensor, old_RT: Tensor, mask_RT: Tensor) -> Tensor:
    """[R] `log pi / pi_old` of whole rollouts: the sum over the tokens that the policy sampled."""
    return log_ratio(logp_RT, old_RT, mask_RT).sum(-1)


def regression(
    rho_R: Tensor,
    advantage_R: Tensor,
    group_R: Tensor,
    *,
    form: Literal["paper", "survey"] = "paper",
    eta: float = 1.0,
    eps: float = 1e-4,
) -> Tensor:
    """[R] squared errors between advantages and what the policy makes of them.

    `paper` (DeepVideo-R1, arXiv 2506.07464 v5, eq. 5-8; no code is released): `(A - (rho - mean) / std)^2`, mean and
    unbiased deviation of rho in the group, as for A. `survey` (Table 2): `(rho - eta A)^2`.

    On the first update of a batch rho is 0 everywhere, and a plain deviation has no gradient there; it is
    `sqrt(var + eps^2)` here. The gradient of that first update points where GRPO's does, and is 1/eps times as large:
    clip the gradient's norm, or use the survey's form, which needs neither.

    Args:
        rho_R: log ratios of whole rollouts, with gradient.
        advantage_R: GRPO's advantages.
        group_R: groups; they must be whole, since rho is normalized in them (paper's form).
        form: see above.
        eta: scale of the advantages in the survey's form.
        eps: floor of the deviation of rho.
    """
    if form == "survey":
        return (rho_R - eta * advantage_R).square()
    index_R, groups = number(group_R)
    size_G = add_up(torch.ones_like(rho_R), index_R, groups)
    mean_R = (add_up(rho_R, index_R, groups) / size_G)[index_R]
    variance_G = add_up((rho_R - mean_R).square(), index_R, groups) / (size_G - 1).clamp(min=1)
    return (advantage_R - (rho_R - mean_R) / (variance_G + eps**2).sqrt()[index_R]).square()


def reg_loss(
    logp_RT: Tensor,
    old_RT: Tensor | None,
    advantage_R: Tensor,
    mask_RT: Tensor,
    group_R: Tensor,
    settings: Surrogate,
    *,
    ref_RT: Tensor | None = None,
    weight_R: Tensor | None = None,
    form: Literal["paper", "survey"] = "paper",
    eta: float = 1.0,
    eps: float = 1e-4,
    group_size: int | None = None,
    total: float | Tensor | None = None,
) -> Loss:
    """Reg-GRPO's loss: the mean over rollouts of `weight * error`, plus `beta` times the KL of `settings`.

    Args:
        logp_RT: log-probabilities of the sampled tokens, with gradient.
        old_RT: the same when they were sampled; None: as now.
        advantage_R: GRPO's advantages.
        mask_RT: tokens that the policy sampled.
        group_R: groups, whole ones in the paper's form.
        settings: `beta`, `kl` and `kl_clamp` are used; nothing is clipped, that is the method's point.
        ref_RT: log-probabilities under the reference; needed when `settings.beta` is not 0.
        weight_R: weights by difficulty (survey, DA-Reg-GRPO).
        form, eta, eps: see `regression`.
        group_size: if given, every group must have this many rollouts here.
        total: rollouts of the whole step, when it is cut into micro-batches of whole groups.

    Raises:
        ValueError: if a trainer has cut groups apart (`group_size`), which would change the loss without a word.
    """
    if group_size is not None and form == "paper":
        sizes = torch.unique(group_R, return_counts=True)[1]
        if (sizes != group_size).any():
            raise ValueError(
                f"Reg-GRPO normalizes log ratios in groups of {group_size}, but this micro-batch holds groups of "
                f"{sorted(set(sizes.tolist()))}: keep groups together, or use the survey's form."
            )
    rho_R = sequence_log_ratio(logp_RT, logp_RT.detach() if old_RT is None else old_RT, mask_RT)
    error_R = regression(rho_R, advantage_R, group_R, form=form, eta=eta, eps=eps)
    if weight_R is not None:
        error_R = error_R * weight_R
    rollouts = len(rho_R) if total is None else total
    value = error_R.sum() / rollouts
    metrics = {"policy_loss": error_R.mean().detach(), "log_ratio": rho_R.mean().detach()}
    if settings.beta:
        kl_RT = settings.kl_term(logp_RT, ref_RT, mask_RT)
        value = value + settings.beta * aggregate(kl_RT, mask_RT, "sequence", total=total)
        metrics["kl"] = aggregate(kl_RT, mask_RT, "token").detach()
    return Loss(value, metrics)
