"""Sampling for a batch: left-padded rows, each with its own limit, temperature, seed, stop strings and deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .inputs import inputs_of
from .load import Loaded
from .prefix_cache import PrefixCache
from .request import Request
from .score import logprobs_of
from .vision_adapter import VisionAdapter

_TAIL = 8
"""Tokens beyond a stop string's characters that are decoded to look for it."""


@dataclass(slots=True, kw_only=True)
class Completion:
    """The ids that were sampled, with their log-probabilities."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    """Under the model's own distribution, before anything was suppressed or tempered."""
    end: str = "length"
    """`stop`, `length`, `seconds` or `abandoned`."""
    weights: tuple[float, ...] = ()
    """For `choices`: their probabilities among all tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The tokens that end a reply, and those that must not be sampled."""

    ends: frozenset[int]
    suppressed: tuple[int, ...]
    pad: int


def generate(
    loaded: Loaded,
    vision: VisionAdapter,
    bounds: Bounds,
    batch: Sequence[Request],
    kind: type[Sampler],
    prefixes: PrefixCache | None = None,
) -> list[Completion]:
    """Write the replies to requests of one role and one number of beams, in one padded batch.

    Args:
        loaded: model and processor.
        vision: how the model sees.
        bounds: what may be sampled.
        batch: at least one.
        kind: makes the sampler.
        prefixes: keys and values of earlier turns; without them, and with beams, whole prompts are read.
    """
    import torch

    def write(part: list[Request]) -> list[Completion]:
        if part[0].beams > 1:
            return _beam(loaded, vision, bounds, part)
        return _sample(loaded, vision, bounds, part, kind, prefixes)

    with torch.no_grad(), at_rest(loaded.model), active_adapter(loaded, batch[0].role):
        return _within_memory(list(batch), write, prefixes)


def _within_memory(
    batch: list[Request], write: Callable[[list[Request]], list[Completion]], prefixes: PrefixCache | None
) -> list[Completion]:
    """Write the batch, in halves where it is too large for the GPU."""
    import torch

    try:
        return write(batch)
    except torch.OutOfMemoryError:
        if len(batch) == 1 and not prefixes:
            raise
    if prefixes is not None:
        prefixes.forget()
    torch.cuda.empty_cache()
    if len(batch) == 1:
        return write(batch)
    half = len(batch) // 2
    return [w for part in (batch[:half], batch[half:]) for w in _within_memory(part, write, prefixes)]


def _sample(
    loaded: Loaded,
    vision: VisionAdapter,
    bounds: Bounds,
    batch: list[Request],
    kind: type[Sampler],
    prefixes: PrefixCache | None = None,
) -> list[Completion]:
    if prefixes is not None:
        inputs = prefixes.inputs(batch)
    else:
        inputs = inputs_of(loaded, vision, [r.ids for r in batch], [r.frames for r in batch], bounds.pad)
    sampler = kind(batch, bounds, loaded.tokenizer.decode, loaded.model.device)
    loaded.model.generate(
        **inputs,
        generation_config=_config(bounds, max(1 if r.choices else r.limit for r in batch)),
        logits_processor=[sampler],
        stopping_criteria=[sampler.done],
    )
    if prefixes is not None:
        prefixes.put(batch, [completion.ids for completion in sampler.completions], inputs)
    return sampler.completions


def _config(bounds: Bounds, limit: int, **more: Any) -> Any:
    """Plain greedy decoding: what a checkpoint's own generation_config says on sampling is ours to decide."""
    from transformers import GenerationConfig

    settings: dict[str, Any] = {
        "max_new_tokens": limit,
        "do_sample": False,
        "num_beams": 1,
        "temperature": 1.0,
        "top_k": 50,
        "top_p": 1.0,
        "repetition_penalty": 1.0,
        "no_repeat_ngram_size": 0,
        "eos_token_id": sorted(bounds.ends),
        "pad_token_id": bounds.pad,
        "use_cache": True,
    }
    return GenerationConfig(**{**settings, **more})


