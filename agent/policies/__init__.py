"""The chat models that drive the loop."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from ...memory import CapabilityError
from .extractive import ExtractivePolicy


def load_policy(policy: str | BaseChatModel) -> BaseChatModel:
    """A chat model as it is; `"extractive"` by name.

    Raises:
        CapabilityError: if there is no policy of that name here.
    """
    if isinstance(policy, BaseChatModel):
        return policy
    if policy == "extractive":
        return ExtractivePolicy()
    raise CapabilityError(
        f"There is no policy {policy!r} here; use extractive, or give any LangChain chat model from Python."
    )


__all__ = ["ExtractivePolicy", "load_policy"]
