"""Prefix caching: keys and values of conversations stay between turns, so that a turn reads only what is new in it.

What `generate` of transformers takes as `past_key_values` is put together here, from what earlier turns and earlier
conversations of the same role left. It serves the Qwen-VL models and language models with plain attention.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import ids_of, on_device, positions_of, takes
from .load import Loaded
from .request import Request
from .vision_adapter import QwenVision, SampledFrames, VisionAdapter

if TYPE_CHECKING:
    from torch import Tensor


MODEL_TYPES = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"})
"""Types of models that see whose positions are a function of ids and grids."""
_FIXED_ROPES = frozenset({"default", "linear", "llama3", "yarn"})
"""Rotary embeddings of a position that do not depend on how long the conversation gets."""
_WORTH = 16
"""Ids that must be shared before they are read apart from the rest."""
_COMPARED = 64
"""Kept conversations, the newest, that a new one is compared with."""

States = list["Tensor"]
"""Keys and values [heads, n, width] of each layer in turn."""


def can_cache(model: Any, vision: VisionAdapter) -> bool:
    """Return True if the model's layers keep keys and values of every position, at positions known beforehand.

    A layer that looks back over a window only is told so by its mask, so that it may be given all of them.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    text = model.config.get_text_config()
    layers = {type(layer) for layer in DynamicCache(config=text).layers}
    if vision.sees:
        known = isinstance(vision, QwenVision) and model.config.model_type in MODEL_TYPES and layers <= {DynamicLayer}
    else:
        reads = all(takes(model, name) for name in ("position_ids", "past_key_values", "logits_to_keep"))
        known = reads and layers <= {DynamicLayer, DynamicSlidingWindowLayer} and _has_fixed_rope(text)
        known = known and not getattr(text, "num_kv_shared_layers", 0)
    return known and text._attn_implementation in ("sdpa", "eager")


def _has_fixed_rope(text: Any) -> bool:
    ropes = getattr(text, "rope_parameters", None) or {}
    each = ropes.values() if ropes and all(isinstance(rope, dict) for rope in ropes.values()) else [ropes]
    return all(rope.get("rope_type", "default") in _FIXED_ROPES for rope in each)


@dataclass(slots=True)
class _Row:
    """A prompt, and how much of it need not be read."""

    request: Request
    pictures: list[range]
    """Where the tokens of its pictures are."""
    prints: np.ndarray
    """Its ids, with those of a picture replaced by numbers that stand for that picture."""
    states: States | None = None

    @property
    def cached(self) -> int:
        """Ids whose states are here."""
        return self.states[0].shape[1] if self.states else 0

    @property
    def unread(self) -> int:
        """Ids to read before the last one, with which the reply begins."""
        return len(self.prints) - 1 - self.cached

    def whole(self, length: int) -> int:
        """At most `length` ids of its beginning, so that no picture is cut in two."""
        return min([length, *(place.start for place in self.pictures if place.start < length < place.stop)])


