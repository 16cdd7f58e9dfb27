"""DPO in plain torch on pairs of conversations: what the policy wrote counts, what tools wrote does not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...objectives import dpo_loss, trajectory_logp
from ...rollouts.collector import seed_of
from ...rollouts.rows import Row, score
from .pairs import Preference

if TYPE_CHECKING:
    from torch import Tensor

    from ....agent.models.local_vlm import LocalPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DPOSettings:
    """What a run of `MiniDPO` is made of."""

    pairs: int = 8
    """Pairs of a step."""
    beta: float = 0.1
    """How dear it is to leave the reference (VideoExplorer: 0.1)."""
    smoothing: float = 0.0
    """Share of pairs that are taken to be the wrong way round."""
    sft: float = 0.0
    """Weight of learning the chosen ones by heart (VideoExplorer: 0.1)."""
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.0
    warmup: int = 3
    """Steps over which the learning rate rises."""
    max_norm: float = 1.0
    micro_batch: int = 8
    """Pairs of one pass; gradients add up, and the loss does not depend on it."""
    seed: int = 0


class MiniDPO:
    """Trains the policy's model in place on preferences.

    The reference is the policy as it is before the first step: its log-probabilities are computed once, and kept.

    Args:
        policy: the model to train.
        pairs: what to learn from.
        steps: how many there are to be.
        settings: see `DPOSettings`.
    """

    def __init__(
        self, policy: LocalPolicy, pairs: Sequence[Preference], *, steps: int, settings: DPOSettings | None = None
    ) -> None:
        import torch

        if not pairs:
            raise ValueError("There is nothing to learn from: no two runs of a task differ by the margin.")
        self.policy, self.pairs, self.steps = policy, list(pairs), steps
        self.settings = settings or DPOSettings()
        self.done = 0
        self.reference_P2: Tensor | None = None
        """[P, 2] log-probabilities of the chosen and rejected trajectories before the first step."""
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
        """One step on pairs that are drawn by its number."""
        import torch

        self.optimizer.zero_grad()
        told = self.backward(self._draw())
        told["grad_norm"] = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_norm))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * min(1.0, (self.done + 1) / max(self.settings.warmup, 1))
        self.optimizer.step()
        self.done += 1
        size = min(self.settings.pairs, len(self.pairs))
        return {**told, "epoch": self.done * size / len(self.pairs)}

    def backward(self, numbers: Sequence[int]) -> dict[str, float]:
        """Add the gradient of the loss on these pairs (by their places); the loss and its figures."""
        reference_P2 = self.reference()
        told: dict[str, float] = {}
        for at in range(0, len(numbers), self.settings.micro_batch):
            part = list(numbers[at : at + self.settings.micro_batch])
            share = len(part) / len(numbers)
            now_P2, length_P2 = self._logp([self.pairs[n] for n in part])
            ref_P2 = reference_P2[part].to(now_P2)
            made = dpo_loss(
                now_P2[:, 0],
                now_P2[:, 1],
                ref_P2[:, 0],
                ref_P2[:, 1],
                beta=self.settings.beta,
                smoothing=self.settings.smoothing,
                sft=self.settings.sft,
                length_P=length_P2[:, 0],
            )
            (made.value * share).backward()
            score_P2 = self.settings.beta * (now_P2.detach() - ref_P2)
            figures = {"loss": made.value.detach(), **made.metrics}
            figures |= {"chosen": score_P2[:, 0].mean(), "rejected": score_P2[:, 1].mean()}
            for name, figure in figures.items():
                told[name] = told.get(name, 0.0) + share * float(figure)
        return told

    def reference(self) -> Tensor:
        """[P, 2] what the reference thinks of all pairs; the policy as it is, where nobody has asked before."""
        import torch

        if self.reference_P2 is None:
            size, order = self.settings.micro_batch, self._by_length(range(len(self.pairs)))
            self.reference_P2 = torch.zeros((len(self.pairs), 2))
            with torch.no_grad():
                for at in range(0, len(order), size):
                    part = order[at : at + size]
                    self.reference_P2[part] = self._logp([self.pairs[n] for n in part])[0].cpu()
        return self.reference_P2

    def _logp(self, pairs: Sequence[Preference]) -> tuple[Tensor, Tensor]:
        """[P, 2] log-probabilities of chosen and rejected trajectories, and [P, 2] how many tokens were written."""
        rows: list[Row] = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
        made = score(self.policy.engine, rows)
        logp_R, length_R = trajectory_logp(made.logp_RT, made.mask_RT), made.mask_RT.sum(-1)
        return logp_R.view(2, -1).T, length_R.view(2, -1).T

    def _draw(self) -> list[int]:
        """The next pairs: every pair once an epoch, each epoch in its own order, those of like length together."""
        size, count = min(self.settings.pairs, len(self.pairs)), len(self.pairs)
        some: list[int] = []
        for place in range(self.done * size, (self.done + 1) * size):
            order = list(range(count))
            random.Random(seed_of("pairs", self.settings.seed, place // count)).shuffle(order)
            some.append(order[place % count])
        return self._by_length(some)

    def _by_length(self, numbers: Sequence[int]) -> list[int]:
        return sorted(numbers, key=lambda n: max(len(self.pairs[n].chosen.ids), len(self.pairs[n].rejected.ids)))

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on, what the reference said included."""
        model = self.policy.engine.loaded.model.state_dict()
        optimizer = self.optimizer.state_dict()
        return {"model": model, "optimizer": optimizer, "done": self.done, "reference": self.reference_P2}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave, for the same pairs."""
        reference = state["reference"]
        if reference is not None and len(reference) != len(self.pairs):
            raise ValueError(f"This state is of {len(reference)} pairs, and there are {len(self.pairs)} here.")
        self.policy.engine.loaded.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.reference_P2, self.done = reference, int(state["done"])
