"""DPO on pairs of recorded conversations, by TRL: only what the policy wrote counts, not the words of tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic.dataclasses import dataclass

from ..trl_fit import SETTINGS, OnStep, OptimizerSettings, batches, fit, optimizer_arguments
from .pairs import Preference

if TYPE_CHECKING:
    from ....agent.models.local_vlm import LocalPolicy

_LOSSES = ({"sigmoid"}, {"sigmoid", "sft"}, {"robust"}, {"robust", "sft"})


@dataclass(frozen=True, slots=True, kw_only=True, config=SETTINGS)
class DPOSettings(OptimizerSettings):
    """Settings of preference learning in words of our own (`engine: mini`)."""

    pairs: int = 8
    """Pairs of a step."""
    beta: float = 0.1
    """Weight of staying near the reference (VideoExplorer: 0.1)."""
    smoothing: float = 0.0
    """Share of pairs that are taken to be the wrong way round (TRL's loss `robust`)."""
    sft: float = 0.0
    """Weight of the likelihood of the chosen ones (VideoExplorer: 0.1)."""
    micro_batch: int = 8
    """Pairs of one pass."""

    def trl_arguments(self) -> dict[str, Any]:
        """The same as arguments of TRL's DPOConfig."""
        losses = {"robust" if self.smoothing else "sigmoid": 1.0} | ({"sft": self.sft} if self.sft else {})
        return {
            **optimizer_arguments(self),
            **batches(self.pairs, self.micro_batch),
            "lr_scheduler_type": "constant_with_warmup",
            "beta": self.beta,
            "loss_type": list(losses),
            "loss_weights": list(losses.values()),
            "label_smoothing": self.smoothing,
        }


def train_dpo(
    policy: LocalPolicy,
    pairs: Sequence[Preference],
    *,
    steps: int,
    settings: DPOSettings | None = None,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Train the policy's model in place on preferences; gives the figures of each step.

    Args:
        policy: the model to train.
        pairs: preferences to learn from.
        steps: optimizer steps.
        settings: see `DPOSettings`.
        on_step: is called with each step's number and figures.

    Raises:
        ValueError: if there are no pairs.
    """
    from trl.trainer.dpo_config import DPOConfig

    return fit(lambda args: dpo_trainer(policy, pairs, args), DPOConfig, settings or DPOSettings(), steps, on_step)


def dpo_trainer(policy: LocalPolicy, pairs: Sequence[Preference], args: Any, **more: Any) -> Any:
    """TRL's DPOTrainer on preferences.

    The reference's log-probabilities are computed once, when the trainer is made, by TRL (`precompute_ref_log_probs`):
    no second model is kept. Under a new adapter they are those of the model without it.

    Args:
        policy: the model to train.
        pairs: preferences to learn from.
        args: a `trl.DPOConfig`; `loss_type` sigmoid or robust, perhaps with `sft` beside it (`loss_weights`).
        more: further arguments of DPOTrainer (`peft_config`, `callbacks`).

    Raises:
        CapabilityError: if TRL is another version than the one whose methods are known.
        ValueError: if there are no pairs, or the configuration asks for what TRL does not do with them.
    """
    if not pairs:
        raise ValueError("There is nothing to learn from: no two runs of a task differ by the margin.")
    if set(args.loss_type) not in _LOSSES:
        raise ValueError(f"Whole trajectories are compared by sigmoid or robust (and sft), not {args.loss_type}.")
    if args.label_smoothing and "sigmoid" in args.loss_type:
        raise ValueError("TRL's sigmoid loss knows no label_smoothing: set it to 0, or take the loss robust.")
    from .recorded_dpo import RecordedDPOTrainer

    return RecordedDPOTrainer(policy, pairs, args, **more)
