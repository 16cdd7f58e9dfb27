"""Sentence encoders through transformers: the vectors of sentence-transformers, without its slow import."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import CapabilityError
from .checkpoint import Checkpoint
from .torch_runtime import loading, require_torch, torch_threads

_REVISION = 1  # raise it when this file's vectors change
_BATCH = 32
_CHARACTERS_PER_TOKEN = 40  # far more than any real token has: only bounds the tokenizer's work on a huge text


class TransformersText:
    """A BERT-like sentence encoder from a folder or the hub's local cache; loaded when first used.

    Pooling (mean or first token) and the longest input come from the checkpoint's own sentence-transformers files;
    without them: mean pooling over all tokens, and as many tokens as the model has positions.
    """

    def __init__(
        self,
        name: str,
        *,
        download: bool = False,
        threads: int | None = None,
        device: str | None = None,
        label: str | None = None,
    ) -> None:
        """Find the checkpoint (nothing is loaded yet).

        Args:
            name: folder or hub name.
            download: allow the hub name to be fetched.
            threads: torch threads on the CPU (None: as torch is set).
            device: torch device; None: a GPU when there is one.
            label: the name to show instead of the folder's.

        Raises:
            CapabilityError: not on this disk, not a sentence encoder that this class computes rightly, or no torch.
        """
        require_torch(f"Encoder {name}")
        self._arguments = {"name": name, "threads": threads, "device": device, "label": label}
        self._checkpoint = Checkpoint.find(name, download=download)
        self._threads = threads
        self._device = device
        self._pooling = _pooling(self._checkpoint)
        self._max_tokens = _max_tokens(self._checkpoint)
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None
        self.name = label or self._checkpoint.name
        self.dim = int(self._checkpoint.config["hidden_size"])
        self.stamp = f"{self.name}:{self.dim}:{self._checkpoint.fingerprint}.{_REVISION}"

    def __reduce__(self) -> tuple[Callable[..., TransformersText], tuple[dict[str, Any]]]:
        # Sent to a worker process by its arguments, never by its weights.
        return _restore, (self._arguments,)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows."""
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        # Alike lengths in one batch waste the least padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
        with self._lock:  # fast tokenizers cannot be used by two threads at once
            self._load()
            with torch_threads(self._threads):
                for start in range(0, len(order), _BATCH):
                    batch = order[start : start + _BATCH]
                    rows[batch] = self._encode([self._clean(texts[index]) for index in batch])
        return rows

    def _clean(self, text: str) -> str:
        # Lone surrogates cannot be tokenized; they come from badly decoded subtitles.
        text = text.strip()[: self._max_tokens * _CHARACTERS_PER_TOKEN]
        return text.encode("utf-8", "replace").decode("utf-8")

    def _load(self) -> None:
        if self._model is not None:
            return
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = str(self._checkpoint.folder)
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        with loading(self.name, folder):
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
            self._model = model.to(device).eval()

    def _encode(self, texts: list[str]) -> np.ndarray:
        import torch

        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            states = self._model(**inputs).last_hidden_state  # [B, T, D]
            if self._pooling == "cls":
                pooled = states[:, 0]
            else:
                mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)  # [B, T, 1]
                pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            pooled = torch.nn.functional.normalize(pooled, dim=-1)
        rows: np.ndarray = pooled.float().cpu().numpy()
        return rows


def _restore(arguments: dict[str, Any]) -> TransformersText:
    return TransformersText(**arguments)


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
