"""The class behind `dpo_trainer`, apart because TRL is slow to import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from trl.trainer.dpo_trainer import DPOTrainer

from .on_trl import collated_pairs
from .pairs import Preference

if TYPE_CHECKING:
    from ....agent.models.local_vlm import LocalPolicy


class RecordedDPOTrainer(DPOTrainer):
    """DPOTrainer, whose examples are recorded already.

    Overridden is `_prepare_dataset` alone, which would tokenise. To TRL the data set has no pictures, since it computes
    no reference ahead for those that have; the collator brings them, as it does for the loss.
    """

    args: Any
    model: Any

    def __init__(self, policy: LocalPolicy, pairs: Sequence[Preference], args: Any, **more: Any) -> None:
        kept, engine = list(pairs), policy.engine
        args.precompute_ref_log_probs, args.remove_unused_columns, args.max_length = True, False, None
        args.dataloader_pin_memory = False  # the collator puts tensors where the model is

        def collate(examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
            import torch

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
                "seen": [look.name for row in (pair.chosen, pair.rejected) for look in row.seen],
            }
            for n, pair in enumerate(pairs)
        ]
    )
