"""Sentence encoders of the BERT kind: what they read, in which batches, how it is pooled; others compute it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import CapabilityError
from .checkpoint import Checkpoint

_REVISION = 1  # raise it when the vectors change; every way of computing them gives the same to 1e-5
_BATCH = 32
_CHARACTERS_PER_TOKEN = 40  # far more than any real token has: only bounds the tokenizer's work on a huge text


class SentenceEncoder(ABC):
    """A sentence encoder from a folder or the hub's local cache; loaded when first used.

    Pooling (mean or first token) and the longest input come from the checkpoint's own sentence-transformers files;
    without them: mean pooling over all tokens, and as many tokens as the model has positions.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        """Read what the checkpoint says of itself (nothing is loaded yet).

        Args:
            checkpoint: holds the weights and a tokenizer.
            threads: threads on the CPU (None: as the library is set).

        Raises:
            CapabilityError: it is no sentence encoder that is computed rightly here.
        """
        self._checkpoint = checkpoint
        self._threads = threads
        self._pooling = _pooling(checkpoint)
        self._max_tokens = _max_tokens(checkpoint)
        self._lock = threading.Lock()
        self.name = checkpoint.name
        self.dim = int(checkpoint.config["hidden_size"])
        self.stamp = f"{self.name}:{self.dim}:{checkpoint.fingerprint}.{_REVISION}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Sent to a worker process by its arguments, never by its weights.
        return _restore, (type(self), replace(self._checkpoint), self._threads)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        # Alike lengths in one batch waste the least padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
        with self._lock:  # fast tokenizers cannot be used by two threads at once
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                rows[batch] = self._encode([self._clean(texts[index]) for index in batch])
        return rows

    def _clean(self, text: str) -> str:
        # Lone surrogates cannot be tokenized; they come from badly decoded subtitles.
        text = text.strip()[: self._max_tokens * _CHARACTERS_PER_TOKEN]
        return text.encode("utf-8", "replace").decode("utf-8")

    @abstractmethod
    def _encode(self, texts: list[str]) -> np.ndarray:
        """Float32 [B, dim] with unit rows, of at most `_max_tokens` tokens of each text."""


def _restore(kind: type[SentenceEncoder], checkpoint: Checkpoint, threads: int | None) -> SentenceEncoder:
    return kind(checkpoint, threads=threads)


def _pooling(checkpoint: Checkpoint) -> str:
    """`mean` or `cls`, as the checkpoint's sentence-transformers files say."""
    if "hidden_size" not in checkpoint.config:
        kind = checkpoint.config.get("model_type", "unknown")
        raise CapabilityError(
            f"Encoder {checkpoint.name} ({kind}) is not a text encoder: its config has no hidden_size."
        )
    for extra in sorted(checkpoint.folder.glob("[0-9]_*")):
        if "Pooling" not in extra.name and "Normalize" not in extra.name:
            raise CapabilityError(
                f"Encoder {checkpoint.name} has a layer {extra.name} after pooling, which rewatch does not compute."
            )
    settings = checkpoint.json("1_Pooling/config.json")
    modes = settings.get("pooling_mode")
    if modes is None:
        names = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
        modes = [names.get(key, key) for key, on in settings.items() if key.startswith("pooling_mode_") and on is True]
    modes = [modes] if isinstance(modes, str) else list(modes) or ["mean"]
    if modes not in (["mean"], ["cls"]):
        raise CapabilityError(f"Encoder {checkpoint.name} pools by {'+'.join(modes)}; rewatch computes mean and cls.")
    return str(modes[0])


def _max_tokens(checkpoint: Checkpoint) -> int:
    config = checkpoint.config
    positions = int(config.get("max_position_embeddings", 512))
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # these count positions from padding_idx + 1
    stated = checkpoint.json("sentence_bert_config.json").get("max_seq_length")
    return min(int(stated), positions) if stated else positions
