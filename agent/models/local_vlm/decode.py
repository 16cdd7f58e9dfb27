"""Sampling in a loop of our own: what a conversation was read as stays between its turns.

It drives the Qwen-VL models and language models with plain attention; for others there is transformers' `generate`.

transformers' `generate` reads the whole prompt at every turn, and goes on with all rows until the last of them is done.
Here a turn reads only what is new in it, and rows that are done leave the batch.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .inputs import ids_of, on_device, places_of, takes
from .load import Loaded
from .vision_adapter import QwenSight, SampledFrames, VisionAdapter

if TYPE_CHECKING:
    from torch import Tensor

    from .generate import Request, Sampler

COVERED = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"})
"""Types of models that see whose positions are a function of ids and grids."""
_STEADY = frozenset({"default", "linear", "llama3", "yarn"})
"""Rotary embeddings of a position that do not depend on how long the conversation gets."""


def covers(model: Any, sight: VisionAdapter) -> bool:
    """Whether the model is one that a `Decoder` can drive: its layers keep keys and values of every position.

    A layer that looks back over a window only is told so by its mask, so that it may be given all of them.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    text = model.config.get_text_config()
    kinds = {type(layer) for layer in DynamicCache(config=text).layers}
    if sight.sees:
        known = isinstance(sight, QwenSight) and model.config.model_type in COVERED and kinds <= {DynamicLayer}
    else:
        reads = all(takes(model, name) for name in ("position_ids", "past_key_values", "logits_to_keep"))
        known = reads and kinds <= {DynamicLayer, DynamicSlidingWindowLayer} and _steady(text)
        known = known and not getattr(text, "num_kv_shared_layers", 0)
    return known and text._attn_implementation in ("sdpa", "eager")


def _steady(text: Any) -> bool:
    ropes = getattr(text, "rope_parameters", None) or {}
    each = ropes.values() if ropes and all(isinstance(rope, dict) for rope in ropes.values()) else [ropes]
    return all(rope.get("rope_type", "default") in _STEADY for rope in each)


_CROWDED = 0.75
"""Share of rows that still go on at which the others leave."""
_WORTH = 16
"""Ids that must be shared for reading them apart."""


class Past:
    """Keys and values of conversations, by what was read; the longest unused are let go. Safe between threads.

    Args:
        keep: bytes that may be kept, where the model is.
    """

    def __init__(self, *, keep: int = 1 << 30) -> None:
        self._keep = keep
        self._held = 0
        self._kept: OrderedDict[Hashable, list[Tensor]] = OrderedDict()
        self._weights: Hashable = None
        self._lock = threading.Lock()

    def of(self, model: Any) -> None:
        """Forget everything unless it was made by this model with these weights."""
        weights = hash(tuple((p.data_ptr(), p._version) for p in model.parameters()))
        if weights != self._weights:
            self.forget()
            self._weights = weights

    def get(self, key: Hashable) -> list[Tensor] | None:
        """Keys and values [heads, n, width] of each layer in turn; None if they are not here."""
        with self._lock:
            return self._kept.get(key)

    def like(self, role: str, text: Sequence[int]) -> tuple[list[int], list[Tensor] | None]:
        """What the kept conversation of a role that begins most like `text` shares with it, and its states."""
        with self._lock:
            keys = [key for key in self._kept if isinstance(key, tuple) and key[0] == role and key[1] != "head"]
            best = max(keys, key=lambda key: len(_common([key[1], text])), default=None)
            return ([], None) if best is None else (_common([best[1], text]), self._kept[best])

    def put(self, key: Hashable, states: list[Tensor], instead: Hashable) -> None:
        """Keep these, in place of those of the turn before."""
        with self._lock:
            for old in (key, instead):
                self._held -= _bytes(self._kept.pop(old, ()))
            self._kept[key] = states
            self._held += _bytes(states)
            while self._held > self._keep:
                self._held -= _bytes(self._kept.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self) -> None:
        """Let everything go."""
        with self._lock:
            self._kept.clear()
            self._held = 0


