"""The forward pass of a small BERT in numpy: what torch computes, without the seconds that importing torch takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)  # Abramowitz and Stegun 7.1.26, to 1.5e-7
_ERF_SCALE = 0.3275911

Linear = tuple[np.ndarray, np.ndarray]
"""Weight [in, out] and bias [out]."""
Norm = tuple[np.ndarray, np.ndarray]
"""Scale [D] and shift [D]."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer; queries, keys and values are one matrix [D, 3 D]."""

    attention: Linear
    mixed: Linear
    mixed_norm: Norm
    wider: Linear
    narrower: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class Bert:
    """The weights of a BERT with learned positions and exact GELU."""

    words: np.ndarray
    """[vocabulary, D]"""
    places: np.ndarray
    """[positions, D], the embedding of the first token type added."""
    norm: Norm
    layers: tuple[_Layer, ...]
    heads: int
    epsilon: float

    @classmethod
    def load(cls, weights: Path, *, layers: int, heads: int, epsilon: float = 1e-12) -> Bert:
        """Read a file of safetensors with the names that transformers gives them, as float32.

        Raises:
            SafetensorError: the file is damaged, or lacks one of them.
        """
        from safetensors import safe_open

        with safe_open(str(weights), "np") as file:
            prefix = name_prefix(list(file.keys()))

            def get(name: str) -> np.ndarray:
                return np.asarray(file.get_tensor(prefix + name), np.float32)

            return cls(
                words=get("embeddings.word_embeddings.weight"),
                places=get("embeddings.position_embeddings.weight") + get("embeddings.token_type_embeddings.weight")[0],
                norm=_norm(get, "embeddings.LayerNorm"),
                layers=tuple(_layer(get, f"encoder.layer.{index}") for index in range(layers)),
                heads=heads,
                epsilon=epsilon,
            )

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The last hidden states.

        Args:
            ids: token ids [B, T].
            mask: bool [B, T], False where a row is only padded.

        Returns:
            Float32 [B, T, D].
        """
        batch, length = ids.shape
        width = self.words.shape[1]
        size = width // self.heads
        # [B, 1, 1, T]: what is padded is so far below that its softmax is 0.
        hidden = np.where(mask, np.float32(0), np.finfo(np.float32).min)[:, None, None, :]
        states = self._normed((self.words[ids] + self.places[:length]).reshape(-1, width), self.norm)  # [B T, D]
        for layer in self.layers:
            projected = _apply(layer.attention, states).reshape(batch, length, 3, self.heads, size)
            queries, keys, values = projected.transpose(2, 0, 3, 1, 4)  # each [B, H, T, D / H]
            scores = queries @ keys.transpose(0, 1, 3, 2)  # [B, H, T, T]
            scores *= np.float32(size**-0.5)
            scores += hidden
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            read = (scores @ values).transpose(0, 2, 1, 3).reshape(-1, width)
            states = self._normed(states + _apply(layer.mixed, read), layer.mixed_norm)
            states = self._normed(states + _apply(layer.narrower, _gelu(_apply(layer.wider, states))), layer.norm)
        return states.reshape(batch, length, width)

    def _normed(self, rows: np.ndarray, norm: Norm) -> np.ndarray:
        """Layer norm of rows [N, D], in place."""
        rows -= rows.mean(axis=-1, keepdims=True)
        variance = np.einsum("nd,nd->n", rows, rows) / np.float32(rows.shape[1])
        rows /= np.sqrt(variance + np.float32(self.epsilon))[:, None]
        rows *= norm[0]
        rows += norm[1]
        return rows


def name_prefix(names: list[str]) -> str:
    """What stands before the names of the encoder: `bert.` where it was saved as a part of a model with a head."""
    return "bert." if any(name.startswith("bert.embeddings.") for name in names) else ""


def _layer(get: Callable[[str], np.ndarray], name: str) -> _Layer:
    parts = [_linear(get, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return _Layer(
        attention=(np.hstack([weight for weight, _ in parts]), np.hstack([bias for _, bias in parts])),
        mixed=_linear(get, f"{name}.attention.output.dense"),
        mixed_norm=_norm(get, f"{name}.attention.output.LayerNorm"),
        wider=_linear(get, f"{name}.intermediate.dense"),
        narrower=_linear(get, f"{name}.output.dense"),
        norm=_norm(get, f"{name}.output.LayerNorm"),
    )


def _linear(get: Callable[[str], np.ndarray], name: str) -> Linear:
    return get(f"{name}.weight").T, get(f"{name}.bias")


def _norm(get: Callable[[str], np.ndarray], name: str) -> Norm:
    return get(f"{name}.weight"), get(f"{name}.bias")


def _apply(linear: Linear, rows: np.ndarray) -> np.ndarray:
    weight, bias = linear
    product: np.ndarray = rows @ weight
    product += bias
    return product


def _gelu(rows: np.ndarray) -> np.ndarray:
    """GELU, x (1 + erf(x / √2)) / 2, with erf by a polynomial: numpy has none, and scipy is slow to import."""
    size = np.abs(rows)
    size *= np.float32(0.5**0.5)
    step = 1 / (1 + np.float32(_ERF_SCALE) * size)
    series = np.full_like(rows, _ERF[0])
    for factor in _ERF[1:]:
        series *= step
        series += np.float32(factor)
    series *= step
    np.square(size, out=step)
    np.negative(step, out=step)
    series *= np.exp(step, out=step)
    np.subtract(1, series, out=series)  # erf of |x| / √2
    np.copysign(series, rows, out=series)
    series += 1
    series *= rows
    series *= np.float32(0.5)
    return series
