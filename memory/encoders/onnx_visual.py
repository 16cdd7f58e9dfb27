"""SigLIP, SigLIP2 and CLIP from ONNX files through onnxruntime: no torch, and the same vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CapabilityError
from .checkpoint import ONNX, Checkpoint
from .colors import NamedColors
from .torch_runtime import loading
from .transformers_visual import plain_query, read_config, tokens_of, vector_length

if TYPE_CHECKING:
    from ..protocol import Frame

_REVISION = 1  # raise it when this file's vectors change
_FAMILIES = ("siglip", "clip")
# What exports on the hub call the vector: CLIP's behind its projection, SigLIP's pooled.
_OUTPUTS = ("image_embeds", "text_embeds", "pooler_output")


class OnnxVisual:
    """An image-and-text encoder in ONNX: a folder with config, processor, tokenizer and two files of weights.

    The files are `vision_model.onnx` and `text_model.onnx`, in the folder or in `onnx/` below it, as the hub has them
    and as `export_visual` writes them. SigLIP2's checkpoints of one resolution are of the family `siglip`; those of
    any resolution (`naflex`) resize their positions picture by picture, which is not exported.
    """

    def __init__(self, name: str, *, download: bool = False, threads: int | None = None, batch: int = 16) -> None:
        """Find the checkpoint (nothing is loaded yet).

        Args:
            name: folder or hub name.
            download: allow the hub name to be fetched.
            threads: of onnxruntime on the CPU (None: as it chooses).
            batch: frames that go through the model at once.

        Raises:
            CapabilityError: not on this disk, incomplete, or of another family.
        """
        self._arguments = {"name": name, "threads": threads, "batch": batch}
        self._checkpoint = Checkpoint.find(name, download=download, pattern=ONNX)
        self._family = str(self._checkpoint.config.get("model_type", "unknown"))
        if self._family not in _FAMILIES:
            raise CapabilityError(
                f"Encoder {self._checkpoint.name} is a {self._family} model, and in ONNX {' and '.join(_FAMILIES)} run "
                "here: give its *.safetensors, or a checkpoint of one resolution."
            )
        self._files = {part: self._file(part) for part in ("vision", "text")}
        self._threads = threads
        self._batch = batch
        self._lock = threading.Lock()
        self._sessions: dict[str, Any] = {}
        self._tokenizer: Any = None
        self._images: Any = None
        self._length = 0
        self.name = self._checkpoint.name

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return vector_length(self._checkpoint, self._family)

    @cached_property
    def stamp(self) -> str:
        """Name, dimension and content of the checkpoint."""
        return f"{self.name}:{self.dim}:{self._checkpoint.fingerprint}.onnx{_REVISION}"

    def __reduce__(self) -> tuple[Callable[..., OnnxVisual], tuple[dict[str, Any]]]:
        # Sent to a worker process by its arguments, never by its weights.
        return _restore, (self._arguments,)

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Float32 [n, dim] with unit rows, one for each frame."""
        rows = np.zeros((len(frames), self.dim), dtype=np.float32)
        with self._lock:
            self._load()
            for start in range(0, len(frames), self._batch):
                images = [frame.image for frame in frames[start : start + self._batch]]
                inputs = self._images(images=images, return_tensors="np", input_data_format="channels_last")
                rows[start : start + len(images)] = self._features("vision", dict(inputs))
        return rows

    def encode_query(self, query: str) -> np.ndarray | None:
        """Float32 [dim], a unit vector; None for a query without any text."""
        text = plain_query(query)
        if not text:
            return None
        with self._lock:
            self._load()
            inputs = tokens_of(self._tokenizer, self._family, text, self._length, "np")
            vector: np.ndarray = self._features("text", inputs)[0]
        return vector

    def describe(self, frames: Sequence[Frame]) -> str | None:
        """Colours, brightness and motion in words: these weights match texts, they do not write any."""
        return NamedColors().describe(frames)

    def _file(self, part: str) -> Path:
        for folder in (self._checkpoint.folder, self._checkpoint.folder / "onnx"):
            if (folder / f"{part}_model.onnx").is_file():
                return folder / f"{part}_model.onnx"
        raise CapabilityError(f"Encoder {self._checkpoint.name}: {self._checkpoint.folder} holds no {part}_model.onnx.")

    def _features(self, part: str, inputs: dict[str, Any]) -> np.ndarray:
        session = self._sessions[part]
        names = [output.name for output in session.get_outputs()]
        output = next((name for name in _OUTPUTS if name in names), None)
        if output is None:
            raise CapabilityError(f"{self._files[part]} gives {', '.join(names)}, and none of {', '.join(_OUTPUTS)}.")
        fed = {}
        for wanted in session.get_inputs():
            if wanted.name not in inputs:
                raise CapabilityError(f"{self._files[part]} wants {wanted.name}, which {self._family} does not have.")
            kind = {"tensor(float16)": np.float16, "tensor(float)": np.float32}.get(wanted.type, np.int64)
            fed[wanted.name] = np.asarray(inputs[wanted.name], dtype=kind)
        rows = np.asarray(session.run([output], fed)[0], dtype=np.float32)
        unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
        return unit

    def _load(self) -> None:
        if self._sessions:
            return
        import onnxruntime
        from transformers import AutoImageProcessor, AutoTokenizer

        folder = str(self._checkpoint.folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        here = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in here]
        with loading(self.name, folder):
            self._length = int(read_config(self._checkpoint).text_config.max_position_embeddings)
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._images = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
            self._sessions = {
                part: onnxruntime.InferenceSession(str(path), options, providers=providers)
                for part, path in self._files.items()
            }


def _restore(arguments: dict[str, Any]) -> OnnxVisual:
    return OnnxVisual(**arguments)
