"""Policies that `rewatch train` saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...memory import CapabilityError
from .local import open_local
from .local_vlm import LocalPolicy
from .policy_config import read_policy_config, saved_policy


def open_trained(folder: Path, **options: Any) -> LocalPolicy:
    """The policy of a folder that `saved_policy` found, which knows how it was trained to work.

    Args:
        folder: weights, or an adapter, with `rewatch.json`.
        options: those of its class, which win over those of the training; `base` says where the model of an adapter
            lies now.

    Raises:
        CapabilityError: if it cannot be loaded here.
    """
    config = read_policy_config(folder)
    base = options.pop("base", config.base)
    named = options.pop("dialect", None)
    given: dict[str, Any] = {**config.settings, **options, "dialect": named or config.spoken()}
    if base is None:
        return open_local(str(folder), **given).trained(config)
    try:
        return open_local(str(base), **{**given, "adapter": str(folder)}).trained(config)
    except CapabilityError as error:
        if saved_policy(base) or "Adapter" in str(error):
            raise
        raise CapabilityError(
            f"{folder} is an adapter of {base}, which cannot be loaded ({error}); give its place: {folder}?base=FOLDER"
        ) from None