class Sampler:
    """Chooses the next tokens; as the only logits processor, it leaves `generate` no choice.

    The scores that it is given are the model's own.
    """

    def __init__(
        self, batch: Sequence[Request], bounds: Bounds, decode: Callable[[list[int]], str], device: Any
    ) -> None:
        import torch

        self.batch = batch
        self._ends = bounds.ends
        self._decode = decode
        self._suppressed = torch.tensor(bounds.suppressed, device=device, dtype=torch.long)
        self._sources = [_source(request.seed) if request.temperature > 0 else None for request in batch]
        self.open = [True] * len(batch)
        """Rows that are not over."""
        self.completions = [Completion() for _ in batch]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return scores `[B, V]` that are 0 for the chosen token of each row and -inf else."""
        import torch

        raw = scores.float().log_softmax(dim=-1)
        chosen = self.choose(raw.index_fill(1, self._suppressed, -torch.inf))
        for row, request in enumerate(self.batch):
            if self.open[row] and request.choices:
                ids = list(request.choices)
                chosen[row] = ids[int(raw[row, ids].argmax())]
                self.completions[row].weights = tuple(raw[row, ids].exp().tolist())
        index = torch.tensor(chosen, device=scores.device)[:, None]
        logprobs = raw.gather(1, index)[:, 0].tolist()
        for row, (token, logprob) in enumerate(zip(chosen, logprobs, strict=True)):
            if self.open[row]:
                self._take(row, token, logprob)
        return torch.full_like(scores, -torch.inf).scatter(1, index, 0.0)

    def choose(self, allowed: Any) -> list[int]:
        """Choose the next tokens by log-probabilities `[B, V]`, which are -inf for what must not be sampled.

        A row's choice depends on its own source of chance only, whoever else is in the batch.
        """
        import torch

        chosen = allowed.argmax(dim=-1)
        warm = [row for row, request in enumerate(self.batch) if request.temperature > 0 and self.open[row]]
        if warm:
            temperatures = torch.tensor([[self.batch[row].temperature] for row in warm], device=allowed.device)
            draws = torch.cat([torch.rand(1, generator=self._sources[row]) for row in warm]).to(allowed.device)
            below = (allowed[warm] / temperatures).softmax(dim=-1).double().cumsum(dim=-1)
            thresholds = draws.double()[:, None] * below[:, -1:]  # less than the last: such a draw is never 1
            chosen[warm] = torch.searchsorted(below, thresholds, right=True)[:, 0]
        ids: list[int] = chosen.tolist()
        return ids

    def done(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Return which rows `[B]` are over."""
        import torch

        return torch.tensor([not is_open for is_open in self.open], device=input_ids.device)

    def _take(self, row: int, token: int, logprob: float) -> None:
        request, completion = self.batch[row], self.completions[row]
        completion.ids.append(token)
        completion.logprobs.append(logprob)
        end = ""
        if token in self._ends or self._stops(request, completion.ids):
            end = "stop"
        elif len(completion.ids) >= (1 if request.choices else request.limit):
            end = "length"
        elif request.caller.gone:
            end = "abandoned"
        elif request.deadline is not None and time.monotonic() >= request.deadline:
            end = "seconds"
        if end:
            completion.end = end
            self.open[row] = False

    def _stops(self, request: Request, ids: list[int]) -> bool:
        if not request.stop:
            return False
        tail = self._decode(ids[-max(len(stop) for stop in request.stop) - _TAIL :])
        return any(stop in tail for stop in request.stop)


def _source(seed: int | None) -> Any:
    import torch

    source = torch.Generator()
    if seed is None:
        source.seed()
    else:
        source.manual_seed(seed % 2**63)
    return source


def _beam(loaded: Loaded, vision: VisionAdapter, bounds: Bounds, batch: list[Request]) -> list[Completion]:
    """Beam search; each row's log-probabilities come from one pass over what was found."""
    found: list[Completion] = []
    for request in batch:  # a row alone: `generate` repeats pictures a beam, which only Qwen-VL does in the right order
        beams = request.beams if len(request.frames) < 2 or vision.typed else 1
        if beams == 1:
            found += _sample(loaded, vision, bounds, [request], Sampler)
            continue
        inputs = inputs_of(loaded, vision, [request.ids], [request.frames], bounds.pad)
        config = _config(bounds, request.limit, num_beams=beams, suppress_tokens=list(bounds.suppressed))
        made = loaded.model.generate(**inputs, generation_config=config)
        ids, end = _until_end(made[0, len(request.ids) :].tolist(), bounds)
        scored = logprobs_of(
            loaded, vision, [[*request.ids, *ids]], [_mask(request.ids, ids)], [request.frames], bounds.pad
        )
        found.append(Completion(ids=ids, logprobs=scored[0].tolist(), end=end))
    return found


def _mask(given: Sequence[int], sampled: Sequence[int]) -> list[bool]:
    return [False] * len(given) + [True] * len(sampled)


def _until_end(ids: list[int], bounds: Bounds) -> tuple[list[int], str]:
    for index, token in enumerate(ids):
        if token in bounds.ends:
            return ids[: index + 1], "stop"
    return ids, "length"


@contextmanager
def at_rest(model: Any) -> Iterator[None]:
    """The model in evaluation mode, and afterwards as it was: a trainer's model is lent, not given."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)


@contextmanager
def active_adapter(loaded: Loaded, role: str) -> Iterator[None]:
    """The model with the adapter of `role` on, else its usual one, else none."""
    if not loaded.roles and loaded.adapter is None:
        yield
        return
    adapter = loaded.roles.get(role) or loaded.adapter
    if adapter is None:
        with loaded.model.disable_adapter():
            yield
        return
    loaded.model.set_adapter(adapter, inference_mode=True)
    try:
        yield
    finally:
        if loaded.adapter and adapter != loaded.adapter:
            loaded.model.set_adapter(loaded.adapter, inference_mode=True)
