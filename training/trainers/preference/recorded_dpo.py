"""The class behind `dpo_trainer`, apart because TRL is slow to import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import trl
from datasets import Dataset
from trl.trainer.dpo_trainer import DPOTrainer

from ....agent.models.local_vlm.inputs import inputs_of
from ....memory import CapabilityError
from ..grpo_setup import TESTED
from .pairs import Preference

if TYPE_CHECKING:
    from ....agent.models.local_vlm import LocalPolicy
    from ....agent.models.local_vlm.engine import Engine


class RecordedDPOTrainer(DPOTrainer):
    """DPOTrainer, whose examples are recorded already.

    Overridden is `_prepare_dataset` alone, which would tokenise. To TRL the data set has no pictures, since it computes
    no reference ahead for those that have; the collator brings them, as it does for the loss.
    """

    args: Any
    model: Any

    def __init__(self, policy: LocalPolicy, pairs: Sequence[Preference], args: Any, **more: Any) -> None:
        if not trl.__version__.startswith(TESTED):
            raise CapabilityError(
                f"Training by TRL needs trl {TESTED}*, and {trl.__version__} is here: pip install 'trl=={TESTED}*'"
            )
        kept, engine = list(pairs), policy.engine
        args.precompute_ref_log_probs, args.remove_unused_columns, args.max_length = True, False, None
        args.dataloader_pin_memory = False  # the collator puts tensors where the model is

        def collate(examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
            batch = collated_pairs(engine, [kept[example["pair"]] for example in examples])
            for name in ("ref_chosen_logps", "ref_rejected_logps"):
                if name in examples[0]:
                    batch[name] = torch.tensor([e[name] for e in examples], device=batch["input_ids"].device)
            return batch

        super().__init__(
            model=engine.loaded.model,
            args=args,
            data_collator=collate,
            train_dataset=_examples(kept),
            processing_class=engine.loaded.processor,
            **more,
        )
        engine.loaded.model = self.model  # with its adapter, where there is one

    def _prepare_dataset(self, dataset: Any, *unused: Any) -> Any:
        return dataset


def _examples(pairs: Sequence[Preference]) -> Dataset:
    """A row for each pair: TRL keeps the reference's figures under a name made of what is in here."""
    return Dataset.from_list(
        [
            {
                "pair": n,
                "chosen_ids": list(pair.chosen.ids),
                "rejected_ids": list(pair.rejected.ids),
                "seen": [look.name for row in (pair.chosen, pair.rejected) for look in row.frames],
            }
            for n, pair in enumerate(pairs)
        ]
    )


def collated_pairs(engine: Engine, pairs: Sequence[Preference]) -> dict[str, Any]:
    """Model inputs of pairs as DPOTrainer takes them: the chosen rows, then the rejected ones.

    `completion_mask` [2P, T] is 1 where the policy wrote, so that the words of tools do not count.
    """
    rows = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
    inputs = inputs_of(engine.loaded, engine.vision, [r.ids for r in rows], [r.frames for r in rows], engine.bounds.pad)
    mask_RT = torch.zeros_like(inputs["input_ids"])
    for n, row in enumerate(rows):
        mask_RT[n, -len(row.ids) :] = torch.tensor(row.mask, device=mask_RT.device)
    return {**inputs, "completion_mask": mask_RT}
