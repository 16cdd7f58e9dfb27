"""A model on this disk as a policy: a Video-LMM or a language model, by what its configuration says."""

from __future__ import annotations

from typing import Any

from .gguf import find_gguf
from .local_lm import LocalLM, find
from .local_vlm import LocalPolicy, VideoLMM
from .local_vlm.load import config_of, is_seeing


def open_local(name: str, **options: Any) -> LocalPolicy:
    """The policy of a folder, a hub name or a `.gguf` file.

    Args:
        name: what `VideoLMM.load` or `LocalLM.load` take.
        options: those of the class that it turns out to be.

    Raises:
        CapabilityError: if it cannot be loaded here, or has no such option.
    """
    if find_gguf(name, options.get("file")) is not None:
        return LocalLM.load(name, **options)
    checkpoint = find(name, options.get("download", False))
    own_code = str(options.get("trust_remote_code", False)).lower() in ("1", "true", "yes")
    kind = VideoLMM if is_seeing(config_of(checkpoint.name, str(checkpoint.folder), own_code)) else LocalLM
    return kind.load(name, **options)
