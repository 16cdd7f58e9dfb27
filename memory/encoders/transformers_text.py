"""Sentence encoders through transformers: the vectors of sentence-transformers, without its slow import."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checkpoint import Checkpoint
from .sentences import SentenceEncoder
from .torch_runtime import loading, require_torch, torch_threads


class TransformersText(SentenceEncoder):
    """Any BERT-like sentence encoder, on a GPU where there is one."""

    def __init__(self, checkpoint: Checkpoint, *, threads: int | None = None) -> None:
        """As `SentenceEncoder`.

        Raises:
            CapabilityError: not a sentence encoder that this class computes rightly, or no torch.
        """
        require_torch(f"Encoder {checkpoint.name}")
        super().__init__(checkpoint, threads=threads)
        self._model: Any = None
        self._tokenizer: Any = None

    def _load(self) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        folder = str(self._checkpoint.folder)
        with loading(self.name, folder):
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
            self._model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    def _encode(self, texts: list[str]) -> np.ndarray:
        import torch

        if self._model is None:
            self._load()
        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode(), torch_threads(self._threads):
            states = self._model(**inputs).last_hidden_state  # [B, T, D]
            if self._pooling == "cls":
                pooled = states[:, 0]
            else:
                mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)  # [B, T, 1]
                pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            pooled = torch.nn.functional.normalize(pooled, dim=-1)
        rows: np.ndarray = pooled.float().cpu().numpy()
        return rows
