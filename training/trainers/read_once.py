"""The language model reads once what all rows of a batch begin with: system prompt and tools, mostly.

A step's rows are read again to make its loss. They begin alike up to the question, and what attends to nothing behind
it comes out alike: it is computed for one row, with its gradient, and the rows go on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

WORTH = 32
"""Tokens that must be shared for reading them apart."""
COVERED = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl"})
"""Model types whose language model is called with positions and embeddings and looks at nothing else."""


class ReadOnce:
    """Stands before a model's language model; `remove` takes it away again.

    A batch passes as it is where a cache is handed over, where layers are computed anew in the backward pass (gradient
    checkpointing), and where more than the last layer is asked for.

    Args:
        model: a Qwen-VL model, perhaps with an adapter around it.
    """

    def __init__(self, model: Any) -> None:
        self._text = _text_of(model)
        self._forward: Callable[..., Any] = self._text.forward
        self.requested = self.read = 0
        """Places of batches that came, and those that went through the model."""
        self._text.forward = self._once

    @classmethod
    def before(cls, model: Any) -> ReadOnce | None:
        """The one that stands before the model already, else a new one; None where the model is none of these."""
        if model.config.model_type not in COVERED:
            return None
        there = getattr(_text_of(model).forward, "__self__", None)
        return there if isinstance(there, cls) else cls(model)

    def remove(self) -> None:
        """Give the model back as it was."""
        self._text.forward = self._forward

    def _once(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        visual_pos_masks: Tensor | None = None,
        **how: Any,
    ) -> Any:
        arguments: dict[str, Any] = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "position_ids": position_ids,
            "past_key_values": past_key_values,
            "inputs_embeds": inputs_embeds,
            "use_cache": use_cache,
            **({"visual_pos_masks": visual_pos_masks} if visual_pos_masks is not None else {}),
            **how,
        }
        plain = past_key_values is None and not use_cache and not any(how.get(name) for name in _MORE)
        if not plain or inputs_embeds is None or attention_mask is None or self._checkpoints():
            return self._forward(**arguments)
        batch = _Batch(inputs_embeds, attention_mask, position_ids, visual_pos_masks)
        self.requested += batch.embeds.shape[0] * batch.embeds.shape[1]
        if batch.shared < WORTH:
            self.read += batch.embeds.shape[0] * batch.embeds.shape[1]
            return self._forward(**arguments)
        return self._apart(batch, how)

    def _apart(self, batch: _Batch, how: dict[str, Any]) -> Any:
        """Read the shared beginning by itself, then the rows behind it."""
        import torch
        from transformers.cache_utils import DynamicCache
        from transformers.modeling_outputs import BaseModelOutputWithPast

        shared, rows = batch.shared, len(batch.embeds)
        cache: Any = DynamicCache()
        plain = {name: value for name, value in how.items() if name != "deepstack_visual_embeds"}
        begin = self._forward(
            inputs_embeds=batch.embeds[:1, :shared],
            position_ids=batch.places[:, :1, :shared],
            past_key_values=cache,
            use_cache=True,
            **plain,
        )
        for layer in cache.layers:
            layer.keys, layer.values = (part.expand(rows, -1, -1, -1) for part in (layer.keys, layer.values))
        pictures = {} if batch.pictures is None else {"visual_pos_masks": batch.pictures[:, shared:]}
        rest = self._forward(
            inputs_embeds=batch.embeds[:, shared:],
            attention_mask=batch.mask,
            position_ids=batch.places[:, :, shared:],
            past_key_values=cache,
            use_cache=True,
            **pictures,
            **how,
        )
        self.read += shared + rows * (batch.embeds.shape[1] - shared)
        first = begin.last_hidden_state.expand(rows, -1, -1)
        whole = torch.cat([first, rest.last_hidden_state], dim=1)
        return BaseModelOutputWithPast(last_hidden_state=batch.back(whole))

    def _checkpoints(self) -> bool:
        return self._text.training and any(
            getattr(layer, "gradient_checkpointing", False) for layer in self._text.layers
        )


_MORE = ("output_hidden_states", "output_attentions", "output_router_logits")


class _Batch:
    """A batch with every row moved to the left, whatever was padded where.

    Args:
        embeds: [B, T, H].
        mask: [B, T], the ones of each row next to each other.
        places: positions [3 or 4, B, T]; None: counted.
        seen: where pictures are [B, T]; None: nowhere.
    """

    def __init__(self, embeds: Tensor, mask: Tensor, places: Tensor | None, pictures: Tensor | None) -> None:
        import torch

        lengths, self._begin = mask.sum(dim=1), mask.long().argmax(dim=1)
        self._width = embeds.shape[1]
        here = torch.arange(int(lengths.max()), device=embeds.device)
        index = (self._begin[:, None] + here).clamp(max=self._width - 1)
        self.mask = (here < lengths[:, None]).to(mask.dtype)
        self.embeds = embeds.gather(1, index[..., None].expand(-1, -1, embeds.shape[-1]))
        if places is None:
            places = (mask.long().cumsum(dim=1) - 1).clamp(min=0).expand(3, -1, -1)
        places = places[-3:]
        self.places = places.gather(2, index.expand(3, -1, -1))
        self.pictures = None if pictures is None else pictures.gather(1, index) & self.mask.bool()
        alike = (self.embeds == self.embeds[:1]).all(dim=2) & (self.places == self.places[:, :1]).all(dim=0)
        alike = alike if self.pictures is None else alike & ~self.pictures
        count = int(alike.all(dim=0).long().cumprod(dim=0).sum())
        self.shared = min(count, int(lengths.min()) - 1) if len(embeds) > 1 else 0
        """Number of places at their beginning that the rows share, pictures not among them."""

    def back(self, hidden: Tensor) -> Tensor:
        """States [B, n, H] in the places that the rows had; anything where they were padded."""
        import torch

        index = torch.arange(self._width, device=hidden.device) - self._begin[:, None]
        index = index.clamp(min=0, max=hidden.shape[1] - 1)
        return hidden.gather(1, index[..., None].expand(-1, -1, hidden.shape[-1]))


def _text_of(model: Any) -> Any:
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return whole.base_model.language_model
