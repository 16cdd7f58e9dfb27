"""The policy's loss: importance ratios, clipping, KL and how tokens are summed up. Shapes: see advantages.py.

Masks are 1 on tokens that the policy sampled and 0 on the prompt's, on observations and on padding. What stands in a
tensor where its mask is 0 never matters, not even when it is infinite or NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

MAX_LOG_RATIO = 20.0
"""Log ratios are held to this, as in verl: beyond, `exp` overflows and its gradient is NaN."""

Aggregate = Literal["token", "sequence", "constant"]
KL = Literal["k1", "k2", "k3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """Settings of the clipped loss."""

    level: Literal["token", "sequence"] = "token"
    """Ratio of each token (PPO, GRPO) or of the whole sequence (GSPO)."""
    low: float | None = 0.2
    """Ratios are clipped below at `1 - low`; None: no clipping, either side."""
    high: float | None = 0.2
    """Ratios are clipped above at `1 + high`; larger than `low` is DAPO's asymmetric clip."""
    dual: float | None = None
    """Dual clip (PPO, arXiv 1912.09729): where the advantage is negative, the loss is at most `dual * |A|`."""
    aggregate: Aggregate = "token"
    """Mean over all tokens, mean of the sequences' means, or sum over a constant (Dr. GRPO)."""
    beta: float = 0.0
    """Weight of the KL to the reference policy, as a term of the loss."""
    kl: KL = "k3"
    """Its estimator."""
    kl_clamp: float | None = None
    """The log ratio in the KL is held to this (Video-R1: 10)."""
    entropy: float = 0.0
    """Weight of the entropy bonus."""

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError("Clip on both sides or on none.")
        if self.dual is not None and self.dual <= 1 + (self.high or 0.0):
            raise ValueError(f"The dual clip must lie above 1 + high, got {self.dual}.")

    def kl_term(self, logp_RT: Tensor, ref_RT: Tensor | None, mask_RT: Tensor) -> Tensor:
        """[R, T] the KL to the reference by token, without its weight.

        Raises:
            ValueError: if there is no reference.
        """
        if ref_RT is None:
            raise ValueError("A KL term needs the reference's log-probabilities.")
        return kl(logp_RT, ref_RT, mask_RT, self.kl, clamp=self.kl_clamp)


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss to go backward from, and detached figures for logging."""

    value: Tensor
    """[] the loss."""
    metrics: dict[str, Tensor]
    """Figures by name, each [] and detached."""


def log_ratio(
    logp_RT: Tensor, old_RT: Tensor, mask_RT: Tensor, level: Literal["token", "sequence"] = "token"
) -> Tensor:
    """`log pi / pi_old`: [R, T] by token, or [R, 1] the mean over a rollout's tokens (GSPO, arXiv 2507.18071)."""
    off_RT = masked_difference(logp_RT, old_RT, mask_RT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if level == "token":
        return off_RT
    length_R1 = mask_RT.sum(-1, keepdim=True).clamp(min=1)
    return off_RT.sum(-1, keepdim=True) / length_R1


def clipped(
    ratio_RT: Tensor,
    advantage_RT: Tensor,
    *,
    low: float | None = 0.2,
    high: float | None = 0.2,
    dual: float | None = None,
) -> Tensor:
    """Loss by token, `-min(r A, clip(r, 1 - low, 1 + high) A)`; where A < 0 it is at most `-dual A`.

    PPO (arXiv 1707.06347, eq. 7); DAPO (2503.14476, 3.1) for `high != low`; dual clip (1912.09729; verl
    `compute_policy_loss`, `clip_ratio_c=3.0`). TRL's `delta` is the same function as `dual`.

    Args:
        ratio_RT: [R, T] or [R, 1].
        advantage_RT: [R, T] or [R, 1].
        low: clip below at `1 - low`; None: no clipping.
        high: clip above at `1 + high`.
        dual: bound for negative advantages; None: none.
    """
    gain_RT = ratio_RT * advantage_RT
    if low is not None and high is not None:
        gain_RT = torch.minimum(gain_RT, ratio_RT.clamp(1 - low, 1 + high) * advantage_RT)
    if dual is not None:
        gain_RT = torch.where(advantage_RT < 0, torch.maximum(gain_RT, dual * advantage_RT), gain_RT)
    return -gain_RT


def aggregate(
    loss_RT: Tensor, mask_RT: Tensor, how: Aggregate, *, total: float | Tensor | None = None, length: int | None = None
) -> Tensor:
    """A number from losses by token.

    `token`: sum over all tokens / their number (DAPO; TRL `bnpo`, and `dapo` with `total`). `sequence`: mean over
    rollouts of the mean over their tokens (DeepSeekMath; TRL `grpo`). `constant`: sum / (rollouts * `length`)
    (Dr. GRPO; TRL `dr_grpo`). A rollout without tokens adds nothing, but counts as a rollout.

    Args:
        loss_RT: [R, T], or [R, 1] for a loss that is the same for all of a rollout's tokens.
        mask_RT: tokens that count.
        how: see above.
        total: what the sum is divided by instead of this batch's own tokens (`token`) or rollouts (`sequence`,
            `constant`): the figure of the whole step, when the step is cut into micro-batches, whose losses then
            simply add up.
        length: for `constant`, the longest completion that is allowed, in tokens.
    """
    mask_RT = mask_RT.bool()
    kept_RT = torch.where(mask_RT, loss_RT, torch.zeros_like(loss_RT))
    if how == "token":
        return kept_RT.sum() / (mask_RT.sum().clamp(min=1) if total is None else total)
    rollouts = len(mask_RT) if total is None else total
    if how == "sequence":
        return (kept_RT.sum(-1) / mask_RT.sum(-1).clamp(min=1)).sum() / rollouts
    if length is None:
        raise ValueError("Aggregating over a constant needs the longest length.")
    return kept_RT.sum() / (rollouts * length)


def kl(logp_RT: Tensor, ref_RT: Tensor, mask_RT: Tensor, kind: KL = "k3", *, clamp: float | None = None) -> Tensor:
    """[R, T] estimates of KL(policy || reference) by token, with d = log ref - log policy.

    k1 = -d, k2 = d^2 / 2, k3 = e^d - d - 1 (joschu.net/blog/kl-approx; verl `low_var_kl` is k3). Video-R1 holds d to
    ±10 (`clamp=10`); without it, d is held to ±20 as in verl.
    """
    bound = MAX_LOG_RATIO if clamp is None else clamp
    off_RT = masked_difference(ref_RT, logp_RT, mask_RT).clamp(-bound, bound)
    if kind == "k1":
        return -off_RT
    if kind == "k2":
        return off_RT.square() / 2
    return torch.exp(off_RT) - off_RT - 1


def entropy(logits_RTV: Tensor) -> Tensor:
    """[R, T] entropy in nats of the distributions that these logits (any constant added) stand for."""
    logp_RTV = logits_RTV.log_softmax(-1)
    # 0 * log 0 is 0: what cannot happen must not make the gradient NaN either.
    return -(logp_RTV.exp() * logp_RTV.masked_fill(logp_RTV == -torch.inf, 0.0)).sum(-1)


def policy_loss(
    logp_RT: Tensor,
    old_RT: Tensor | None,
    advantage: Tensor,
    mask_RT: Tensor,
    settings: Surrogate,
    *,
    ref_RT: Tensor | None = None,
    entropy_RT: Tensor | None = None,
    total: float | Tensor | None = None,
    length: int | None = None,
) -> Loss:
    """The clipped loss of PPO and GRPO, with its KL term and entropy bonus.

    Args:
        logp_RT: log-probabilities of the sampled tokens, with gradient.
        old_RT: the same when they were sampled; None: as now (one update a batch).
        advantage: [R] or [R, T].
        mask_RT: tokens that the policy sampled.
        settings: see `Surrogate`.
        ref_RT: log-probabilities under the reference; needed when `settings.beta` is not 0.
        entropy_RT: entropies with gradient; needed when `settings.entropy` is not 0.
        total, length: see `aggregate`.
    """
    mask_RT = mask_RT.bool()
    advantage_RT = advantage.unsqueeze(-1) if advantage.dim() == 1 else advantage
    ratio_RT = log_ratio(logp_RT, logp_RT.detach() if old_RT is None else old_RT, mask_RT, settings.level).exp()
    token_RT = clipped(ratio_RT, advantage_RT, low=settings.low, high=settings.high, dual=settings.dual)
    token_RT = token_RT.expand(mask_RT.shape)
    metrics: dict[str, Tensor] = {"policy_loss": aggregate(token_RT, mask_RT, settings.aggregate, length=length or 1)}
    if settings.beta:
        kl_RT = settings.kl_term(logp_RT, ref_RT, mask_RT)
        token_RT = token_RT + settings.beta * kl_RT
        metrics["kl"] = aggregate(kl_RT, mask_RT, "token")
    value = aggregate(token_RT, mask_RT, settings.aggregate, total=total, length=length)
    if entropy_RT is not None:
        mean = aggregate(entropy_RT, mask_RT, "token")
        metrics["entropy"] = mean
        value = value - settings.entropy * mean if settings.entropy else value
    elif settings.entropy:
        raise ValueError("An entropy bonus needs the entropies.")
    metrics["ratio"] = aggregate(ratio_RT.expand(mask_RT.shape), mask_RT, "token")
    if settings.low is not None and settings.high is not None:
        below = ((ratio_RT < 1 - settings.low) & (advantage_RT < 0)).to(token_RT)
        above = ((ratio_RT > 1 + settings.high) & (advantage_RT > 0)).to(token_RT)
        metrics["clipped_low"] = aggregate(below.expand(mask_RT.shape), mask_RT, "token")
        metrics["clipped_high"] = aggregate(above.expand(mask_RT.shape), mask_RT, "token")
    return Loss(value, {name: figure.detach() for name, figure in metrics.items()})


def masked_difference(a_RT: Tensor, b_RT: Tensor, mask_RT: Tensor) -> Tensor:
    """`a - b` where the mask is 1, and 0, without gradient, elsewhere."""
    hidden_RT = ~mask_RT.bool()
    return a_RT.masked_fill(hidden_RT, 0.0) - b_RT.masked_fill(hidden_RT, 0.0)
