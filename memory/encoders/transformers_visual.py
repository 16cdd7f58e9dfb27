"""SigLIP2, SigLIP and CLIP: frames and queries in one space, by trained weights through transformers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoints import TORCH, Checkpoint, require_torch
from ..errors import CapabilityError
from .colors import NamedColors
from .sentence_encoder import torch_threads

if TYPE_CHECKING:
    from ..protocol import Frame

_BATCH = 16  # frames that go through the model at once
_PRECISIONS = ("float32", "float16", "bfloat16")


class ImageTextEncoder(ABC):
    """An image-and-text encoder from a folder or the hub's local cache; loaded when first used.

    Frames are prepared by the checkpoint's own processor in its PIL form, so that vectors do not depend on whether
    torchvision is installed. CLIP's processor cuts wide pictures to a centered square; SigLIP2 sees all of them.
    """

    families: tuple[str, ...]
    """Model types that it computes."""
    other_family: str
    """The rest of the advice for a checkpoint of another family."""
    tensors: str
    """Kind of the arrays that the model takes: `pt` or `np`."""
    revision: str
    """Another one where its vectors change."""

    def __init__(self, name: str, *, download: bool, pattern: str, **arguments: Any) -> None:
        self._arguments = {"name": name, **arguments}
        self._checkpoint = Checkpoint.find(name, download=download, pattern=pattern)
        self._family = str(self._checkpoint.config.get("model_type", "unknown"))
        if self._family not in self.families:
            raise CapabilityError(
                f"Encoder {self._checkpoint.name} is a {self._family} model; give one of {', '.join(self.families)}"
                f"{self.other_family}"
            )
        self._lock = threading.Lock()
        self.name = self._checkpoint.name

    @cached_property
    def _config(self) -> Any:
        # By its class: configurations on the hub leave out values that are the default.
        from transformers import AutoConfig

        with self._checkpoint.loading():
            return AutoConfig.from_pretrained(
                str(self._checkpoint.folder), local_files_only=True, trust_remote_code=False
            )

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._config.projection_dim if self._family == "clip" else self._config.vision_config.hidden_size)

    @cached_property
    def stamp(self) -> str:
        """Name, dimension and content of the checkpoint."""
        return f"{self.name}:{self.dim}:{self._checkpoint.fingerprint}.{self.revision}"

    @cached_property
    def _processors(self) -> tuple[Any, Any]:
        from transformers import AutoImageProcessor, AutoTokenizer

        folder = str(self._checkpoint.folder)
        with self._checkpoint.loading():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            images = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
        return images, tokenizer

    def __reduce__(self) -> tuple[Any, ...]:
        # Sent to a worker process by its arguments, never by its weights.
        return partial(type(self), **self._arguments), ()

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Float32 [n, dim] with unit rows, one for each frame; a frame that is there several times costs one."""
        distinct = {id(frame.image): frame.image for frame in frames}
        places = {key: place for place, key in enumerate(distinct)}
        rows = np.zeros((len(distinct), self.dim), dtype=np.float32)
        with self._lock:
            for start in range(0, len(distinct), _BATCH):
                images = list(distinct.values())[start : start + _BATCH]
                inputs = self._processors[0](
                    images=images, return_tensors=self.tensors, input_data_format="channels_last"
                )
                rows[start : start + len(images)] = self._features("image", dict(inputs))
        return rows[[places[id(frame.image)] for frame in frames]]

    def encode_query(self, query: str) -> np.ndarray | None:
        """Float32 [dim], a unit vector; None for a query without any text."""
        # All three families were trained on lower case (not all of their tokenizers see to it), on one line.
        text = " ".join(query.encode("utf-8", "replace").decode("utf-8").split()).lower()
        if not text:
            return None
        with self._lock:
            vector: np.ndarray = self._features("text", self._tokenize(text))[0]
        return vector

    def describe(self, frames: Sequence[Frame]) -> str | None:
        """Colors, brightness and motion in words: these weights match texts, they do not write any."""
        return NamedColors().describe(frames)

    def _tokenize(self, text: str) -> dict[str, Any]:
        tokenizer = self._processors[1]
        length = int(self._config.text_config.max_position_embeddings)
        if self._family == "clip":
            return dict(tokenizer([text], truncation=True, max_length=length, return_tensors=self.tensors))
        # SigLIP was trained on texts padded on the right to the full length, without a mask, and reads the result off
        # the last place; any other padding gives another vector.
        inputs = tokenizer(
            [text],
            padding="max_length",
            padding_side="right",
            truncation=True,
            max_length=length,
            return_attention_mask=False,
            return_tensors=self.tensors,
        )
        return {"input_ids": inputs["input_ids"]}

    @abstractmethod
    def _features(self, part: str, inputs: dict[str, Any]) -> np.ndarray:
        """Float32 [B, dim] with unit rows, of `image` or `text` inputs."""


class TransformersVisual(ImageTextEncoder):
    """An encoder in safetensors, through torch.

    Args:
        name: folder or hub name.
        download: allow the hub name to be fetched.
        threads: torch threads on the CPU (None: as torch is set).
        device: torch device; None: a GPU when there is one.
        dtype: `float32`, `float16` or `bfloat16`; None: float16 on a GPU, else float32. Half precision halves the
            memory; of the two, float16 keeps three more bits of a vector.

    Raises:
        CapabilityError: not on this disk, of another family, or no torch.
    """

    families = ("siglip2", "siglip", "clip")
    other_family = ", such as google/siglip2-base-patch16-224."
    tensors = "pt"
    revision = "1"

    def __init__(
        self,
        name: str,
        *,
        download: bool = False,
        threads: int | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        require_torch(f"Encoder {name}")
        if dtype not in (None, *_PRECISIONS):
            raise CapabilityError(f"Encoder {name}: dtype {dtype!r} is none of {', '.join(_PRECISIONS)}.")
        super().__init__(name, download=download, pattern=TORCH, threads=threads, device=device, dtype=dtype)
        self._threads = threads
        self._device = device
        self._dtype = dtype

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel

        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = getattr(torch, self._dtype or ("float16" if device.startswith("cuda") else "float32"))
        folder = str(self._checkpoint.folder)
        with self._checkpoint.loading():
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype
            )
            return model.to(device).eval()

    def _features(self, part: str, inputs: dict[str, Any]) -> np.ndarray:
        import torch

        with torch.inference_mode(), torch_threads(self._threads):
            rows = self._forward(part, inputs)
            if not torch.isfinite(rows).all() and self._model.dtype != torch.float32:
                self._model.float()  # half precision overflowed: slower, but right
                rows = self._forward(part, inputs)
            vectors: np.ndarray = torch.nn.functional.normalize(rows, dim=-1).cpu().numpy()
        return vectors

    def _forward(self, part: str, inputs: dict[str, Any]) -> Any:
        device, dtype = self._model.device, self._model.dtype
        moved = {
            key: value.to(device=device, dtype=dtype if value.is_floating_point() else None)
            for key, value in inputs.items()
        }
        return getattr(self._model, f"get_{part}_features")(**moved).pooler_output.float()  # [B, D]
