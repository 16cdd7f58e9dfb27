"""Sentence encoders of the BERT kind, computed by numpy where that is quicker to start, else by transformers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..checkpoints import Checkpoint, require_torch
from ..errors import CapabilityError
from .bert import Bert, name_prefix

_REVISION = 1  # raise it when the vectors change; both ways of computing them agree to 1e-5
_BATCH = 32
_CHARACTERS_PER_TOKEN = 40  # far more than any real token has: only bounds the tokenizer's work on a huge text
_WIDEST = 384  # up to MiniLM's width numpy keeps up with torch, whose import costs 3 s (docs/results.md)


class SentenceEncoder(ABC):
    """A sentence encoder from a folder or the hub's local cache; loaded when first used.

    Pooling (mean or first token) and the longest input come from the checkpoint's own sentence-transformers files;
    without them: mean pooling over all tokens, and as many tokens as the model has positions.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
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
        return partial(type(self), replace(self._checkpoint), threads=self._threads), ()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        # Similar lengths in one batch waste the least padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
        with self._lock:  # fast tokenizers cannot be used by two threads at once
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                # Lone surrogates, as badly decoded subtitles have them, cannot be tokenized.
                clean = [texts[index].strip().encode("utf-8", "replace").decode("utf-8") for index in batch]
                rows[batch] = self._encode([text[: self._max_tokens * _CHARACTERS_PER_TOKEN] for text in clean])
        return rows

    @abstractmethod
    def _encode(self, texts: list[str]) -> np.ndarray:
        """Float32 [B, dim] with unit rows, of at most `_max_tokens` tokens of each text."""


class BertText(SentenceEncoder):
    """A small BERT (MiniLM, bge-small, e5-small) that `computable` accepts, without torch."""

    @cached_property
    def _loaded(self) -> tuple[Bert, Any, Any]:
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        config = self._checkpoint.config
        with self._checkpoint.loading():
            tokenizer = Tokenizer.from_file(str(self._checkpoint.folder / "tokenizer.json"))
            (weights,) = self._checkpoint.weights
            bert = Bert.load(
                weights,
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config.get("layer_norm_eps", 1e-12)),
            )
        tokenizer.enable_padding(pad_id=int(config.get("pad_token_id") or 0))
        tokenizer.enable_truncation(self._max_tokens)
        return bert, tokenizer, ThreadpoolController()

    def _encode(self, texts: list[str]) -> np.ndarray:
        bert, tokenizer, pools = self._loaded
        rows = tokenizer.encode_batch(texts)
        ids = np.array([row.ids for row in rows])  # [B, T]
        mask = np.array([row.attention_mask for row in rows], bool)
        with pools.limit(limits=self._threads, user_api="blas"):
            states = bert(ids, mask)  # [B, T, D]
        if self._pooling == "cls":
            pooled = states[:, 0]
        else:
            pooled = np.einsum("btd,bt->bd", states, mask.astype(np.float32)) / mask.sum(1, keepdims=True)
        unit: np.ndarray = pooled / np.linalg.norm(pooled, axis=-1, keepdims=True)
        return unit.astype(np.float32)


class TransformersText(SentenceEncoder):
    """Any BERT-like sentence encoder through transformers, on a GPU where there is one.

    It gives the vectors of sentence-transformers without that package's slow import.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        require_torch(f"Encoder {checkpoint.name}")
        super().__init__(checkpoint, threads=threads)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = str(self._checkpoint.folder)
        with self._checkpoint.loading():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
            return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer

    def _encode(self, texts: list[str]) -> np.ndarray:
        import torch

        model, tokenizer = self._loaded
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt").to(
            model.device
        )
        with torch.inference_mode(), torch_threads(self._threads):
            states = model(**inputs).last_hidden_state  # [B, T, D]
            if self._pooling == "cls":
                pooled = states[:, 0]
            else:
                mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)  # [B, T, 1]
                pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            rows: np.ndarray = torch.nn.functional.normalize(pooled, dim=-1).float().cpu().numpy()
        return rows


def computable(checkpoint: Checkpoint) -> bool:
    """Return whether `BertText` computes a checkpoint: a small BERT as published, in one file, not in bfloat16."""
    config = checkpoint.config
    plain = (
        config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
        and int(config.get("hidden_size", _WIDEST + 1)) <= _WIDEST
    )
    if not plain or len(checkpoint.weights) != 1 or not (checkpoint.folder / "tokenizer.json").is_file():
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(checkpoint.weights[0]), "np") as file:
            name = name_prefix(list(file.keys())) + "embeddings.LayerNorm.weight"
            return name in list(file.keys()) and file.get_slice(name).get_dtype() in ("F32", "F16")
    except SafetensorError:
        return False


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Run the body with `count` torch threads on the CPU, and restore the number afterwards (None: no change)."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