class Decoder:
    """Writes the replies of a batch.

    Args:
        loaded: model and processor; the model may be exchanged between batches.
        sight: how it sees.
        pad: id to pad with, on the left.
    """

    def __init__(self, loaded: Loaded, sight: VisionAdapter, pad: int) -> None:
        self._loaded, self._sight, self._pad = loaded, sight, pad
        self.past = Past()
        self._heads: dict[str, list[int]] = {}
        self.read = 0
        """Ids that went through the model before a reply, padding aside."""

    def __call__(self, batch: Sequence[Request], sampler: Sampler) -> None:
        """Write all replies of requests of one role, into `sampler.written`."""
        import torch

        self.past.of(self._loaded.model)
        rows = list(range(len(batch)))
        state = self._prompt(batch)
        while True:
            was = [n for n, row in enumerate(rows) if sampler.open[row]]
            tokens = sampler.step(rows, state.scores)
            going = [n for n, row in enumerate(rows) if sampler.open[row]]
            for n in (n for n in was if n not in going):
                self._put(batch[rows[n]], sampler.written[rows[n]].ids[:-1], state, n)
            if not going:
                return
            if len(going) <= _CROWDED * len(rows):  # not for every one: what stays is copied
                rows, tokens = [rows[n] for n in going], [tokens[n] for n in going]
                state.keep(going)
            self._next(state, torch.tensor(tokens, device=state.mask.device)[:, None])

    def _prompt(self, batch: Sequence[Request]) -> _State:
        """Read what is new of each prompt; those that have much more of it than others by themselves."""
        rows = [_Row(r.ids, r.seen, its := _places(r, self._sight), self._kept(r, its)) for r in batch]
        rows = self._headed(rows, batch[0].role)
        parts = _alike([row.new for row in rows])
        states = [self._read([rows[n] for n in part]) for part in parts]
        return _joined(states, parts) if len(parts) > 1 else states[0]

    def _headed(self, rows: list[_Row], role: str) -> list[_Row]:
        """The rows with what they begin with read: new conversations share system prompt and tools."""
        new = [row for row in rows if row.kept is None]
        if not new:
            return rows
        shared = _common([row.text for row in new]) if len(new) > 1 else []
        head, states = self._heads.get(role, []), self.past.get((role, "head"))
        if len(shared) - (len(_common([head, shared])) if states else 0) >= _WORTH:
            head, states = shared, self._read([_Row(shared, (), (), None)]).of(0)
            self._heads[role] = head
            self.past.put((role, "head"), states, instead=None)
        if len(new) == 1:  # a question after another in one process
            same, others = self.past.like(role, new[0].text)
            if len(same) > len(_common([head, new[0].text])):
                head, states = same, others
        if states is None:
            return rows
        return [row if row.kept else row.headed(head, states) for row in rows]

    def _read(self, rows: Sequence[_Row]) -> _State:
        from .cache import cache_of

        model = self._loaded.model
        whole = ids_of(self._sight, [row.ids for row in rows], [row.seen for row in rows], self._pad)
        mask = whole["attention_mask"]
        at = self._positions(whole, [s for row in rows for s in row.seen])
        lengths = [len(row.ids) for row in rows]
        length = max(lengths)
        new = _to_read(lengths, [row.have for row in rows], [row.places for row in rows])
        seen = [s for row in rows for s in row.seen[_before(row.places, len(row.ids) - new) :]]
        past = _together([row.kept for row in rows], [own - new for own in lengths], length - new)
        cache = cache_of(model.config.get_text_config().num_hidden_layers, past, length - new)
        self.read += int(mask[:, -new:].sum())
        inputs = {"input_ids": whole["input_ids"][:, -new:], "attention_mask": mask, "position_ids": at[..., -new:]}
        inputs = on_device(self._loaded, {**inputs, **self._sight.collate(seen)})
        made = model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return _State(
            scores=made.logits[:, -1],
            cache=cache,
            mask=inputs["attention_mask"],
            next_at=inputs["position_ids"][..., -1].reshape(-1, len(rows)).amax(dim=0) + 1,
            begin=[length - own for own in lengths],
        )

    def _positions(self, whole: dict[str, Any], seen: Sequence[SampledFrames]) -> Tensor:
        """Where each id stands: [B, T], or [3, B, T] where time, height and width are told apart."""
        if not isinstance(self._sight, QwenSight):
            return places_of(whole["attention_mask"])  # type: ignore[no-any-return]
        model = self._loaded.model
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        at, _ = base.base_model.get_rope_index(
            whole["input_ids"],
            mm_token_type_ids=whole["mm_token_type_ids"],
            attention_mask=whole["attention_mask"],
            **self._sight.grids(seen),
        )
        return at  # type: ignore[no-any-return]

    def _next(self, state: _State, ids: Tensor) -> None:
        """Read the tokens [B, 1] that were chosen."""
        import torch

        state.mask = torch.cat([state.mask, state.mask.new_ones((len(ids), 1))], dim=1)
        at = state.next_at[:, None]
        made = self._loaded.model(
            input_ids=ids,
            attention_mask=state.mask,
            position_ids=at.expand(3, -1, -1) if isinstance(self._sight, QwenSight) else at,
            past_key_values=state.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        state.next_at = state.next_at + 1
        state.scores = made.logits[:, -1]

    def _put(self, request: Request, written: Sequence[int], state: _State, row: int) -> None:
        """Keep what was read of a conversation, for its next turn."""
        places = _places(request, self._sight)
        key = _key(request.role, [*request.ids, *written], request.seen, places)
        self.past.put(key, state.of(row), instead=self._name(request, places))

    def _kept(self, request: Request, places: Sequence[range]) -> list[Tensor] | None:
        return self.past.get(self._name(request, places)) if request.past else None

    def _name(self, request: Request, places: Sequence[range]) -> Hashable:
        """Under which name the turn before has kept what it read: all but its last id."""
        return _key(request.role, request.ids[: max(request.past - 1, 0)], request.seen, places)


@dataclass(frozen=True, slots=True)
class _Row:
    """A prompt to be read."""

    ids: list[int]
    seen: Sequence[SampledFrames]
    places: Sequence[range]
    """Where the tokens of its pictures are."""
    kept: list[Tensor] | None
    """Keys and values of its beginning."""

    @property
    def have(self) -> int:
        """How many ids need not be read."""
        return self.kept[0].shape[1] if self.kept else 0

    @property
    def new(self) -> int:
        """How many have to be."""
        return len(self.ids) - self.have

    @property
    def text(self) -> list[int]:
        """What stands before the first picture and the last id."""
        return self.ids[: self.places[0].start if self.places else -1]

    def headed(self, head: Sequence[int], states: Sequence[Tensor]) -> _Row:
        """The row with as much of `head` as it begins with."""
        have = len(_common([head, self.text]))
        return replace(self, kept=[part[:, :have] for part in states]) if have >= _WORTH else self


@dataclass(slots=True, kw_only=True)
class _State:
    """A batch between two tokens."""

    scores: Tensor
    """[B, V] of the next token."""
    cache: Any
    mask: Tensor
    """[B, T] which places of the cache are of the row."""
    next_at: Tensor
    """[B] position of the next token."""
    begin: list[int]
    """Place at which each row begins."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows, and with the places that one of them has."""
        import torch

        begin = [self.begin[row] for row in rows]
        first = min(begin)
        self.begin = [place - first for place in begin]
        index = torch.tensor(rows, device=self.mask.device)
        self.mask, self.next_at = self.mask[index, first:], self.next_at[index]
        for layer in self.cache.layers:
            layer.select(index, first)

    def of(self, row: int) -> list[Tensor]:
        """Keys and values of one row, of each layer in turn."""
        place = self.begin[row]
        return [part[row, :, place:].clone() for layer in self.cache.layers for part in (layer.keys, layer.values)]


def _joined(states: Sequence[_State], parts: Sequence[Sequence[int]]) -> _State:
    """One batch of several, whose rows are those of `parts`."""
    import torch

    from .cache import cache_of

    order = torch.tensor([n for part in parts for n in part]).argsort().tolist()
    rows = [state.of(n) for state in states for n in range(len(state.begin))]
    rows = [rows[n] for n in order]
    lengths = [row[0].shape[1] for row in rows]
    width = max(lengths)
    held = _together(rows, lengths, width)
    mask = torch.tensor([[0] * (width - own) + [1] * own for own in lengths])
    return _State(
        scores=torch.cat([state.scores for state in states])[order],
        cache=cache_of(len(held) // 2, held, width),
        mask=mask.to(states[0].mask),
        next_at=torch.cat([state.next_at for state in states])[order],
        begin=[width - own for own in lengths],
    )


def _common(rows: Sequence[Sequence[int]]) -> list[int]:
    """What all rows begin with."""
    first, last = min(map(list, rows)), max(map(list, rows))  # in the order of a dictionary: these two differ first
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return list(first[:length])


def _alike(counts: Sequence[int]) -> list[list[int]]:
    """Places of counts in parts, in none of which one is more than twice another."""
    parts: list[list[int]] = []
    for n in sorted(range(len(counts)), key=counts.__getitem__):
        if not parts or counts[n] > 2 * counts[parts[-1][0]]:
            parts.append([])
        parts[-1].append(n)
    return [sorted(part) for part in parts]


def _places(request: Request, sight: VisionAdapter) -> list[range]:
    """Where the tokens of each picture are: from the first to the last of them."""
    vision = [n for n, token in enumerate(request.ids) if token in sight.token_ids] if request.seen else []
    places, passed = [], 0
    for picture in request.seen:
        count = sight.vision_tokens(picture.grid)
        places.append(range(vision[passed], vision[passed + count - 1] + 1))
        passed += count
    return places


def _before(places: Sequence[range], end: int) -> int:
    """How many pictures begin before a place."""
    return sum(place.start < end for place in places)


def _key(role: str, ids: Sequence[int], seen: Sequence[SampledFrames], places: Sequence[range]) -> Hashable:
    """What keys and values of these ids depend on, besides the weights."""
    return role, tuple(ids), tuple((s.name, s.grid) for s in seen[: _before(places, len(ids))])


def _to_read(lengths: Sequence[int], kept: Sequence[int], places: Sequence[Sequence[range]]) -> int:
    """How many ids to read at the end of every row: at least what is not kept, and no picture in part."""
    count = 0
    wanted = max(length - have for length, have in zip(lengths, kept, strict=True))
    while wanted > count:
        count = wanted
        for length, its in zip(lengths, places, strict=True):
            wanted = max(wanted, *(length - p.start for p in its if p.start < length - count < p.stop), count)
    return count


def _together(kept: Sequence[list[Tensor] | None], lengths: Sequence[int], width: int) -> list[Tensor]:
    """What is kept as batches [B, heads, more than width, size], each row as long as said and padded on the left."""
    from .cache import with_room

    batches: list[Tensor] = []
    for layer, like in enumerate(next((states for states in kept if states), []) if width else []):
        batch = like.new_empty((len(kept), like.shape[0], with_room(width), like.shape[2]))
        for row, (states, length) in enumerate(zip(kept, lengths, strict=True)):
            have = max(length, 0) if states else 0
            batch[row, :, : width - have] = 0
            if states:
                batch[row, :, width - have : width] = states[layer][:, :have]
        batches.append(batch)
    return batches


def _bytes(states: Sequence[Tensor]) -> int:
    return sum(int(part.nbytes) for part in states)
