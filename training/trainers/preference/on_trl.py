"""TRL's DPOTrainer on recorded ids: nothing is rendered, tokenised or cut by TRL, and only what was written counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....agent.models.local_vlm.inputs import inputs_of
from .pairs import Preference

if TYPE_CHECKING:
    from ....agent.models.local_vlm import LocalPolicy
    from ....agent.models.local_vlm.engine import Engine

_LOSSES = ({"sigmoid"}, {"sigmoid", "sft"})


def collated_pairs(engine: Engine, pairs: Sequence[Preference]) -> dict[str, Any]:
    """Model inputs of pairs as DPOTrainer takes them: the chosen rows, then the rejected ones.

    `completion_mask` [2P, T] is 1 where the policy wrote, so that the words of tools do not count.
    """
    import torch

    rows = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
    inputs = inputs_of(engine.loaded, engine.vision, [r.ids for r in rows], [r.seen for r in rows], engine.bounds.pad)
    mask_RT = torch.zeros_like(inputs["input_ids"])
    for n, row in enumerate(rows):
        mask_RT[n, -len(row.ids) :] = torch.tensor(row.mask, device=mask_RT.device)
    return {**inputs, "completion_mask": mask_RT}


def dpo_trainer(policy: LocalPolicy, pairs: Sequence[Preference], args: Any, **more: Any) -> Any:
    """TRL's DPOTrainer on preferences.

    The reference's log-probabilities are computed once, when the trainer is made, by TRL (`precompute_ref_log_probs`):
    no second model is kept. Under a new adapter they are those of the model without it.

    Args:
        policy: the model to train.
        pairs: what to learn from.
        args: a `trl.DPOConfig`; `loss_type` sigmoid, perhaps with `sft` beside it (`loss_weights`).
        more: further arguments of DPOTrainer (`peft_config`, `callbacks`).

    Raises:
        CapabilityError: if TRL is another version than the one whose methods are known.
        ValueError: if there are no pairs, or the configuration asks for what TRL does not do with them.
    """
    from ....memory import CapabilityError

    if not pairs:
        raise ValueError("There is nothing to learn from: no two runs of a task differ by the margin.")
    if set(args.loss_type) not in _LOSSES:
        raise ValueError(f"Whole trajectories are compared by the loss sigmoid (and sft), not {args.loss_type}.")
    if args.label_smoothing:
        raise ValueError("TRL's sigmoid loss knows no label_smoothing: set it to 0, or train by MiniDPO.")
    import trl

    from ..trl_setup import TESTED

    if not trl.__version__.startswith(TESTED):
        raise CapabilityError(
            f"Training by TRL needs trl {TESTED}*, and {trl.__version__} is here: pip install 'trl=={TESTED}*'"
        )
    from .trl_trainer import RecordedDPOTrainer

    return RecordedDPOTrainer(policy, pairs, args, **more)
