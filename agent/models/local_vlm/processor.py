"""The processor of a checkpoint: the whole one where torchvision is installed, else one for pictures only.

Without torchvision transformers has no video processors, and most processors refuse to be made without theirs. Frames
are given to the models as pictures, which Pillow prepares, so a processor that knows no videos is all that is needed.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

from ....memory import CapabilityError


def load_processor(name: str, folder: str, config: Any, *, own_code: bool = False) -> Any:
    """The processor that belongs to the model of `config`.

    Args:
        name: for messages.
        folder: local.
        config: the model's configuration.
        own_code: whether Python files that lie in the folder may be run.

    Raises:
        CapabilityError: if it has no chat template, or cannot be made without a package that is not here.
    """
    try:
        if has_torchvision() or own_code:
            from transformers import AutoProcessor

            processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=own_code)
        else:
            made: Any = image_only(_processor_class(config))
            processor = made.from_pretrained(folder, local_files_only=True, trust_remote_code=own_code)
    except Exception as error:  # whatever a damaged or foreign folder makes transformers raise, and packages it misses
        raise CapabilityError(_cannot_load(name, error)) from error
    require_template(name, processor)
    return processor


def require_template(name: str, processor: Any) -> None:
    """Raise unless the processor has a chat template.

    Raises:
        CapabilityError: it has none.
    """
    tokenizer = getattr(processor, "tokenizer", processor)
    template = getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)
    if not template:
        raise CapabilityError(
            f"Policy {name} has no chat template (chat_template.jinja), so it was not taught to converse. "
            "Use an instruction-tuned checkpoint, such as Qwen/Qwen3-VL-4B-Instruct."
        )
    if not getattr(processor, "chat_template", None):
        processor.chat_template = template


def has_torchvision() -> bool:
    """Return whether transformers can make video processors here."""
    return importlib.util.find_spec("torchvision") is not None


@cache
def image_only(whole: type) -> type:
    """The processor class without its video processor."""
    if "video_processor" not in whole.get_attributes():  # type: ignore[attr-defined]
        return whole

    def attributes(cls: type) -> list[str]:
        return [name for name in whole.get_attributes() if name != "video_processor"]  # type: ignore[attr-defined]

    def made_of(cls: Any, args: list[Any], *rest: Any, **kwargs: Any) -> Any:
        place = whole.get_attributes().index("video_processor")  # type: ignore[attr-defined]
        make: Any = whole.from_args_and_dict.__func__  # type: ignore[attr-defined]
        return make(cls, [*args[:place], None, *args[place:]], *rest, **kwargs)

    members = {
        "get_attributes": classmethod(attributes),
        "from_args_and_dict": classmethod(made_of),
        "video_processor": None,
        "__doc__": f"{whole.__name__} for pictures only.",
        "__module__": __name__,
    }
    return type(f"ImageOnly{whole.__name__}", (whole,), members)


def _processor_class(config: Any) -> type:
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES  # type: ignore[attr-defined]

    name = PROCESSOR_MAPPING_NAMES.get(config.model_type)
    if not name:
        raise ValueError(f"transformers knows no processor for models of type {config.model_type}")
    found: type = getattr(transformers, name)
    return found


def _cannot_load(name: str, error: Exception) -> str:
    reason = " ".join((str(error).strip() or type(error).__name__).split())[:200]
    for package in ("torchvision", "num2words", "timm"):
        if package in reason.lower():
            hint = " of the same build as torch" if package == "torchvision" else ""
            return f"Policy {name}: its processor needs {package}{hint}, which is not here: pip install {package}"
    return f"Policy {name}: its processor cannot be loaded: {reason}"
