"""Keys and values of a batch with room behind them, so that a token is written in place and nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class Roomy(DynamicLayer):
    """One layer. transformers' own copies all that it holds for every token."""

    def __init__(self, keys: Tensor | None = None, values: Tensor | None = None, length: int = 0) -> None:
        super().__init__()
        self._rooms = [keys, values]
        self._length = length
        if keys is not None and values is not None:
            self.lazy_initialization(keys, values)
            self._show()

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Put the states [B, heads, n, width] of new tokens behind those that are held; all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self._length + key_states.shape[-2]
        for n, new in enumerate((key_states, value_states)):
            room = self._rooms[n]
            if room is None or room.shape[-2] < end:
                larger = new.new_empty((*new.shape[:2], with_room(end), new.shape[-1]))
                if room is not None:
                    larger[:, :, : self._length] = room[:, :, : self._length]
                self._rooms[n] = room = larger
            room[:, :, self._length : end] = new
        self._length = end
        return self._show()

    def select(self, rows: Tensor, first: int) -> None:
        """Hold these rows only, from place `first` on."""
        self._rooms = [room[rows.to(room.device), :, first:] for room in self._rooms if room is not None]
        self._length -= first
        self._show()

    def _show(self) -> tuple[Tensor, Tensor]:
        self.keys, self.values = (room[:, :, : self._length] for room in self._rooms if room is not None)
        return self.keys, self.values


def with_room(length: int) -> int:
    """Places to make for so many and some more."""
    return length + max(64, length // 4)


def cache_of(layers: int, held: Sequence[Tensor] = (), length: int = 0) -> DynamicCache:
    """A cache of so many layers.

    Args:
        layers: of the model.
        held: keys and values of each in turn [B, heads, n, width], n at least `length`.
        length: how many places of them are in use.
    """
    cache = DynamicCache()
    pairs = [(held[2 * n], held[2 * n + 1]) if held else (None, None) for n in range(layers)]
    cache.layers = [Roomy(keys, values, length) for keys, values in pairs]
    return cache
