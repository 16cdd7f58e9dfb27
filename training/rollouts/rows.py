"""Rollouts as rows of ids that a model is trained on, and what a model thinks of them.

Letters in names: R rollouts, T positions of the longest completion, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...agent.models.local_vlm import LocalPolicy
from ...agent.models.local_vlm.generate import at_rest
from ...agent.models.local_vlm.inputs import inputs_of
from ...agent.models.local_vlm.token_record import TokenRecord
from ...agent.models.local_vlm.vision_adapter import SampledFrames

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from torch import Tensor

    from ...agent.models.local_vlm.engine import Engine
    from ...memory import FrameReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One conversation as the model read and wrote it: never rendered again."""

    ids: tuple[int, ...]
    mask: tuple[bool, ...]
    """For each id, whether the model wrote it (or an expert in its place)."""
    logprobs: tuple[float, ...]
    """Of the written ids when they were written; zeros for an expert's."""
    frames: tuple[SampledFrames, ...]
    """The pictures, in the order of their tokens."""
    prompt: int
    """Number of ids before the first written one."""

    @property
    def completion(self) -> tuple[int, ...]:
        """Everything from the first written id on, observations included."""
        return self.ids[self.prompt :]

    @property
    def completion_mask(self) -> tuple[bool, ...]:
        """Return which of `completion` was written."""
        return self.mask[self.prompt :]

    @property
    def written(self) -> int:
        """Number of written ids."""
        return sum(self.mask)

    def sampled_at(self) -> list[float]:
        """The log-probabilities in the places of `completion`; 0 where nothing was written."""
        given = iter(self.logprobs)
        return [next(given) if own else 0.0 for own in self.completion_mask]


def row_of(policy: LocalPolicy, messages: Sequence[BaseMessage], pixels: FrameReader | None) -> Row | None:
    """The row of a conversation; None if it holds no record of this policy's vocabulary."""
    record, _ = TokenRecord.of(messages, policy.engine.vocabulary)
    if not record.parts:
        return None
    ids, mask, frames = policy.turns.row(messages, pixels)
    return Row(
        ids=tuple(ids),
        mask=tuple(mask),
        logprobs=tuple(record.logprobs),
        frames=tuple(frames),
        prompt=len(record.parts[0].given),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Log-probabilities and entropies of rows, by position in the completion, padded on the right."""

    logp_RT: Tensor
    """Log-probabilities of the written ids, 0 elsewhere."""
    entropy_RT: Tensor
    """Entropies where an id was written, 0 elsewhere; without gradient unless it was asked for."""
    mask_RT: Tensor
    """1 where an id was written."""
    full_RTV: Tensor | None = None
    """Log-probabilities over the whole vocabulary, where they were asked for."""


def score(
    engine: Engine, rows: Sequence[Row], *, width: int | None = None, full: bool = False, entropy_grad: bool = False
) -> Scores:
    """One teacher-forced pass, with gradients where the caller has them.

    Args:
        engine: whose model it is (`policy.engine`).
        rows: at least one.
        width: positions to lay out; the longest completion's if not given.
        full: also give the distributions, which are large.
        entropy_grad: whether the entropies have gradients, for an entropy bonus.
    """
    import torch

    loaded = engine.loaded
    ids, frames = [row.ids for row in rows], [row.frames for row in rows]
    width = width or max(len(row.completion) for row in rows)
    inputs = inputs_of(loaded, engine.vision, ids, frames, engine.bounds.pad)
    length = inputs["input_ids"].shape[1]
    asked_RL = torch.zeros((len(rows), length), dtype=torch.bool)
    mask_RT = torch.zeros((len(rows), width), dtype=torch.bool)
    for n, row in enumerate(rows):
        asked_RL[n, length - len(row.mask) :] = torch.tensor(row.mask)
        mask_RT[n, : len(row.completion)] = torch.tensor(row.completion_mask)
    places = asked_RL.any(dim=0).nonzero()[:, 0]  # logits are large: they are made only where some row needs them
    keep = (places - 1).to(inputs["input_ids"].device)
    with at_rest(loaded.model):
        made = loaded.model(**inputs, use_cache=False, logits_to_keep=keep)
    logp_RPV = made.logits.float().log_softmax(dim=-1)
    own_RP = asked_RL[:, places].to(logp_RPV.device)
    mask_RT = mask_RT.to(logp_RPV.device)
    targets_RP = inputs["input_ids"][:, places.to(keep.device)]
    chosen_RP = logp_RPV.gather(2, targets_RP[..., None])[..., 0]
    flat_NV = (logp_RPV if entropy_grad else logp_RPV.detach())[own_RP]  # N: all written ids, row by row
    entropy_N = -(flat_NV.exp() * flat_NV).sum(-1)
    zero_RT = torch.zeros(mask_RT.shape, device=mask_RT.device)
    full_RTV = None
    if full:
        full_RTV = zero_RT.new_zeros((*mask_RT.shape, flat_NV.shape[-1]))
        full_RTV[mask_RT] = flat_NV.detach()
    return Scores(
        logp_RT=zero_RT.masked_scatter(mask_RT, chosen_RP[own_RP]),
        entropy_RT=zero_RT.masked_scatter(mask_RT, entropy_N),
        mask_RT=mask_RT,
        full_RTV=full_RTV,
    )


def sampled(rows: Sequence[Row], width: int, device: Any = None) -> Tensor:
    """[R, T] the log-probabilities with which the ids were sampled."""
    import torch

    padded = [row.sampled_at() + [0.0] * (width - len(row.completion)) for row in rows]
    return torch.tensor(padded, dtype=torch.float32, device=device)
