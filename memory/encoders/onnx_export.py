"""A CLIP or SigLIP checkpoint as ONNX files, laid out as the hub has them: `python -m … CHECKPOINT FOLDER`."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from ..checkpoints import Checkpoint, require_torch
from ..errors import CapabilityError

_OPSET = 17
_OUTPUTS = {"clip": ("image_embeds", "text_embeds"), "siglip": ("pooler_output", "pooler_output")}


def export_visual(name: str, folder: str | Path, *, download: bool = False) -> Path:
    """Write a checkpoint as `onnx/vision_model.onnx` and `onnx/text_model.onnx` with what else an encoder needs.

    Args:
        name: folder or hub name of the checkpoint (safetensors).
        folder: where to write; made when it is not there.
        download: allow a hub name to be fetched.

    Raises:
        CapabilityError: not on this disk, of another family (SigLIP2 `naflex` cannot be exported), or no torch or onnx.
    """
    require_torch(f"Exporting {name}")
    if importlib.util.find_spec("onnx") is None:
        raise CapabilityError(f"Exporting {name} needs onnx, which is not installed: pip install onnx")
    import torch
    from transformers import AutoModel

    checkpoint = Checkpoint.find(name, download=download)
    family = str(checkpoint.config.get("model_type", "unknown"))
    if family not in _OUTPUTS:
        raise CapabilityError(
            f"Encoder {checkpoint.name} is a {family} model; {' and '.join(_OUTPUTS)} can be exported."
        )
    target = Path(folder)
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    for path in checkpoint.folder.iterdir():
        if path.suffix in (".json", ".txt", ".model") and "safetensors" not in path.name:
            shutil.copyfile(path, target / path.name)
    with checkpoint.loading():
        # Attention written out: the fused kernels have no ONNX form in the older exporter, which needs no onnxscript.
        model = AutoModel.from_pretrained(
            str(checkpoint.folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="eager",
        ).eval()
    size = model.config.vision_config.image_size
    pictures = torch.zeros(2, 3, size, size)
    words = torch.ones(2, model.config.text_config.max_position_embeddings, dtype=torch.long)
    words[:, -1] = int(getattr(model.config.text_config, "eos_token_id", 1) or 1) % model.config.text_config.vocab_size
    text = {"input_ids": words} | ({"attention_mask": torch.ones_like(words)} if family == "clip" else {})
    image_output, text_output = _OUTPUTS[family]
    _write(model, "get_image_features", {"pixel_values": pictures}, image_output, target / "onnx" / "vision_model.onnx")
    _write(model, "get_text_features", text, text_output, target / "onnx" / "text_model.onnx")
    return target


def _write(model: Any, method: str, inputs: dict[str, Any], output: str, path: Path) -> None:
    import torch

    names = list(inputs)

    class Tower(torch.nn.Module):
        """One tower of the model, with its inputs in order."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = getattr(self.model, method)(**dict(zip(names, values, strict=True))).pooler_output
            return features

    # A query of CLIP is as long as it is; SigLIP's is always padded to the full length.
    free = {name: {0: "batch"} | ({1: "length"} if "attention_mask" in inputs else {}) for name in names}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Tower().eval(),
            tuple(inputs.values()),
            str(path),
            input_names=names,
            output_names=[output],
            dynamic_axes={**free, output: {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m rewatch.memory.encoders.onnx_export CHECKPOINT FOLDER")
    sys.stdout.write(f"{export_visual(sys.argv[1], sys.argv[2])}\n")
