"""Supervised learning on recorded ids: of experts, of teachers, of the policy's own best runs.

The loss is on what the policy is to write, never on prompts and observations. `MiniSFT` is plain torch;
`sft_trainer` is TRL's SFTTrainer (LoRA, DDP, DeepSpeed by its configuration) on the same rows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...agent.models.local_vlm.inputs import inputs_of
from ..rollouts.collector import seed_of
from ..rollouts.rows import Row, score

if TYPE_CHECKING:
    from ...agent.models.local_vlm import LocalPolicy
    from ...agent.models.local_vlm.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTSettings:
    """What a run of `MiniSFT` is made of."""

    rows: int = 16
    """Conversations of a step."""
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.05
    warmup: int = 20
    """Steps over which the learning rate rises; then it falls to a twentieth along a cosine."""
    max_norm: float = 1.0
    micro_batch: int = 16
    seed: int = 0


class MiniSFT:
    """Trains the policy's model in place on rows.

    Args:
        policy: the model to train.
        rows: what to learn from.
        steps: how many steps the learning rate is spread over.
        settings: see `SFTSettings`.
    """

    def __init__(
        self, policy: LocalPolicy, rows: Sequence[Row], *, steps: int, settings: SFTSettings | None = None
    ) -> None:
        import torch

        if not rows:
            raise ValueError("There is nothing to learn from: no conversation has a record of this model's ids.")
        self.policy, self.rows, self.steps = policy, list(rows), steps
        self.settings = settings or SFTSettings()
        self.done = 0
        self.parameters = [p for p in policy.engine.loaded.model.parameters() if p.requires_grad]
        how: dict[str, Any] = {"betas": self.settings.betas, "weight_decay": self.settings.weight_decay}
        self.optimizer = torch.optim.AdamW(self.parameters, lr=self.settings.learning_rate, **how)

    def train(
        self, *, until: int | None = None, told: Callable[[int, dict[str, float]], None] | None = None
    ) -> list[dict[str, float]]:
        """The steps that are not done yet, or those up to `until`; the figures of each."""
        curve = []
        while self.done < (self.steps if until is None else until):
            curve.append(self.step())
            if told:
                told(self.done, curve[-1])
        return curve

    def step(self) -> dict[str, float]:
        """One step on rows that are drawn by its number."""
        import torch

        some = self._draw()
        total = sum(row.written for row in some)
        self.optimizer.zero_grad()
        loss = entropy = 0.0
        for at in range(0, len(some), self.settings.micro_batch):
            made = score(self.policy.engine, some[at : at + self.settings.micro_batch])
            part = -made.logp_RT.sum() / total
            part.backward()
            loss, entropy = loss + float(part.detach()), entropy + float(made.entropy_RT.sum()) / total
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_norm))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self._rate()
        self.optimizer.step()
        self.done += 1
        return {"loss": loss, "entropy": entropy, "grad_norm": norm, "epoch": self.done * len(some) / len(self.rows)}

    def _draw(self) -> list[Row]:
        """The next rows: every row once an epoch, each epoch in its own order, those of like length together."""
        size, count = min(self.settings.rows, len(self.rows)), len(self.rows)
        some: list[Row] = []
        for place in range(self.done * size, (self.done + 1) * size):
            order = list(range(count))
            random.Random(seed_of("rows", self.settings.seed, place // count)).shuffle(order)
            some.append(self.rows[order[place % count]])
        return sorted(some, key=lambda row: len(row.ids))

    def _rate(self) -> float:
        rise = min(1.0, (self.done + 1) / max(self.settings.warmup, 1))
        return rise * (0.05 + 0.95 * (1 + math.cos(math.pi * min(self.done / max(self.steps, 1), 1.0))) / 2)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        model = self.policy.engine.loaded.model.state_dict()
        return {"model": model, "optimizer": self.optimizer.state_dict(), "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.policy.engine.loaded.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done = int(state["done"])


IGNORED = -100
"""The label of ids that are not learnt."""


def collated(engine: Engine, rows: Sequence[Row]) -> dict[str, Any]:
    """Model inputs of rows with `labels` [B, T], as transformers' trainers take them."""
    import torch

    inputs = inputs_of(engine.loaded, engine.vision, [r.ids for r in rows], [r.seen for r in rows], engine.bounds.pad)
    labels = torch.full_like(inputs["input_ids"], IGNORED)
    for n, row in enumerate(rows):
        own = torch.tensor(row.mask, device=labels.device)
        labels[n, -len(row.ids) :][own] = inputs["input_ids"][n, -len(row.ids) :][own]
    return {**inputs, "labels": labels}


def sft_trainer(policy: LocalPolicy, rows: Sequence[Row], args: Any, **more: Any) -> Any:
    """TRL's SFTTrainer on rows.

    Args:
        policy: the model to train.
        rows: what to learn from; none is rendered, tokenised or cut by TRL.
        args: a `trl.SFTConfig`.
        more: further arguments of SFTTrainer (`peft_config`, `callbacks`).

    Raises:
        ValueError: if the configuration would pack rows or cut them.
    """
    from datasets import Dataset
    from trl.trainer.sft_trainer import SFTTrainer

    if args.packing or args.padding_free:
        raise ValueError("Rows with pictures cannot be packed: set packing and padding_free to False.")
    args.dataset_kwargs = {**(args.dataset_kwargs or {}), "skip_prepare_dataset": True}
    args.remove_unused_columns, args.max_length = False, None
    args.dataloader_pin_memory = False  # the collator's tensors are where the model is already
    kept, engine = list(rows), policy.engine
    # TRL looks at the first example to tell kinds of data sets apart: ready ids pass for tokenised text.
    examples = Dataset.from_list([{"input_ids": list(row.ids), "row": n} for n, row in enumerate(kept)])
    return SFTTrainer(
        model=engine.loaded.model,
        args=args,
        train_dataset=examples,
        data_collator=lambda some: collated(engine, [kept[example["row"]] for example in some]),
        processing_class=engine.loaded.processor,
        **more,
    )
