"""The vision tower sees each picture once: runs of a group look at the same frames, and look again at every turn.

A model's vision tower (Qwen-VL: `visual`, pictures of any size in one packed sequence, each attending to itself only)
is given every picture of a batch once, and its features are handed to every place that shows it. Where no gradient is
wanted, features are kept for the next batches, for as long as the tower's weights stay as they are: all turns of a
group's rollouts; with a frozen tower also the passes that make the loss, and later steps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...memory import CapabilityError

if TYPE_CHECKING:
    from torch import Tensor


class Features(NamedTuple):
    """Features of one picture, for the language model."""

    pooler_output: Tensor
    """[n, width], n the tokens that stand for the picture."""
    deepstack_features: tuple[Tensor, ...]
    """The same of some of the tower's layers; empty before Qwen3-VL."""

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(int(part.nbytes) for part in (self.pooler_output, *self.deepstack_features))


class EncodeOnce:
    """Stands before a model's vision tower; `remove` takes it away again.

    Args:
        model: a Qwen-VL model, perhaps with an adapter around it.
        keep: bytes of features that are kept, where the pictures' tensors are.

    Raises:
        CapabilityError: if the model has no such tower.
    """

    def __init__(self, model: Any, *, keep: int = 1 << 30) -> None:
        tower = tower_of(model)
        if tower is None:
            raise CapabilityError(f"{model.config.model_type} has no vision tower that pictures can be shared before.")
        self._tower, self._keep = tower, keep
        self._forward: Callable[..., Any] = tower.forward
        self._kept: OrderedDict[Any, Features] = OrderedDict()
        self._held = 0
        self._weights: tuple[int, ...] = ()
        self._kind: Any = None
        self.requested = self.encoded = 0
        """Pictures that were requested, and those that went through the tower."""
        tower.forward = self._once

    @classmethod
    def before(cls, model: Any, *, keep: int = 1 << 30) -> EncodeOnce | None:
        """The one that stands before the model's tower already, else a new one; None where there is no such tower."""
        tower = tower_of(model)
        there = getattr(getattr(tower, "forward", None), "__self__", None)
        if isinstance(there, cls) or tower is None:
            return there if isinstance(there, cls) else None
        return cls(model, keep=keep)

    def remove(self) -> None:
        """Give the tower back as it was."""
        self._tower.forward = self._forward
        self._kept.clear()

    def _once(self, hidden_states: Tensor, grid_thw: Tensor, **how: Any) -> Any:
        import torch

        # Tensors besides these are made for just these pictures in this order.
        if not len(grid_thw) or any(isinstance(value, torch.Tensor) for value in how.values()):
            return self._forward(hidden_states, grid_thw, **how)
        grids = [tuple(grid) for grid in grid_thw.tolist()]
        sizes = [t * h * w for t, h, w in grids]
        keys = list(zip(_names(hidden_states, sizes), grids, strict=True))
        parts = dict(zip(keys, torch.split(hidden_states, sizes), strict=True))
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self._tower.parameters())
        # An adapter in the tower can be switched off without its weights changing.
        keeps = not learns and not any(hasattr(part, "get_base_layer") for part in self._tower.modules())
        found = self._found(parts, hidden_states) if keeps else {}
        missing = [key for key in parts if key not in found]
        self.requested += len(keys)
        self.encoded += len(missing)
        if missing:
            pixels = torch.cat([parts[key] for key in missing])
            made = self._forward(pixels, torch.tensor([g for _, g in missing], device=grid_thw.device), **how)
            self._kind = type(made)
            merged = [len(parts[key]) // self._tower.spatial_merge_size**2 for key in missing]
            new = dict(zip(missing, _apart(made, merged), strict=True))
            found = {**found, **new}
            if keeps:
                self._hold(new)
        return self._kind(**_together([found[key] for key in keys]))

    def _found(self, parts: dict[Any, Tensor], pixels: Tensor) -> dict[Any, Features]:
        """The kept features; none once an optimizer has changed the tower, which counts up its weights' versions."""
        weights = (*(p._version for p in self._tower.parameters()), hash((pixels.dtype, pixels.device)))
        if weights != self._weights:
            self._kept.clear()
            self._weights, self._held = weights, 0
        found = {key: self._kept[key] for key in parts if key in self._kept}
        for key in found:
            self._kept.move_to_end(key)
        return found

    def _hold(self, features: dict[Any, Features]) -> None:
        for key, its in features.items():
            self._kept[key] = its
            self._held += its.size
        while self._held > self._keep and self._kept:
            self._held -= self._kept.popitem(last=False)[1].size


def tower_of(model: Any) -> Any:
    """The vision tower of a Qwen-VL model; None for others."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    tower = getattr(whole.base_model, "visual", None)
    return tower if hasattr(tower, "spatial_merge_size") else None


def _apart(made: Any, sizes: list[int]) -> list[Features]:
    """The tower's output picture by picture; what the language model does not read is let go."""
    import torch

    layers = [torch.split(layer, sizes) for layer in getattr(made, "deepstack_features", None) or ()]
    pooled = torch.split(made.pooler_output, sizes)
    return [Features(pooled[n], tuple(layer[n] for layer in layers)) for n in range(len(sizes))]


def _together(pictures: Sequence[Features]) -> dict[str, Any]:
    import torch

    fields: dict[str, Any] = {"pooler_output": torch.cat([picture.pooler_output for picture in pictures])}
    layers = list(zip(*(picture.deepstack_features for picture in pictures), strict=True))
    return fields | ({"deepstack_features": [torch.cat(layer) for layer in layers]} if layers else {})


def _names(pixels: Tensor, sizes: list[int]) -> list[int]:
    """A name for each picture's patches [n, width]: a hash in exact integer arithmetic, so in any order of sums."""
    import torch

    words_NW = pixels.detach().contiguous().view(torch.uint8)
    words_NW = words_NW.view(torch.int64 if words_NW.shape[1] % 8 == 0 else torch.int16)
    source = torch.Generator().manual_seed(20)
    within = torch.randint(-(2**62), 2**62, (words_NW.shape[1],), generator=source).to(pixels.device)
    across = torch.randint(-(2**62), 2**62, (max(sizes),), generator=source).to(pixels.device)
    row_N = (words_NW * within).sum(-1)
    return [int((part * across[: len(part)]).sum()) for part in torch.split(row_N, sizes)]
