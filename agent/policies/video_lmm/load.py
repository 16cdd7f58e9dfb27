"""A Video-LMM from a folder or the hub's local cache, with quantisation and adapters by option."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....memory import CapabilityError
from ....memory.encoders.checkpoint import Checkpoint
from ....memory.encoders.torch_runtime import require_torch
from .processor import load_processor

_LOADS = ("4bit", "8bit")
_DTYPES = ("float32", "bfloat16", "float16")
DEFAULT_ADAPTER = "default"


@dataclass(slots=True, kw_only=True, eq=False)
class Loaded:
    """A model and its processor, however they came about: from disk, or from a trainer that has them at hand."""

    name: str
    model: Any
    """A `PreTrainedModel` for image-text-to-text, or a `PeftModel` around one."""
    processor: Any
    roles: dict[str, str] = field(default_factory=dict)
    """Role to the name of its adapter."""
    adapter: str | None = None
    """Name of the adapter that is on where no role's is; None: the model as it was released."""


def load(
    name: str,
    *,
    load: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    device_map: str | None = None,
    attention: str | None = None,
    adapter: str | None = None,
    adapters: Mapping[str, str] | None = None,
    download: bool = False,
) -> Loaded:
    """Load a Video-LMM for inference.

    Args:
        name: folder, or name on the hub, looked up in the local cache.
        load: `4bit` or `8bit` quantises the weights while they are loaded (bitsandbytes).
        dtype: `float32`, `bfloat16` or `float16`; bfloat16 on a GPU and float32 else by default.
        device: torch device; a GPU if there is one by default.
        device_map: spread over devices by accelerate (`auto`, `balanced`), instead of `device`.
        attention: transformers' attention implementation (`sdpa`, `flash_attention_2`, `eager`).
        adapter: folder of a LoRA adapter that is always on.
        adapters: role to folder of its adapter (`grounder`, `verifier`, `answerer`).
        download: allow the hub name to be fetched.

    Raises:
        CapabilityError: it is not on this disk, of another kind, or needs a package that is not here.
    """
    require_torch(f"Policy {name}")
    _one_of("load", load, _LOADS)
    _one_of("dtype", dtype, _DTYPES)
    checkpoint = Checkpoint.find(name, download=download, kind="Policy")
    folder = str(checkpoint.folder)
    config = _config(checkpoint.name, folder)
    processor = load_processor(checkpoint.name, folder, config)
    model = _model(checkpoint.name, folder, _model_arguments(load, dtype, device, device_map, attention))
    if load is None and device_map is None:
        model = model.to(_device(device))
    roles = dict(adapters or {})
    if adapter or roles:
        model = _with_adapters(model, adapter, roles)
    model.eval()
    return Loaded(
        name=checkpoint.name,
        model=model,
        processor=processor,
        roles={role: role for role in roles},
        adapter=DEFAULT_ADAPTER if adapter else None,
    )


def _one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise CapabilityError(f"{option}={value} is not known; give {' or '.join(known)}.")


def _config(name: str, folder: str) -> Any:
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # an unknown model type, damaged JSON
        raise CapabilityError(f"Policy {name} ({folder}) cannot be loaded: {_line(error)}") from error
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise CapabilityError(
            f"Policy {name} is a {config.model_type} model, which does not see; "
            "give a Video-LMM, such as Qwen/Qwen3-VL-4B-Instruct."
        )
    return config


def _device(device: str | None) -> str:
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def _model_arguments(
    load: str | None, dtype: str | None, device: str | None, device_map: str | None, attention: str | None
) -> dict[str, Any]:
    import torch

    on_gpu = torch.cuda.is_available() and not (device or "cuda").startswith("cpu")
    half = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float16
    arguments: dict[str, Any] = {"dtype": getattr(torch, dtype) if dtype else (half if on_gpu else torch.float32)}
    if load is not None:
        arguments["quantization_config"] = _quantised(load, arguments["dtype"])
        arguments["device_map"] = device_map or {"": _device(device)}
    elif device_map is not None:
        arguments["device_map"] = device_map
    if attention is not None:
        arguments["attn_implementation"] = attention
    return arguments


def _quantised(load: str, dtype: Any) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise CapabilityError(f"load={load} needs bitsandbytes, which is not installed: pip install bitsandbytes")
    from transformers import BitsAndBytesConfig

    if load == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _model(name: str, folder: str, arguments: dict[str, Any]) -> Any:
    from transformers import AutoModelForImageTextToText
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, **arguments
        )
    except Exception as error:  # what transformers raises for a damaged folder depends on where it notices
        raise CapabilityError(f"Policy {name} ({folder}) cannot be loaded: {_line(error)}") from error
    finally:
        if shown:
            logging.enable_progress_bar()


def _with_adapters(model: Any, adapter: str | None, roles: Mapping[str, str]) -> Any:
    if importlib.util.find_spec("peft") is None:
        raise CapabilityError("LoRA adapters need peft, which is not installed: pip install peft")
    from peft import PeftModel

    named = {DEFAULT_ADAPTER: adapter} if adapter else {}
    for name, folder in {**named, **roles}.items():
        path = _adapter_folder(folder)
        try:
            if isinstance(model, PeftModel):
                model.load_adapter(path, adapter_name=name)
            else:
                model = PeftModel.from_pretrained(model, path, adapter_name=name)
        except Exception as error:  # made for another model, damaged
            raise CapabilityError(f"Adapter {folder} cannot be put on this model: {_line(error)}") from error
    return model


def _adapter_folder(folder: str) -> str:
    path = Path(folder).expanduser()
    if not (path / "adapter_config.json").is_file() or not (path / "adapter_model.safetensors").is_file():
        raise CapabilityError(
            f"Adapter {folder} is no folder with adapter_config.json and adapter_model.safetensors, as peft saves it."
        )
    kind = json.loads((path / "adapter_config.json").read_text(encoding="utf-8")).get("peft_type")
    if kind != "LORA":
        raise CapabilityError(f"Adapter {folder} is of the kind {kind}; only LORA is loaded.")
    return str(path)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