class PrefixCache:
    """Makes the inputs of `generate` for prompts of which much has been read. Safe between threads.

    Args:
        loaded: model and processor; the model may be exchanged between batches.
        vision: how it sees.
        pad: id to pad with, on the left.
        keep: bytes that may be kept, where the model is; the longest unused go first.
    """

    def __init__(self, loaded: Loaded, vision: VisionAdapter, pad: int, *, keep: int = 1 << 30) -> None:
        self._loaded, self._vision, self._pad, self._keep = loaded, vision, pad, keep
        self.size = 0
        """Bytes that are kept."""
        self._kept: OrderedDict[Hashable, tuple[np.ndarray, States]] = OrderedDict()
        self._weights: Hashable = None
        self._lock = threading.Lock()
        self.read = 0
        """Ids that went through the model before a reply, padding aside."""

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self) -> None:
        """Let everything go."""
        with self._lock:
            self._kept.clear()
            self.size = 0

    def inputs(self, batch: Sequence[Request]) -> dict[str, Any]:
        """Read all but the last id of every prompt, and return what `generate` goes on from.

        Args:
            batch: requests of one role.
        """
        weights = hash(tuple((p.data_ptr(), p._version) for p in self._loaded.model.parameters()))
        if weights != self._weights:
            self.forget()
            self._weights = weights
        rows = [self._row(request) for request in batch]
        self._read_shared([row for row in rows if not row.states])
        for part in _alike([row.unread for row in rows]):
            self._read([rows[n] for n in part])
        self.read += len(rows)
        whole = self._batch([row.request.ids for row in rows], [row.request.frames for row in rows])
        cache = self._cache([row.states for row in rows], whole["input_ids"].shape[1] - 1)
        names = ("input_ids", "attention_mask", "position_ids")
        return {**on_device(self._loaded, {name: whole[name] for name in names}), "past_key_values": cache}

    def put(self, batch: Sequence[Request], replies: Sequence[Sequence[int]], inputs: dict[str, Any]) -> None:
        """Keep what `generate` has read of conversations, all but the last id of each reply, for their next turns."""
        cache, length = inputs["past_key_values"], inputs["input_ids"].shape[1]
        for n, (request, reply) in enumerate(zip(batch, replies, strict=True)):
            start = length - len(request.ids)
            end = length + len(reply) - 1
            states = [part[n, :, start:end].clone() for layer in cache.layers for part in (layer.keys, layer.values)]
            prints = _prints([*request.ids, *reply[:-1]], request.frames, _places(request, self._vision))
            self._hold(request.role, prints, states, instead=prints[: max(request.past - 1, 0)])

    def _row(self, request: Request) -> _Row:
        places = _places(request, self._vision)
        row = _Row(request, places, _prints(request.ids, request.frames, places))
        before = row.prints[: max(request.past - 1, 0)]
        with self._lock:
            if found := self._kept.get((request.role, before.tobytes())):
                row.states = found[1]
        if row.states is None:
            self._begin_as_others(row)
        return row

    def _begin_as_others(self, row: _Row) -> None:
        """Give a new conversation the states of the kept one that begins most like it."""
        with self._lock:
            roles = [(key, held) for key, held in self._kept.items() if isinstance(key, tuple)]
            others = [held for key, held in roles[-_COMPARED:] if key[0] == row.request.role]
        best, states = row.cached, row.states
        for prints, held in others:
            common = row.whole(min(_common(prints, row.prints), len(row.prints) - 1))
            if common > best:
                best, states = common, held
        if best >= _WORTH and states:
            row.states = [part[:, :best] for part in states]

    def _read_shared(self, rows: Sequence[_Row]) -> None:
        """Read what new conversations begin with (system prompt, tools) once."""
        if len(rows) < 2:
            return
        first = rows[0]
        shared = min(first.whole(min(_common(first.prints, row.prints), len(row.prints) - 1)) for row in rows)
        if shared < _WORTH:
            return
        pictures = sum(place.start < shared for place in first.pictures)
        request = replace(first.request, ids=first.request.ids[: shared + 1], frames=first.request.frames[:pictures])
        head = _Row(request, first.pictures[:pictures], first.prints[: shared + 1])
        self._read([head])
        assert head.states is not None
        self._hold(first.request.role, first.prints[:shared], head.states)
        for row in rows:
            row.states = head.states

    def _read(self, rows: Sequence[_Row]) -> None:
        """Read rows up to their last id."""
        rows = [row for row in rows if row.unread > 0]
        if not rows:
            return
        lengths = [len(row.prints) - 1 for row in rows]
        new = _unread(lengths, [row.cached for row in rows], [row.pictures for row in rows])
        ids = [row.request.ids[:-1] for row in rows]
        whole = self._batch(ids, [row.request.frames for row in rows])
        width = max(lengths) - new
        cache = self._cache([_cut(row.states, own - new) for row, own in zip(rows, lengths, strict=True)], width)
        self.read += int(whole["attention_mask"][:, -new:].sum())
        frames = [
            picture
            for row, own in zip(rows, lengths, strict=True)
            for place, picture in zip(row.pictures, row.request.frames, strict=True)
            if place.start >= own - new
        ]
        inputs = {
            "input_ids": whole["input_ids"][:, -new:],
            "attention_mask": whole["attention_mask"],
            "position_ids": whole["position_ids"][..., -new:],
        }
        inputs = on_device(self._loaded, {**inputs, **self._vision.collate(frames)})
        self._loaded.model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        for n, (row, own) in enumerate(zip(rows, lengths, strict=True)):
            start = max(lengths) - own
            row.states = [part[n, :, start:] for layer in cache.layers for part in (layer.keys, layer.values)]

    def _batch(self, ids: Sequence[Sequence[int]], frames: Sequence[Sequence[SampledFrames]]) -> dict[str, Any]:
        """Ids, mask and positions of whole prompts: [B, T], positions of pictures [3, B, T] (time, height, width)."""
        whole = ids_of(self._vision, ids, frames, self._pad)
        if not isinstance(self._vision, QwenVision):
            return {**whole, "position_ids": positions_of(whole["attention_mask"])}
        model = self._loaded.model
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        positions, _ = base.base_model.get_rope_index(
            whole["input_ids"],
            mm_token_type_ids=whole["mm_token_type_ids"],
            attention_mask=whole["attention_mask"],
            **self._vision.grids([picture for row in frames for picture in row]),
        )
        return {**whole, "position_ids": positions}

    def _cache(self, rows: Sequence[States | None], width: int) -> Any:
        """The states of rows as one cache of `width` places, each row padded on the left."""
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        batches: States = []
        for layer, like in enumerate(next((states for states in rows if states), []) if width else []):
            batch = like.new_zeros((len(rows), like.shape[0], width, like.shape[2]))
            for row, states in enumerate(rows):
                if states and states[layer].shape[1]:
                    batch[row, :, -states[layer].shape[1] :] = states[layer]
            batches.append(batch)
        for n in range(len(batches) // 2):
            cache.update(batches[2 * n], batches[2 * n + 1], n)
        return cache

    def _hold(self, role: str, prints: np.ndarray, states: States, instead: np.ndarray | None = None) -> None:
        """Keep states, in place of those of the turn before."""
        key = (role, prints.tobytes())
        with self._lock:
            for old in (key, None if instead is None else (role, instead.tobytes())):
                self.size -= _bytes(self._kept.pop(old, (prints, []))[1])
            self._kept[key] = (prints, states)
            self.size += _bytes(states)
            while self.size > self._keep:
                self.size -= _bytes(self._kept.popitem(last=False)[1][1])


def _places(request: Request, vision: VisionAdapter) -> list[range]:
    """Return where the tokens of each picture are: from the first to the last of them."""
    tokens = [n for n, token in enumerate(request.ids) if token in vision.token_ids] if request.frames else []
    places, passed = [], 0
    for picture in request.frames:
        count = vision.vision_tokens(picture.grid)
        places.append(range(tokens[passed], tokens[passed + count - 1] + 1))
        passed += count
    return places


def _prints(ids: Sequence[int], frames: Sequence[SampledFrames], places: Sequence[range]) -> np.ndarray:
    """Numbers that keys and values depend on, besides the weights: two pictures never have the same."""
    prints = np.array(ids, dtype=np.int64)
    for picture, place in zip(frames, places, strict=True):
        prints[place.start : place.stop] = -1 - abs(hash((picture.name, picture.grid)))
    return prints


def _common(one: np.ndarray, two: np.ndarray) -> int:
    """Return how many numbers both begin with."""
    length = min(len(one), len(two))
    differ = one[:length] != two[:length]
    return int(differ.argmax()) if differ.any() else length


def _cut(states: States | None, length: int) -> States | None:
    return [part[:, : max(length, 0)] for part in states] if states else None


def _alike(counts: Sequence[int]) -> list[list[int]]:
    """Indices of counts in parts, in none of which one is more than twice another."""
    parts: list[list[int]] = []
    for n in sorted(range(len(counts)), key=counts.__getitem__):
        if not parts or counts[n] > 2 * counts[parts[-1][0]]:
            parts.append([])
        parts[-1].append(n)
    return parts


def _unread(lengths: Sequence[int], cached: Sequence[int], places: Sequence[Sequence[range]]) -> int:
    """Return how many ids to read at the end of every row: at least what is not cached, and no picture in part."""
    count = 0
    needed = max(length - have for length, have in zip(lengths, cached, strict=True))
    while needed > count:
        count = needed
        for length, its in zip(lengths, places, strict=True):
            needed = max(needed, *(length - p.start for p in its if p.start < length - count < p.stop), count)
    return count


def _bytes(states: States) -> int:
    return sum(int(part.nbytes) for part in states)
