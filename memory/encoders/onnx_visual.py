"""SigLIP, SigLIP2 and CLIP from ONNX files through onnxruntime: no torch, and the same vectors."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import ONNX
from ..errors import CapabilityError
from .transformers_visual import ImageTextEncoder

# The names of the vector in exports on the hub: CLIP's behind its projection, SigLIP's pooled.
_OUTPUTS = ("image_embeds", "text_embeds", "pooler_output")
_FILES = {"image": "vision_model.onnx", "text": "text_model.onnx"}


class OnnxVisual(ImageTextEncoder):
    """An encoder in ONNX: a folder with config, processor, tokenizer and two files of weights.

    The files are `vision_model.onnx` and `text_model.onnx`, in the folder or in `onnx/` below it, as the hub has them
    and as `export_visual` writes them. SigLIP2's checkpoints of one resolution are of the family `siglip`; those of
    any resolution (`naflex`) resize their positions picture by picture, which is not exported.
    """

    families = ("siglip", "clip")
    other_family = " in ONNX, its *.safetensors, or a checkpoint of one resolution."
    tensors = "np"
    revision = "onnx1"

    def __init__(self, name: str, *, download: bool = False, threads: int | None = None) -> None:
        super().__init__(name, download=download, pattern=ONNX, threads=threads)
        self._files = {part: self._file(name) for part, name in _FILES.items()}
        self._threads = threads

    def _file(self, name: str) -> Path:
        for folder in (self._checkpoint.folder, self._checkpoint.folder / "onnx"):
            if (folder / name).is_file():
                return folder / name
        raise CapabilityError(f"Encoder {self._checkpoint.name}: {self._checkpoint.folder} holds no {name}.")

    @cached_property
    def _sessions(self) -> dict[str, Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        with self._checkpoint.loading():
            return {
                part: onnxruntime.InferenceSession(str(path), options, providers=providers)
                for part, path in self._files.items()
            }

    def _features(self, part: str, inputs: dict[str, Any]) -> np.ndarray:
        session, path = self._sessions[part], self._files[part]
        names = [output.name for output in session.get_outputs()]
        output = next((name for name in _OUTPUTS if name in names), None)
        if output is None:
            raise CapabilityError(f"{path} gives {', '.join(names)}, and none of {', '.join(_OUTPUTS)}.")
        feed = {}
        for node in session.get_inputs():
            if node.name not in inputs:
                raise CapabilityError(f"{path} wants {node.name}, which {self._family} does not have.")
            kind = {"tensor(float16)": np.float16, "tensor(float)": np.float32}.get(node.type, np.int64)
            feed[node.name] = np.asarray(inputs[node.name], dtype=kind)
        rows = np.asarray(session.run([output], feed)[0], dtype=np.float32)
        unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
        return unit
