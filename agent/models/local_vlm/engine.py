"""A loaded model with all that a conversation with it needs: template, vision, pictures, bounds, batcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .batch import Batcher
from .chat_template import ChatTemplate
from .generate import Bounds, Completion, Sampler, active_adapter, at_rest, generate
from .load import Loaded
from .prefix_cache import PrefixCache, can_cache
from .request import Request
from .score import logprobs_of
from .token_record import vocabulary_of
from .vision_adapter import ImageCache, SampledFrames, VisionAdapter, vision_adapter_of

Row = tuple[Sequence[int], Sequence[bool], Sequence[SampledFrames]]
"""Ids of a record, which of them were sampled, and its pictures."""


class Engine:
    """One model for any number of concurrent callers.

    Args:
        loaded: model and processor; a trainer may put another model into `loaded.model` between turns.
        size: rows of a batch.
    """

    def __init__(self, loaded: Loaded, *, size: int = 16) -> None:
        self.loaded = loaded
        self.template = ChatTemplate(loaded.name, loaded.processor)
        self.vision: VisionAdapter = vision_adapter_of(loaded.model, loaded.processor)
        self.images = ImageCache(self.vision)
        self.bounds = _bounds(loaded, self.template, self.vision)
        self.vocabulary = vocabulary_of(loaded.tokenizer)
        self.sampler = Sampler
        self.prefixes: PrefixCache | None = None
        """Keys and values of earlier turns; None for models whose prompts are read whole at every turn."""
        if can_cache(loaded.model, self.vision):
            self.prefixes = PrefixCache(loaded, self.vision, self.bounds.pad)
        self.batcher: Batcher[Request, Completion] = Batcher(self._generate, kind=_kind, size=size)

    @property
    def context(self) -> int:
        """Tokens that the model can read."""
        text = self.loaded.model.config.get_text_config()
        limits = [getattr(text, "max_position_embeddings", None), self.loaded.tokenizer.model_max_length]
        return min(int(limit) for limit in limits if limit)

    def decode(self, ids: Sequence[int]) -> str:
        """Return what was sampled, as text without control tokens."""
        text: str = self.loaded.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def choice_ids(self, choices: Sequence[str]) -> tuple[int, ...]:
        """The first id of each choice, as a reply would begin with it.

        Raises:
            ValueError: if two of them begin with the same id.
        """
        lead = self.template.before_reply
        lead = lead if not lead.strip() else ""
        ids = tuple(self.template.ids(lead + self.template.plain(choice))[0] for choice in choices)
        if len(set(ids)) < len(ids):
            raise ValueError(f"{', '.join(choices)} cannot be weighed: two of them begin with the same token.")
        return ids

    def logprobs(self, rows: Sequence[Row], *, role: str = "") -> list[Any]:
        """Log-probabilities of the sampled ids of each row, by one pass; with gradients where the caller has them."""
        ids, masks, frames = zip(*rows, strict=True)
        with at_rest(self.loaded.model), active_adapter(self.loaded, role):
            return logprobs_of(self.loaded, self.vision, ids, masks, frames, self.bounds.pad)

    def forget(self) -> None:
        """Let go of what conversations were read as: their next turns read all of them again."""
        if self.prefixes is not None:
            self.prefixes.forget()

    def _generate(self, batch: Sequence[Request]) -> list[Completion]:
        return generate(self.loaded, self.vision, self.bounds, batch, self.sampler, self.prefixes)


def _kind(request: Request) -> tuple[str, int, int]:
    return request.role, request.beams, request.limit if request.beams > 1 else 0


def _bounds(loaded: Loaded, template: ChatTemplate, vision: VisionAdapter) -> Bounds:
    """The reply ends with what the template closes it with; nothing else that controls can be sampled."""
    tokenizer = loaded.tokenizer
    close = template.ids(template.close)[:1]
    ends = {i for i in close if i in template.special_ids} or set(_eos(loaded))
    config = loaded.model.config
    width = int(loaded.model.get_output_embeddings().weight.shape[0])
    named = [getattr(config, f"{what}_token_id", None) for what in ("image", "video", "vision_start", "vision_end")]
    control = {*template.special_ids, *vision.token_ids, *(i for i in named if i is not None)}
    without_text = range(len(tokenizer), width)  # rows that only round up the size of the matrix
    suppressed = sorted(i for i in {*control, *without_text} - ends if 0 <= i < width)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends)
    return Bounds(ends=frozenset(ends), suppressed=tuple(suppressed), pad=pad)


def _eos(loaded: Loaded) -> list[int]:
    eos = loaded.model.generation_config.eos_token_id
    found = eos if isinstance(eos, list) else [eos]
    return [i for i in found if i is not None] or [loaded.tokenizer.eos_token_id]
