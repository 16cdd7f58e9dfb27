"""Policies that `rewatch train` saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from ...memory import CapabilityError
from .manner import Manner, read_manner, saved_policy
from .video_lmm import VideoLMM


class TrainedPolicy(VideoLMM):
    """A Video-LMM that knows how it was trained to work."""

    _manner: Manner = PrivateAttr(default_factory=Manner)

    @property
    def manner(self) -> Manner:
        """How it was trained to work."""
        return self._manner

    @classmethod
    def open(cls, folder: Path, **options: Any) -> TrainedPolicy:
        """The policy of a folder that `saved_policy` found.

        Args:
            folder: weights, or an adapter, with `rewatch.json`.
            options: `VideoLMM`'s, which win over those of the training; `base` says where the model of an adapter
                lies now.

        Raises:
            CapabilityError: if it cannot be loaded here.
        """
        manner = read_manner(folder)
        base = options.pop("base", manner.base)
        named = options.pop("dialect", None)
        given: dict[str, Any] = {**manner.settings, **options, "dialect": named or manner.spoken()}
        if base is None:
            return cls._with(manner, str(folder), given)
        try:
            return cls._with(manner, str(base), {**given, "adapter": str(folder)})
        except CapabilityError as error:
            if saved_policy(base) or "Adapter" in str(error):
                raise
            raise CapabilityError(
                f"{folder} is an adapter of {base}, which cannot be loaded ({error}); "
                f"give its place: {folder}?base=FOLDER"
            ) from None

    @classmethod
    def _with(cls, manner: Manner, name: str, options: dict[str, Any]) -> TrainedPolicy:
        policy = cls.load(name, **options)
        assert isinstance(policy, TrainedPolicy)
        policy._manner = manner
        return policy
