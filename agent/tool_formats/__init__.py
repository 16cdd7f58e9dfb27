"""Formats in which checkpoints trained elsewhere see and call tools: one engine, and one small declaration a format."""

from __future__ import annotations

from ...memory.registry import Registry
from .ego_r1 import EGO_R1
from .hermes import HERMES, HERMES_TEXT, QWEN3_VL, SHORT
from .longvt import LONGVT
from .pixel_reasoner import PIXEL_REASONER
from .prompts import PROMPTS, with_prompt
from .tool_format import ParsedTurn, ToolFormat
from .uncited import draft
from .vital import VITAL

_RELEASED = (HERMES, HERMES_TEXT, QWEN3_VL, VITAL, EGO_R1, PIXEL_REASONER, LONGVT)
TOOL_FORMATS: Registry[ToolFormat] = Registry("dialect", {each.name: each for each in _RELEASED})
"""Every format of a released checkpoint, by the name that `dialect` takes; `TOOL_FORMATS.add` takes in one of yours."""


def load_tool_format(name: str) -> ToolFormat:
    """Return the format of that name; `-` and `_` and case are one.

    Raises:
        UnknownNameError: if there is none.
    """
    folded = name.lower().replace("-", "_")
    if folded == SHORT.name:  # that of the gym's smallest models, which nobody else speaks
        return SHORT
    return (
        next((each for key, each in TOOL_FORMATS.items() if key.replace("-", "_") == folded), None)
        or TOOL_FORMATS[name]
    )


__all__ = ["PROMPTS", "TOOL_FORMATS", "ParsedTurn", "ToolFormat", "draft", "load_tool_format", "with_prompt"]
