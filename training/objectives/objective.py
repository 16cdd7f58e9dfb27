"""Objectives, and the values of rollouts that they are computed from. Their use by trainers: see registry.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .advantages import Advantages
from .difficulty import RunningDifficulty
from .reg_grpo import reg_loss
from .surrogate import Loss, Surrogate, policy_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Values of the rollouts of a step, of all processes together. Only `reward` and `group` are always needed."""

    reward: Tensor
    """[R] summed reward; NaN where a rollout could not be scored."""
    group: Tensor
    """[R] group (prompt) of each rollout."""
    components: Tensor | None = None
    """[R, L] rewards by task or component, NaN where one does not apply."""
    component_weights: Tensor | None = None
    """[L] their weights; 1 if not given."""
    tasks: Sequence[str] | None = None
    """R names of tasks."""
    samples: Sequence[str] | None = None
    """R names of samples."""
    difficulty: RunningDifficulty | None = None
    """Running estimates, already updated with this step's rewards when training (and not when evaluating)."""
    correct: Tensor | None = None
    """[R] the accuracy component by itself."""
    shuffled: Tensor | None = None
    """[S] accuracy of the rollouts on shuffled frames."""
    shuffled_group: Tensor | None = None
    """[S] their groups, numbered like `group`."""
    lengths: Tensor | None = None
    """[R] length of the reasoning."""
    calls: Tensor | None = None
    """[R] calls to the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One way to train on groups of rollouts."""

    name: str
    source: str
    """Paper and code of the formula."""
    surrogate: Surrogate
    """Settings as published."""
    normalize: Callable[[Tensor, Scored], Advantages]
    """Advantages from (shaped) rewards."""
    shape: Callable[[Scored], Tensor] | None = None
    """Rewards from rewards, before they are normalized."""
    weigh: Callable[[Advantages, Scored], Tensor] | None = None
    """Weights [R] that act after the normalization."""
    needs: frozenset[str] = frozenset()
    """Fields of `Scored` that must be given."""
    token_weights: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    """Weights [R, T] from full distributions [R, T, V], mask and groups."""
    regression: Mapping[str, Any] | None = field(default=None, hash=False)
    """Arguments of `reg_loss`, where that is the loss in place of the clipped surrogate."""
    drop_flat: bool = False
    """True if the published method leaves out groups that teach nothing (DAPO's dynamic sampling)."""

    @property
    def distributions(self) -> bool:
        """True if log-probabilities over the whole vocabulary are needed (one more forward pass in TRL)."""
        return self.token_weights is not None

    @property
    def shuffled(self) -> bool:
        """True if rollouts on shuffled frames are needed besides."""
        return "shuffled" in self.needs

    @property
    def whole_groups(self) -> bool:
        """True if the loss needs whole groups in every micro-batch."""
        return self.regression is not None and self.regression.get("form", "paper") == "paper"

    @property
    def trl_loss(self) -> bool:
        """True if TRL's own loss, given `trl_arguments` and our advantages, is this objective's loss."""
        return self.regression is None

    def advantages(self, scored: Scored) -> Advantages:
        """Advantages of the rollouts of a step.

        Raises:
            ValueError: if a field that this objective needs is not given.
        """
        missing = sorted(name for name in self.needs if getattr(scored, name) is None)
        if missing:
            raise ValueError(f"The objective {self.name} needs {', '.join(missing)} of the rollouts.")
        reward_R = scored.reward if self.shape is None else self.shape(scored)
        made = self.normalize(reward_R, scored)
        return made if self.weigh is None else made.weighted(self.weigh(made, scored))

    def token_advantages(self, made: Advantages, logp_RTV: Tensor, mask_RT: Tensor, group_R: Tensor) -> Tensor:
        """[R, T] advantages by token, for objectives that need `distributions`; of local rows, in whole groups."""
        if self.token_weights is None:
            return made.values.unsqueeze(-1).expand(mask_RT.shape)
        return made.values.unsqueeze(-1) * self.token_weights(logp_RTV, mask_RT, group_R).to(made.values)

    def loss(
        self,
        logp_RT: Tensor,
        old_RT: Tensor | None,
        advantage: Tensor,
        mask_RT: Tensor,
        group_R: Tensor,
        *,
        ref_RT: Tensor | None = None,
        entropy_RT: Tensor | None = None,
        total: float | Tensor | None = None,
        length: int | None = None,
        group_size: int | None = None,
    ) -> Loss:
        """The loss on (micro-)batches; see `policy_loss` and `reg_loss` for the arguments.

        `group_size` is only looked at where `whole_groups`: give it, so that groups cut apart are an error.
        """
        if self.regression is not None:
            return reg_loss(
                logp_RT,
                old_RT,
                advantage,
                mask_RT,
                group_R,
                self.surrogate,
                ref_RT=ref_RT,
                group_size=group_size,
                total=total,
                **self.regression,
            )
        return policy_loss(
            logp_RT,
            old_RT,
            advantage,
            mask_RT,
            self.surrogate,
            ref_RT=ref_RT,
            entropy_RT=entropy_RT,
            total=total,
            length=length,
        )

    def trl_arguments(self) -> dict[str, Any]:
        """Arguments of TRL's GRPOConfig (1.16) for this surrogate.

        TRL divides Dr. GRPO's sum by `max_completion_length`, which is the trainer's to set. Its KL is k3 without a
        clamp. Advantages are not TRL's to make (`scale_rewards` then only changes what it logs).
        """
        settings = self.surrogate
        arguments: dict[str, Any] = {
            "loss_type": {"token": "dapo", "sequence": "grpo", "constant": "dr_grpo"}[settings.aggregate],
            "importance_sampling_level": settings.level,
            # A ratio is never below 0, nor above e^20: these are no clipping.
            "epsilon": 1.0 if settings.low is None else settings.low,
            "epsilon_high": 1e9 if settings.high is None else settings.high,
            "beta": settings.beta,
        }
        if settings.dual is not None:
            arguments["delta"] = settings.dual
        if settings.entropy:
            arguments["entropy_coef"] = settings.entropy
        return arguments
