"""Records and their pictures as one left-padded batch of tensors."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from .load import Loaded
from .vision_adapter import SampledFrames, VisionAdapter


def inputs_of(
    loaded: Loaded,
    vision: VisionAdapter,
    rows: Sequence[Sequence[int]],
    frames: Sequence[Sequence[SampledFrames]],
    pad: int,
) -> dict[str, Any]:
    """Model inputs of a left-padded batch: `input_ids`, masks and token types `[B, T]`, and all pictures in order.

    Raises:
        ValueError: if the tokens that stand for pictures are not as many as the pictures have.
    """
    inputs = ids_of(vision, rows, frames, pad)
    types = inputs.pop("mm_token_type_ids")
    if not vision.sees:
        at = {"position_ids": positions_of(inputs["attention_mask"])} if takes(loaded.model, "position_ids") else {}
        return on_device(loaded, {**inputs, **at})
    names = set(getattr(loaded.processor, "model_input_names", ()))
    if vision.typed or "mm_token_type_ids" in names:
        inputs["mm_token_type_ids"] = types
    if "token_type_ids" in names and not vision.typed and takes(loaded.model, "token_type_ids"):
        inputs["token_type_ids"] = types
    return on_device(loaded, {**inputs, **vision.collate([s for row in frames for s in row])})


def ids_of(
    vision: VisionAdapter, rows: Sequence[Sequence[int]], frames: Sequence[Sequence[SampledFrames]], pad: int
) -> dict[str, Any]:
    """`input_ids`, `attention_mask` and `mm_token_type_ids` `[B, T]` of a left-padded batch.

    Raises:
        ValueError: if the tokens that stand for pictures are not as many as the pictures have.
    """
    import torch

    _require_pictures(vision, rows, frames)
    length = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (length - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    types = torch.isin(ids, torch.tensor(vision.token_ids, dtype=ids.dtype)).long() * mask
    types += torch.isin(ids, torch.tensor(vision.video_ids, dtype=ids.dtype)).long() * mask
    return {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": types}


def positions_of(mask: Any) -> Any:
    """Return positions `[B, T]` of a model that only reads: counted from the first id of a row, anything before it."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def on_device(loaded: Loaded, inputs: dict[str, Any]) -> dict[str, Any]:
    """The tensors where the model is, numbers of the kind that it computes with."""
    device, dtype = loaded.model.device, next(loaded.model.parameters()).dtype
    return {
        key: value.to(device=device, dtype=dtype if value.is_floating_point() and dtype.is_floating_point else None)
        for key, value in inputs.items()
    }


def _require_pictures(
    vision: VisionAdapter, rows: Sequence[Sequence[int]], frames: Sequence[Sequence[SampledFrames]]
) -> None:
    picture_tokens = set(vision.token_ids)
    for row, pictures in zip(rows, frames, strict=True):
        count, expected = sum(i in picture_tokens for i in row), sum(vision.vision_tokens(s.grid) for s in pictures)
        if count != expected:
            raise ValueError(f"{count} tokens stand for pictures, but the {len(pictures)} pictures have {expected}.")


def takes(model: Any, name: str) -> bool:
    """Return whether the model's forward pass has such an argument."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return name in inspect.signature(base.forward).parameters
