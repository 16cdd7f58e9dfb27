"""`LocalLM`: any causal language model on this disk as a policy that reads. Its engine is the Video-LMM's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...memory import CapabilityError
from ...memory.checkpoints import Checkpoint, first_line, require_torch
from ...memory.files.regular import read_text
from .gguf import find_gguf, load_gguf
from .local_vlm import LocalPolicy
from .local_vlm.load import How, Loaded, config_of, is_seeing, with_adapters, writes_text
from .local_vlm.policy import parted
from .local_vlm.processor import require_template

LOADING = (
    *("load", "dtype", "device", "device_map", "attention", "adapter", "adapters", "download"),
    *("file", "template", "trust_remote_code"),
)
"""Options of `load_lm`."""
SETTINGS = ("dialect", "max_tokens", "temperature", "context", "rows")
"""Options of `LocalLM`."""
OPTIONS = (*LOADING, *SETTINGS)


class LocalLM(LocalPolicy):
    """A language model that reads the conversation, and calls tools or answers; of pictures it is told in words."""

    sees: ClassVar[bool] = False

    @classmethod
    def load(cls, name: str, **options: Any) -> LocalLM:
        """The language model of that folder, hub name or `.gguf` file; see `OPTIONS`, which may be given as text.

        Raises:
            CapabilityError: if it cannot be loaded here, or an option is unknown.
        """
        loading, settings = parted("A language model", options, LOADING, SETTINGS)
        return cls.around(load_lm(name, **loading), **settings)

    @property
    def _llm_type(self) -> str:
        return "local-lm"


def load_lm(
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
    file: str | None = None,
    template: str | None = None,
    trust_remote_code: bool = False,
) -> Loaded:
    """Load a causal language model for inference.

    Args:
        name: folder with safetensors or a GGUF file, hub name that is cached, or `.gguf` file.
        load: `4bit` or `8bit` quantises safetensors while they are loaded (bitsandbytes).
        dtype: `float32`, `bfloat16` or `float16`; bfloat16 on a GPU and float32 else by default.
        device: torch device; a GPU if there is one by default.
        device_map: spread over devices by accelerate (`auto`, `balanced`), instead of `device`.
        attention: transformers' attention implementation (`sdpa`, `flash_attention_2`, `eager`).
        adapter: folder of a LoRA adapter that is always on.
        adapters: role to folder of its adapter.
        download: allow the hub name to be fetched (safetensors).
        file: which of several GGUF files.
        trust_remote_code: run the Python files that lie in the model's folder, with all that this program may do: only
            for models whose files you have read. Without it they are never run.
        template: a file with a chat template (Jinja), in place of the model's own.

    Raises:
        CapabilityError: if it is not on this disk, is of another kind, or needs a package that is not here.
    """
    require_torch(f"Policy {name}")
    how = How(
        load=load, dtype=dtype, device=device, device_map=device_map, attention=attention, own_code=trust_remote_code
    )
    gguf = find_gguf(name, file)
    if gguf is not None:
        called = gguf.stem
        model, tokenizer = load_gguf(gguf, how)
    else:
        checkpoint = find(name, download)
        called = checkpoint.name
        model, tokenizer = _load_folder(called, str(checkpoint.folder), how)
    if template is not None:
        tokenizer.chat_template = _read(template)
    require_template(called, tokenizer)
    return with_adapters(called, model, tokenizer, adapter, adapters)


def find(name: str, download: bool | str = False) -> Checkpoint:
    """The folder with safetensors that a name means.

    Raises:
        CapabilityError: if it is not on this disk, or is not whole.
    """
    allowed = str(download).lower() in ("1", "true", "yes")
    return Checkpoint.find(name, download=allowed, kind="Policy")


def _load_folder(name: str, folder: str, how: How) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = config_of(name, folder, how.own_code)
    if is_seeing(config) or not writes_text(config):
        raise CapabilityError(
            f"Policy {name} is a {config.model_type} model, which writes no text; give a language model or a Video-LMM."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=how.own_code)
    except Exception as error:  # whatever a damaged or foreign folder makes transformers raise
        raise CapabilityError(f"Policy {name}: its tokenizer cannot be loaded: {first_line(error)}") from error
    return how.made(name, AutoModelForCausalLM, folder, use_safetensors=True), tokenizer


def _read(file: str) -> str:
    try:
        return read_text(Path(file).expanduser())
    except (OSError, ValueError) as error:
        raise CapabilityError(f"The chat template {file} cannot be read: {first_line(error)}") from None
