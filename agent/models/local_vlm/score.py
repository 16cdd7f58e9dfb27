"""Log-probabilities of sampled tokens by one teacher-forced pass over whole records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .inputs import inputs_of
from .load import Loaded
from .vision_adapter import SampledFrames, VisionAdapter


def logprobs_of(
    loaded: Loaded,
    vision: VisionAdapter,
    rows: Sequence[Sequence[int]],
    masks: Sequence[Sequence[bool]],
    frames: Sequence[Sequence[SampledFrames]],
    pad: int,
) -> list[Any]:
    """The log-probability of every token whose mask is set, given all before it.

    Gradients flow where the caller lets them; the model stays in the mode that it is in.

    Args:
        loaded: model and processor.
        vision: how the model sees.
        rows: ids of each record, of uneven length.
        masks: for each id, whether it is asked for; never the first of a row.
        seen: pictures of each row, in the order of their tokens.
        pad: id to pad with, on the left.

    Returns:
        A float32 tensor `[n]` for each row, n the number of set masks.
    """
    import torch

    inputs = inputs_of(loaded, vision, rows, frames, pad)
    length = inputs["input_ids"].shape[1]
    scored = torch.zeros((len(rows), length), dtype=torch.bool)
    for row, mask in enumerate(masks):
        scored[row, length - len(mask) :] = torch.tensor(list(mask), dtype=torch.bool)
    if scored[:, 0].any():
        raise ValueError("The first token of a record has nothing before it, so it cannot be scored.")
    places = scored.any(dim=0).nonzero()[:, 0]  # logits are made only where some row needs them: they are large
    if not len(places):
        return [torch.zeros(0) for _ in rows]
    output = loaded.model(**inputs, use_cache=False, logits_to_keep=(places - 1).to(inputs["input_ids"].device))
    targets = inputs["input_ids"][:, places]
    logprobs = output.logits.float().log_softmax(dim=-1).gather(2, targets[..., None])[..., 0]  # [B, len(places)]
    return [logprobs[row, scored[row, places].to(logprobs.device)] for row in range(len(rows))]
