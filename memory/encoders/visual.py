"""Frames as unit vectors: SigLIP2, SigLIP or CLIP on this disk, else named colours, brightness and motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from .text import Encoder

if TYPE_CHECKING:
    from ..protocol import Frame


@runtime_checkable
class VisualEncoder(Encoder, Protocol):
    """Turns frames and queries into vectors whose inner product says how well they fit."""

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Float32 [n, dim] with unit rows, one for each frame; the frames are successive ones of one clip.

        Where nothing new is shown, the same `Frame` stands again: it need not be encoded again.
        """

    def encode_query(self, query: str) -> np.ndarray | None:
        """Float32 [dim], a unit vector; None when the query has nothing that this encoder could see."""

    def describe(self, frames: Sequence[Frame]) -> str | None:
        """A short honest text about successive frames of one clip; None when there is nothing to say."""


def pool(rows: np.ndarray) -> np.ndarray:
    """One unit vector [dim] for a clip, from the unit rows [n, dim] of its frames: their mean, normalised.

    Raises:
        ValueError: no rows.
    """
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"Pooling needs rows of shape [n, dim] with n > 0, got {rows.shape}.")
    mean: np.ndarray = rows.mean(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(mean))
    return (mean / norm if norm > 0 else mean).astype(np.float32)


def visual_encoder(name: str | None = None, *, download: bool = False, threads: int | None = None) -> VisualEncoder:
    """The visual encoder called `name`.

    Args:
        name: folder or hub name of a SigLIP2, SigLIP or CLIP checkpoint, with `onnx:` before it one in ONNX (a folder
            that holds nothing else is seen to be one); None or `"colors"`: the one without weights.
        download: allow a hub name to be fetched.
        threads: torch threads on the CPU (None: as torch is set).

    Raises:
        CapabilityError: the encoder is not on this disk, or needs a package that is not installed.
    """
    if name in (None, "colors", "colours"):
        from .colors import NamedColors

        return NamedColors()
    if name.startswith("onnx:") or _only_onnx(Path(name).expanduser()):
        from .onnx_visual import OnnxVisual

        return OnnxVisual(name.removeprefix("onnx:"), download=download, threads=threads)
    from .transformers_visual import TransformersVisual

    return TransformersVisual(name, download=download, threads=threads)


def _only_onnx(folder: Path) -> bool:
    """Return whether a folder holds a model in ONNX and none in safetensors."""
    if not folder.is_dir() or any(folder.glob("*.safetensors")):
        return False
    return any((folder / part / "vision_model.onnx").is_file() for part in ("", "onnx"))
