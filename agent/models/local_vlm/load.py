"""A Video-LMM from a folder or the hub's local cache, with quantization and adapters by option."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ....memory import CapabilityError
from ....memory.checkpoints import Checkpoint, first_line, no_progress_bar, require_torch
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
    """Its processor; of a model that only reads, its tokenizer."""
    roles: dict[str, str] = field(default_factory=dict)
    """Role to the name of its adapter."""
    adapter: str | None = None
    """Name of the adapter that is on where no role's is; None: the model as it was released."""

    @property
    def tokenizer(self) -> Any:
        """Text to ids and back."""
        return getattr(self.processor, "tokenizer", self.processor)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Options for putting weights into memory. Values may be texts, as they stand behind a policy's name.

    Raises:
        CapabilityError: if a value is unknown.
    """

    load: str | None = None
    """`4bit` or `8bit` quantizes safetensors while they are loaded (bitsandbytes)."""
    dtype: str | None = None
    """`float32`, `bfloat16` or `float16`; half precision on a GPU and float32 else by default."""
    device: str | None = None
    """Torch device; a GPU if there is one by default."""
    device_map: str | None = None
    """Spread over devices by accelerate (`auto`, `balanced`), instead of `device`."""
    attention: str | None = None
    """Attention implementation of transformers (`sdpa`, `flash_attention_2`, `eager`)."""
    adapter: str | None = None
    """Folder of a LoRA adapter that is always on."""
    adapters: Mapping[str, str] | str | None = None
    """Role to folder of its adapter (`grounder`, `verifier`, `answerer`)."""
    download: bool | str = False
    """Allow the hub name to be fetched (safetensors)."""
    trust_remote_code: bool | str = False
    """Run the Python files that lie in the model's folder, with all that this program may do: only for models whose
    files you have read. Without it they are never run."""
    file: str | None = None
    """Which of several GGUF files."""
    template: str | None = None
    """File with a chat template (Jinja), in place of the model's own."""

    def __post_init__(self) -> None:
        _one_of("load", self.load, _LOADS)
        _one_of("dtype", self.dtype, _DTYPES)
        for name in ("download", "trust_remote_code"):
            object.__setattr__(self, name, str(getattr(self, name)).lower() in ("1", "true", "yes"))
        if isinstance(self.adapters, str):
            object.__setattr__(self, "adapters", _roles(self.adapters))

    def checkpoint(self, name: str) -> Checkpoint:
        """Find the folder with safetensors that a name means.

        Raises:
            CapabilityError: if it is not on this disk, or is not whole.
        """
        return Checkpoint.find(name, download=bool(self.download), kind="Policy")

    def model(self, name: str, kind: Any, folder: str, **more: Any) -> Any:
        """Load the model of a folder.

        Args:
            name: for messages.
            kind: one of transformers' auto classes.
            folder: local.
            more: further arguments of its `from_pretrained`.

        Raises:
            CapabilityError: if it cannot be loaded.
        """
        try:
            with no_progress_bar():
                model, found = kind.from_pretrained(
                    folder,
                    local_files_only=True,
                    trust_remote_code=self.trust_remote_code,
                    output_loading_info=True,
                    **more,
                    **self._arguments(),
                )
        except Exception as error:  # what transformers raises for a damaged folder depends on where it notices
            raise CapabilityError(f"Policy {name} ({folder}) cannot be loaded: {first_line(error)}") from error
        if missing := sorted(found["missing_keys"]):  # transformers fills them with chance
            raise CapabilityError(
                f"Policy {name} ({folder}) lacks {len(missing)} of its weights, such as {missing[0]}: fetch it again."
            )
        return model if self.load or self.device_map else model.to(_device(self.device))

    def adapted(self, name: str, model: Any, processor: Any) -> Loaded:
        """Put the adapters on a model, so that it is ready to be asked.

        Raises:
            CapabilityError: if an adapter is not there, or of another model.
        """
        roles = dict(self.adapters) if isinstance(self.adapters, Mapping) else {}
        if self.adapter or roles:
            model = _adapted(model, self.adapter, roles)
        model.eval()
        return Loaded(
            name=name,
            model=model,
            processor=processor,
            roles={role: role for role in roles},
            adapter=DEFAULT_ADAPTER if self.adapter else None,
        )

    def _arguments(self) -> dict[str, Any]:
        import torch

        on_gpu = torch.cuda.is_available() and not (self.device or "cuda").startswith("cpu")
        half = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float16
        dtype = getattr(torch, self.dtype) if self.dtype else (half if on_gpu else torch.float32)
        arguments: dict[str, Any] = {"dtype": dtype}
        if self.load is not None:
            arguments["quantization_config"] = _quantized(self.load, dtype)
            arguments["device_map"] = self.device_map or {"": _device(self.device)}
        elif self.device_map is not None:
            arguments["device_map"] = self.device_map
        if self.attention is not None:
            arguments["attn_implementation"] = self.attention
        return arguments


