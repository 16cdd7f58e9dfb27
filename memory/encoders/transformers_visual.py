"""SigLIP2, SigLIP and CLIP through transformers: frames and queries in one space, by trained weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CapabilityError
from .checkpoint import Checkpoint
from .colors import NamedColors
from .torch_runtime import loading, require_torch, torch_threads

if TYPE_CHECKING:
    from ..protocol import Frame

_REVISION = 1  # raise it when this file's vectors change
FAMILIES = ("siglip2", "siglip", "clip")
_PRECISIONS = ("float32", "float16", "bfloat16")


class TransformersVisual:
    """An image-and-text encoder from a folder or the hub's local cache; loaded when first used.

    Frames are prepared by the checkpoint's own processor in its PIL form, so that vectors do not depend on whether
    torchvision is installed. CLIP's processor cuts wide pictures to a centred square; SigLIP2 sees all of them.
    """

    def __init__(
        self,
        name: str,
        *,
        download: bool = False,
        threads: int | None = None,
        device: str | None = None,
        batch: int = 16,
        dtype: str | None = None,
    ) -> None:
        """Find the checkpoint (nothing is loaded yet).

        Args:
            name: folder or hub name.
            download: allow the hub name to be fetched.
            threads: torch threads on the CPU (None: as torch is set).
            device: torch device; None: a GPU when there is one.
            batch: frames that go through the model at once.
            dtype: `float32`, `float16` or `bfloat16`; None: float16 on a GPU, else float32. Half precision halves the
                memory; of the two, float16 keeps three more bits of a vector.

        Raises:
            CapabilityError: not on this disk, of another family, or no torch.
        """
        require_torch(f"Encoder {name}")
        self._arguments = {"name": name, "threads": threads, "device": device, "batch": batch, "dtype": dtype}
        if dtype not in (None, *_PRECISIONS):
            raise CapabilityError(f"Encoder {name}: dtype {dtype!r} is none of {', '.join(_PRECISIONS)}.")
        self._checkpoint = Checkpoint.find(name, download=download)
        self._family = str(self._checkpoint.config.get("model_type", "unknown"))
        if self._family not in FAMILIES:
            raise CapabilityError(
                f"Encoder {self._checkpoint.name} is a {self._family} model; give one of {', '.join(FAMILIES)}, "
                "such as google/siglip2-base-patch16-224."
            )
        self._threads = threads
        self._device = device
        self._dtype = dtype
        self._batch = batch
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None
        self._images: Any = None
        self.name = self._checkpoint.name

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return vector_length(self._checkpoint, self._family)

    @cached_property
    def stamp(self) -> str:
        """Name, dimension and content of the checkpoint."""
        return f"{self.name}:{self.dim}:{self._checkpoint.fingerprint}.{_REVISION}"

    def __reduce__(self) -> tuple[Callable[..., TransformersVisual], tuple[dict[str, Any]]]:
        # Sent to a worker process by its arguments, never by its weights.
        return _restore, (self._arguments,)

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Float32 [n, dim] with unit rows, one for each frame."""
        rows = np.zeros((len(frames), self.dim), dtype=np.float32)
        with self._lock:
            self._load()
            with torch_threads(self._threads):
                for start in range(0, len(frames), self._batch):
                    images = [frame.image for frame in frames[start : start + self._batch]]
                    inputs = self._images(images=images, return_tensors="pt", input_data_format="channels_last")
                    rows[start : start + len(images)] = self._features("get_image_features", inputs)
        return rows

    def encode_query(self, query: str) -> np.ndarray | None:
        """Float32 [dim], a unit vector; None for a query without any text."""
        text = plain_query(query)
        if not text:
            return None
        with self._lock:
            self._load()
            with torch_threads(self._threads):
                vector: np.ndarray = self._features("get_text_features", self._tokenize(text))[0]
        return vector

    def describe(self, frames: Sequence[Frame]) -> str | None:
        """Colours, brightness and motion in words: these weights match texts, they do not write any."""
        return NamedColors().describe(frames)

    def _tokenize(self, text: str) -> Any:
        length = int(self._model.config.text_config.max_position_embeddings)
        return tokens_of(self._tokenizer, self._family, text, length, "pt")

    def _features(self, method: str, inputs: Any) -> np.ndarray:
        import torch

        with torch.inference_mode():
            rows = self._forward(method, inputs)
            if not torch.isfinite(rows).all() and self._model.dtype != torch.float32:
                self._model.float()  # half precision overflowed: slower, but right
                rows = self._forward(method, inputs)
            vectors: np.ndarray = torch.nn.functional.normalize(rows, dim=-1).cpu().numpy()
        return vectors

    def _forward(self, method: str, inputs: Any) -> Any:
        device, dtype = self._model.device, self._model.dtype
        moved = {
            key: value.to(device=device, dtype=dtype if value.is_floating_point() else None)
            for key, value in inputs.items()
        }
        return getattr(self._model, method)(**moved).pooler_output.float()  # [B, D]

    def _load(self) -> None:
        if self._model is not None:
            return
        import torch
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        folder = str(self._checkpoint.folder)
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = getattr(torch, self._dtype or ("float16" if device.startswith("cuda") else "float32"))
        with loading(self.name, folder):
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._images = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype
            )
            self._model = model.to(device).eval()


def plain_query(query: str) -> str:
    """A query as all three families were trained on: lower case (not all of their tokenizers see to it), one line."""
    return " ".join(query.encode("utf-8", "replace").decode("utf-8").split()).lower()


def tokens_of(tokenizer: Any, family: str, text: str, length: int, tensors: str) -> dict[str, Any]:
    """A query as its family's text tower takes it; `tensors` is `pt` or `np`."""
    if family == "clip":
        return dict(tokenizer([text], truncation=True, max_length=length, return_tensors=tensors))
    # SigLIP was trained on texts padded on the right to the full length, without a mask, and reads the result off
    # the last place; any other padding gives another vector.
    inputs = tokenizer(
        [text],
        padding="max_length",
        padding_side="right",
        truncation=True,
        max_length=length,
        return_attention_mask=False,
        return_tensors=tensors,
    )
    return {"input_ids": inputs["input_ids"]}


def read_config(checkpoint: Checkpoint) -> Any:
    """The configuration by its class: those on the hub leave out what has its default value."""
    from transformers import AutoConfig

    with loading(checkpoint.name, str(checkpoint.folder)):
        return AutoConfig.from_pretrained(str(checkpoint.folder), local_files_only=True, trust_remote_code=False)


def vector_length(checkpoint: Checkpoint, family: str) -> int:
    """Length of the vectors of a checkpoint."""
    config = read_config(checkpoint)
    return int(config.projection_dim if family == "clip" else config.vision_config.hidden_size)


def _restore(arguments: dict[str, Any]) -> TransformersVisual:
    return TransformersVisual(**arguments)
