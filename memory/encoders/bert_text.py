"""Small BERT sentence encoders (MiniLM, bge-small, e5-small) without torch: quick to start, as exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import CapabilityError
from .bert import Bert, name_prefix
from .checkpoint import Checkpoint
from .sentences import SentenceEncoder

_WIDEST = 384  # numpy takes a sixth longer than torch for a batch, which costs 3 s to import


class BertText(SentenceEncoder):
    """A sentence encoder that `computable` says yes to."""

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        super().__init__(checkpoint, threads=threads)
        self._bert: Bert | None = None
        self._tokenizer: Any = None
        self._pools: Any = None

    def _load(self) -> Bert:
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        config = self._checkpoint.config
        try:
            self._tokenizer = Tokenizer.from_file(str(self._checkpoint.folder / "tokenizer.json"))
            (weights,) = self._checkpoint.weights
            bert = Bert.load(
                weights,
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                epsilon=float(config.get("layer_norm_eps", 1e-12)),
            )
        except Exception as error:  # what safetensors and tokenizers raise for a damaged file has no common kind
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise CapabilityError(
                f"Encoder {self.name} ({self._checkpoint.folder}) cannot be loaded: {reason}"
            ) from error
        padding = int(config.get("pad_token_id") or 0)
        self._tokenizer.enable_padding(pad_id=padding)
        self._tokenizer.enable_truncation(self._max_tokens)
        self._pools = ThreadpoolController()
        return bert

    def _encode(self, texts: list[str]) -> np.ndarray:
        if self._bert is None:
            self._bert = self._load()
        rows = self._tokenizer.encode_batch(texts)
        ids = np.array([row.ids for row in rows])  # [B, T]
        mask = np.array([row.attention_mask for row in rows], bool)
        with self._pools.limit(limits=self._threads, user_api="blas"):
            states = self._bert(ids, mask)  # [B, T, D]
        if self._pooling == "cls":
            pooled = states[:, 0]
        else:
            pooled = np.einsum("btd,bt->bd", states, mask.astype(np.float32)) / mask.sum(1, keepdims=True)
        unit: np.ndarray = pooled / np.linalg.norm(pooled, axis=-1, keepdims=True)
        return unit.astype(np.float32)


def computable(checkpoint: Checkpoint) -> bool:
    """Whether `BertText` gives the vectors of a checkpoint: a small BERT as published, in one file, not in bfloat16."""
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