def split_options(
    what: str, options: Mapping[str, Any], settings: Sequence[str], *, without: Sequence[str] = ()
) -> tuple[LoadOptions, dict[str, Any]]:
    """Split options, which may be texts, into those of loading and those of the policy.

    Args:
        what: the kind of policy, for messages.
        options: by name.
        settings: names of those of the policy.
        without: options of loading that this kind does not have.

    Raises:
        CapabilityError: if one is unknown, or has no value that can be used.
    """
    loading = [f.name for f in fields(LoadOptions) if f.name not in without]
    known = [*loading, *settings]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise CapabilityError(f"{what} has no option {', '.join(unknown)}; it has {', '.join(known)}.")
    return (
        LoadOptions(**{key: value for key, value in options.items() if key in loading}),
        {key: _number(key, value) for key, value in options.items() if key in settings},
    )


def _number(name: str, value: Any) -> Any:
    if name not in ("max_pixels", "max_tokens", "context", "rows", "sheets", "temperature"):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number < (0 if name == "temperature" else 1):
        raise CapabilityError(f"{name}={value} is no number that can be used.")
    return number if name == "temperature" else int(number)


def _roles(text: str) -> dict[str, str]:
    """`grounder:FOLDER,verifier:FOLDER` as a mapping."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    if any(not role or not folder for role, _, folder in pairs):
        raise CapabilityError(f"adapters={text} cannot be read; write grounder:FOLDER,verifier:FOLDER.")
    return {role: folder for role, _, folder in pairs}


def load_video_lmm(name: str, options: LoadOptions) -> Loaded:
    """Load the Video-LMM of a folder, or of a name on the hub that is looked up in the local cache.

    Raises:
        CapabilityError: if it is not on this disk, of another kind, or needs a package that is not here.
    """
    require_torch(f"Policy {name}")
    checkpoint = options.checkpoint(name)
    folder = str(checkpoint.folder)
    config = config_of(checkpoint.name, folder, bool(options.trust_remote_code))
    if not takes_pictures(config):
        raise CapabilityError(
            f"Policy {name} is a {config.model_type} model, which does not see; "
            "give a Video-LMM, such as Qwen/Qwen3-VL-4B-Instruct."
        )
    processor = load_processor(checkpoint.name, folder, config, own_code=bool(options.trust_remote_code))
    from transformers import AutoModelForImageTextToText

    model = options.model(checkpoint.name, AutoModelForImageTextToText, folder, use_safetensors=True)
    return options.adapted(checkpoint.name, model, processor)


def _one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise CapabilityError(f"{option}={value} is not known; give {' or '.join(known)}.")


def config_of(name: str, folder: str, own_code: bool = False) -> Any:
    """Read the configuration of a model.

    Args:
        name: for messages.
        folder: local.
        own_code: `trust_remote_code` of `LoadOptions`.

    Raises:
        CapabilityError: if it cannot be read, is of a kind that transformers does not know, or asks for code.
    """
    from transformers import AutoConfig

    _require_no_kernels(name, folder)
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=own_code)
    except Exception as error:  # an unknown model type, damaged JSON
        if "trust_remote_code" in str(error):
            raise CapabilityError(
                f"Policy {name} ({folder}) brings Python files of its own, which are not run: read them, and if you "
                "trust them, put ?trust_remote_code=true behind its name."
            ) from error
        raise CapabilityError(f"Policy {name} ({folder}) cannot be loaded: {first_line(error)}") from error


def takes_pictures(config: Any) -> bool:
    """Return True for the configuration of a model that takes pictures."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    return type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING or _own_class(config, "AutoModelForImageTextToText")


def writes_text(config: Any) -> bool:
    """Return True for the configuration of a language model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    return type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or _own_class(config, "AutoModelForCausalLM")


def _own_class(config: Any, kind: str) -> bool:
    """Return whether a configuration that came with code of its own names a class of that kind."""
    own = type(config).__module__.startswith("transformers_modules.")
    return own and kind in (getattr(config, "auto_map", None) or {})


def _require_no_kernels(name: str, folder: str) -> None:
    """Refuse a configuration that names an attention of the hub: it would be fetched, and its code run."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        return
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # what reads it says so
    for part in [said, *said.values()] if isinstance(said, dict) else []:
        for key in ("attn_implementation", "_attn_implementation", "_attn_implementation_internal"):
            if isinstance(part, dict) and "/" in str(part.get(key, "")):
                raise CapabilityError(f"Policy {name}: {path} asks for code of the hub ({key}), which is not run.")


def _device(device: str | None) -> str:
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def _quantized(load: str, dtype: Any) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise CapabilityError(f"load={load} needs bitsandbytes, which is not installed: pip install bitsandbytes")
    from transformers import BitsAndBytesConfig

    if load == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _adapted(model: Any, adapter: str | None, roles: Mapping[str, str]) -> Any:
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
            raise CapabilityError(f"Adapter {folder} cannot be put on this model: {first_line(error)}") from error
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
