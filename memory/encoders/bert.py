"""The forward pass of a small BERT in numpy: the vectors of torch without the seconds that importing torch takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)  # Abramowitz and Stegun 7.1.26, to 1.5e-7
_ERF_SCALE = 0.3275911

Affine = tuple[np.ndarray, np.ndarray]
"""Weight [in, out] and bias [out] of a linear layer, or scale [D] and shift [D] of a layer norm."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer; queries, keys and values are one matrix [D, 3 D]."""

    attention: Affine
    attention_output: Affine
    attention_norm: Affine
    intermediate: Affine
    output: Affine
    output_norm: Affine


@dataclass(frozen=True, slots=True)
class Bert:
    """The weights of a BERT with learned positions and exact GELU."""

    words: np.ndarray
    """[vocabulary, D]"""
    positions: np.ndarray
    """[positions, D], the embedding of the first token type added."""
    norm: Affine
    layers: tuple[_Layer, ...]
    heads: int
    epsilon: float

    @classmethod
    def load(cls, weights: Path, *, layers: int, heads: int, epsilon: float = 1e-12) -> Bert:
        """Read a file of safetensors with the names that transformers gives them, as float32."""
        from safetensors import safe_open

        with safe_open(str(weights), "np") as file:
            prefix = name_prefix(list(file.keys()))

            def get(name: str) -> np.ndarray:
                return np.asarray(file.get_tensor(prefix + name), np.float32)

            return cls(
                words=get("embeddings.word_embeddings.weight"),
                positions=get("embeddings.position_embeddings.weight")
                + get("embeddings.token_type_embeddings.weight")[0],
                norm=(get("embeddings.LayerNorm.weight"), get("embeddings.LayerNorm.bias")),
                layers=tuple(_layer(get, f"encoder.layer.{index}") for index in range(layers)),
                heads=heads,
                epsilon=epsilon,
            )

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Compute the last hidden states.

        Args:
            ids: token ids [B, T].
            mask: bool [B, T], False where a row is only padded.

        Returns:
            Float32 [B, T, D].
        """
        batch, length = ids.shape
        width = self.words.shape[1]
        size = width // self.heads
        # [B, 1, 1, T]: padding is so far below that its softmax is 0.
        padding = np.where(mask, np.float32(0), np.finfo(np.float32).min)[:, None, None, :]
        states = self._normalize((self.words[ids] + self.positions[:length]).reshape(-1, width), self.norm)  # [B T, D]
        for layer in self.layers:
            projected = _linear(layer.attention, states).reshape(batch, length, 3, self.heads, size)
            queries, keys, values = projected.transpose(2, 0, 3, 1, 4)  # each [B, H, T, D / H]
            scores = queries @ keys.transpose(0, 1, 3, 2)  # [B, H, T, T]
            scores *= np.float32(size**-0.5)
            scores += padding
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            context = (scores @ values).transpose(0, 2, 1, 3).reshape(-1, width)
            states = self._normalize(states + _linear(layer.attention_output, context), layer.attention_norm)
            hidden = _linear(layer.output, _gelu(_linear(layer.intermediate, states)))
            states = self._normalize(states + hidden, layer.output_norm)
        return states.reshape(batch, length, width)

    def _normalize(self, rows: np.ndarray, norm: Affine) -> np.ndarray:
        """Layer norm of rows [N, D], in place."""
        rows -= rows.mean(axis=-1, keepdims=True)
        variance = np.einsum("nd,nd->n", rows, rows) / np.float32(rows.shape[1])
        rows /= np.sqrt(variance + np.float32(self.epsilon))[:, None]
        rows *= norm[0]
        rows += norm[1]
        return rows


def name_prefix(names: list[str]) -> str:
    """Return `bert.` where the encoder was saved as a part of a model with a head, else nothing."""
    return "bert." if any(name.startswith("bert.embeddings.") for name in names) else ""


def _layer(get: Callable[[str], np.ndarray], name: str) -> _Layer:
    def linear(part: str) -> Affine:
        return get(f"{name}.{part}.weight").T, get(f"{name}.{part}.bias")

    def norm(part: str) -> Affine:
        return get(f"{name}.{part}.LayerNorm.weight"), get(f"{name}.{part}.LayerNorm.bias")

    weights, biases = zip(*(linear(f"attention.self.{part}") for part in ("query", "key", "value")), strict=True)
    return _Layer(
        attention=(np.hstack(weights), np.hstack(biases)),
        attention_output=linear("attention.output.dense"),
        attention_norm=norm("attention.output"),
        intermediate=linear("intermediate.dense"),
        output=linear("output.dense"),
        output_norm=norm("output"),
    )


def _linear(weights: Affine, rows: np.ndarray) -> np.ndarray:
    product: np.ndarray = rows @ weights[0]
    product += weights[1]
    return product


def _gelu(rows: np.ndarray) -> np.ndarray:
    """GELU, x (1 + erf(x / √2)) / 2, with erf by a polynomial, which is quicker than scipy's import and its erf."""
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
