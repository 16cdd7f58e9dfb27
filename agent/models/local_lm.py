"""`LocalLM`: any causal language model on this disk as a policy that reads. Its engine is the Video-LMM's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ...memory import CapabilityError
from ...memory.checkpoints import first_line, require_torch
from ...memory.files.regular import read_text
from .gguf import find_gguf, load_gguf
from .local_vlm import LocalPolicy
from .local_vlm.load import Loaded, LoadOptions, config_of, split_options, takes_pictures, writes_text
from .local_vlm.processor import require_template

_SETTINGS = ("dialect", "max_tokens", "temperature", "context", "rows")
"""Options of `LocalLM`, besides those of `LoadOptions`."""


class LocalLM(LocalPolicy):
    """A language model that reads the conversation, and calls tools or answers; of pictures it is told in words."""

    sees: ClassVar[bool] = False

    @classmethod
    def load(cls, name: str, **options: Any) -> LocalLM:
        """Load the language model of that folder, hub name or `.gguf` file.

        Args:
            name: folder with safetensors or a GGUF file, hub name that is cached, or `.gguf` file.
            options: fields of this class and of `LoadOptions`; they may be texts.

        Raises:
            CapabilityError: if it cannot be loaded here, or an option is unknown.
        """
        loading, settings = split_options("A language model", options, _SETTINGS)
        return cls.around(load_language_model(name, loading), **settings)

    @property
    def _llm_type(self) -> str:
        return "local-lm"


def load_language_model(name: str, options: LoadOptions) -> Loaded:
    """Load a causal language model for inference.

    Raises:
        CapabilityError: if it is not on this disk, is of another kind, or needs a package that is not here.
    """
    require_torch(f"Policy {name}")
    gguf = find_gguf(name, options.file)
    if gguf is not None:
        name = gguf.stem
        model, tokenizer = load_gguf(gguf, options)
    else:
        checkpoint = options.checkpoint(name)
        name = checkpoint.name
        model, tokenizer = _load_folder(name, str(checkpoint.folder), options)
    if options.template is not None:
        tokenizer.chat_template = _read(options.template)
    require_template(name, tokenizer)
    return options.adapted(name, model, tokenizer)


def _load_folder(name: str, folder: str, options: LoadOptions) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    own_code = bool(options.trust_remote_code)
    config = config_of(name, folder, own_code)
    if takes_pictures(config) or not writes_text(config):
        raise CapabilityError(
            f"Policy {name} is a {config.model_type} model, which writes no text; give a language model or a Video-LMM."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=own_code)
    except Exception as error:  # whatever a damaged or foreign folder makes transformers raise
        raise CapabilityError(f"Policy {name}: its tokenizer cannot be loaded: {first_line(error)}") from error
    return options.model(name, AutoModelForCausalLM, folder, use_safetensors=True), tokenizer


def _read(file: str) -> str:
    try:
        return read_text(Path(file).expanduser())
    except (OSError, ValueError) as error:
        raise CapabilityError(f"The chat template {file} cannot be read: {first_line(error)}") from None
