"""Supervised learning on recorded ids, by TRL: of experts, of teachers, of the policy's own best runs.

The loss is on what the policy is to write, never on prompts and observations, and nothing is rendered, tokenized or
cut by TRL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic.dataclasses import dataclass

from ...agent.models.local_vlm.inputs import inputs_of
from ..rollouts.rows import Row
from .trl_fit import SETTINGS, OnStep, OptimizerSettings, batches, fit, optimizer_arguments

if TYPE_CHECKING:
    from ...agent.models.local_vlm import LocalPolicy
    from ...agent.models.local_vlm.engine import Engine

IGNORED = -100
"""The label of ids that are not learned."""


@dataclass(frozen=True, slots=True, kw_only=True, config=SETTINGS)
class SFTSettings(OptimizerSettings):
    """Settings of supervised learning in words of our own (`engine: mini`)."""

    rows: int = 16
    """Conversations of a step."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 20
    """Steps over which the learning rate rises; then it falls to a twentieth along a cosine."""

    def trl_arguments(self) -> dict[str, Any]:
        """The same as arguments of TRL's SFTConfig."""
        return {
            **optimizer_arguments(self),
            **batches(self.rows, self.micro_batch),
            "lr_scheduler_type": "cosine_with_min_lr",
            "lr_scheduler_kwargs": {"min_lr_rate": 0.05},
        }


def train_sft(
    policy: LocalPolicy,
    rows: Sequence[Row],
    *,
    steps: int,
    settings: SFTSettings | None = None,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Train the policy's model in place on rows; gives the figures of each step.

    Args:
        policy: the model to train.
        rows: conversations to learn from.
        steps: optimizer steps, over which the learning rate is spread.
        settings: see `SFTSettings`.
        on_step: is called with each step's number and figures.

    Raises:
        ValueError: if there are no rows.
    """
    from trl.trainer.sft_config import SFTConfig

    return fit(lambda args: sft_trainer(policy, rows, args), SFTConfig, settings or SFTSettings(), steps, on_step)


def sft_trainer(policy: LocalPolicy, rows: Sequence[Row], args: Any, **more: Any) -> Any:
    """TRL's SFTTrainer on rows.

    Args:
        policy: the model to train.
        rows: conversations to learn from.
        args: a `trl.SFTConfig`.
        more: further arguments of SFTTrainer (`peft_config`, `callbacks`).

    Raises:
        ValueError: if there are no rows, or the configuration would pack rows or cut them.
    """
    from datasets import Dataset
    from trl.trainer.sft_trainer import SFTTrainer

    if not rows:
        raise ValueError("There is nothing to learn from: no conversation has a record of this model's ids.")
    if args.packing or args.padding_free:
        raise ValueError("Rows with pictures cannot be packed: set packing and padding_free to False.")
    args.dataset_kwargs = {**(args.dataset_kwargs or {}), "skip_prepare_dataset": True}
    args.remove_unused_columns, args.max_length = False, None
    args.dataloader_pin_memory = False  # the collator's tensors are where the model is already
    kept, engine = list(rows), policy.engine
    # TRL looks at the first example to tell kinds of data sets apart: ready ids pass for tokenized text.
    examples = Dataset.from_list([{"input_ids": list(row.ids), "row": n} for n, row in enumerate(kept)])
    trainer = SFTTrainer(
        model=engine.loaded.model,
        args=args,
        train_dataset=examples,
        data_collator=lambda some: collated(engine, [kept[example["row"]] for example in some]),
        processing_class=engine.loaded.processor,
        **more,
    )
    # TRL makes the loss itself, of all tokens of a step; Qwen-VL models would have it a mean of the passes' means.
    trainer.model_accepts_loss_kwargs = True
    return trainer


def collated(engine: Engine, rows: Sequence[Row]) -> dict[str, Any]:
    """Model inputs of rows with `labels` [B, T], as transformers' trainers take them."""
    import torch

    inputs = inputs_of(engine.loaded, engine.vision, [r.ids for r in rows], [r.frames for r in rows], engine.bounds.pad)
    labels = torch.full_like(inputs["input_ids"], IGNORED)
    for n, row in enumerate(rows):
        own = torch.tensor(row.mask, device=labels.device)
        labels[n, -len(row.ids) :][own] = inputs["input_ids"][n, -len(row.ids) :][own]
    return {**inputs, "labels": labels}
