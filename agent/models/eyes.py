"""The size in which a policy is shown pictures, and the numbers in which its family writes places in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage

from ...tools import Eyes

SIDE = 768
"""Longest side in pixels of the pictures that a policy is shown which does not say otherwise."""
_GRID = re.compile(
    r"qwen[-_. ]?(?:2|3|3\.5)[-_. ]?vl|qwen[-_. ]?3\.5|intern-?vl|glm[-_. ]?4(?:\.\d)?v|gemini|cogvlm", re.IGNORECASE
)
_PIXELS = re.compile(r"qwen[-_. ]?2\.5[-_. ]?vl|ui-?tars|mimo-?vl", re.IGNORECASE)
_GRID_TYPES = frozenset({"qwen2_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "internvl", "glm4v"})
_PIXEL_TYPES = frozenset({"qwen2_5_vl"})


def scale_of(name: str) -> str:
    """The scale of places that models of this name were taught (`Eyes.scale`); empty where the name does not tell.

    Args:
        name: of a checkpoint on a hub or a server, or its model type.
    """
    if name in _PIXEL_TYPES or _PIXELS.search(name):
        return "pixels"
    return "grid" if name in _GRID_TYPES or _GRID.search(name) else ""


def recorded_eyes(messages: Sequence[BaseMessage]) -> Eyes | None:
    """Return the policy's eyes as the loop recorded them beside the question; None in a conversation without."""
    for message in messages:
        if isinstance(message, HumanMessage) and "eyes" in message.additional_kwargs:
            return Eyes.from_dict(message.additional_kwargs["eyes"])
    return None
