"""GGUF files, llama.cpp's format, as transformers reads them: configuration, vocabulary and dequantised weights."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ...memory import CapabilityError
from ...memory.checkpoints import cached_repositories, first_line
from .local_vlm.load import LoadOptions

_ENDING = ".gguf"
_PARTS = "mmproj"
"""How files begin that hold a vision tower only."""
_SERVE = "llama-server -m {} --jinja, then --policy http://localhost:8080/v1"
_LOCK = threading.Lock()

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('user and model take turns') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
TEMPLATES = {"<start_of_turn>": GEMMA, "<|start_header_id|>": LLAMA, "<|im_start|>": CHATML}
"""By the token that begins a turn: what stands for the chat template of files that were made without theirs."""


def find_gguf(name: str, file: str | None = None) -> Path | None:
    """The GGUF file that a name means; None where it means no such file.

    Args:
        name: a `.gguf` file, a folder that holds one, or a hub name whose cached copy does.
        file: which one of several.

    Raises:
        CapabilityError: if it is not there, or there are several and none is chosen.
    """
    path = Path(name).expanduser()
    if path.suffix.lower() == _ENDING:
        if not path.is_file():
            raise CapabilityError(f"Policy {name}: there is no such file.")
        return path.resolve()
    folder = path if path.is_dir() else dict(cached_repositories()).get(name)
    if folder is None or any(folder.glob("*.safetensors")):
        return None
    found = sorted(p for p in folder.glob(f"*{_ENDING}") if not p.name.startswith(_PARTS))
    chosen = [p for p in found if file in (None, p.name)]
    if len(chosen) == 1:
        return chosen[0].absolute()
    if not found:
        return None
    names = ", ".join(p.name for p in found)
    raise CapabilityError(f"Policy {name} holds {names}; choose one: {name}?file={found[0].name}")


def load_gguf(path: Path, options: LoadOptions) -> tuple[Any, Any]:
    """Model and tokenizer of a file; the weights are dequantised, so they take 4 bytes a parameter, or 2.

    Raises:
        CapabilityError: if the package `gguf` is missing, or transformers cannot read this architecture.
    """
    if importlib.util.find_spec("gguf") is None:
        raise CapabilityError(f"Policy {path.name}: GGUF files are read with the package gguf: pip install gguf")
    if options.load is not None:
        raise CapabilityError(
            f"load={options.load} is for safetensors; a GGUF file is dequantised, or served: {_serve(path)}"
        )
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    plainly = getattr(transformers, "GgufConfig", None)  # releases that can keep the blocks packed are told not to
    more = {"quantization_config": plainly(dequantize=True)} if plainly else {}
    folder, file = str(path.parent), path.name
    with _read_once():
        try:
            config = AutoConfig.from_pretrained(folder, gguf_file=file, local_files_only=True, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(
                folder, gguf_file=file, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # another architecture, a damaged file, a vocabulary of a kind that is not known
            raise CapabilityError(
                f"Policy {path} cannot be read by transformers ({first_line(error).rstrip('.')}); "
                f"serve it: {_serve(path)}"
            ) from error
        model = options.model(path.name, AutoModelForCausalLM, folder, gguf_file=file, config=config, **more)
    _unquantized(model)
    if not tokenizer.chat_template:
        tokenizer.chat_template = template_of(tokenizer)
    return model, tokenizer


def template_of(tokenizer: Any) -> str | None:
    """The chat template by the tokens that part turns in a vocabulary; None where it has none that are known."""
    vocabulary = tokenizer.get_vocab()
    return next((template for mark, template in TEMPLATES.items() if mark in vocabulary), None)


def _serve(path: Path) -> str:
    return _SERVE.format(path)


@contextmanager
def _read_once() -> Iterator[None]:
    """Parse a file's header once, and without a bar.

    transformers does it for configuration, tokenizer and weights, at 3 to 10 s of CPU each, and makes the table of
    names anew for every module: SmolLM2-135M takes 15.3 s of CPU so, and 6.2 s with the header kept.
    """
    import gguf
    from transformers import modeling_gguf_pytorch_utils

    reading: Any = modeling_gguf_pytorch_utils

    def plain(tensors: Any, **unused: Any) -> Any:
        return tensors

    with _LOCK:
        own = [(gguf, name, getattr(gguf, name)) for name in ("GGUFReader", "get_tensor_name_map")]
        own.append((reading, "tqdm", reading.tqdm))
        for module, name, was in own:
            setattr(module, name, plain if name == "tqdm" else cache(was))
        try:
            yield
        finally:
            for module, name, was in own:
                setattr(module, name, was)


def _unquantized(model: Any) -> None:
    """Let the model pass for what it is: plain weights, which can be trained and saved."""
    for name in ("hf_quantizer", "quantization_method"):
        if hasattr(model, name):
            delattr(model, name)
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
