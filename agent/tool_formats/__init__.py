"""How checkpoints trained elsewhere see tools, call them and answer: one engine, and one small declaration a format."""

from __future__ import annotations

from ...memory import CapabilityError
from .ego_r1 import EGO_R1
from .hermes import HERMES, HERMES_TEXT, QWEN3_VL, SHORT
from .longvt import LONGVT
from .pixel_reasoner import PIXEL_REASONER
from .prompts import PROMPTS, with_prompt
from .tool_format import ParsedTurn, ToolFormat
from .uncited import draft
from .vital import VITAL

TOOL_FORMATS: dict[str, ToolFormat] = {
    each.name: each for each in (HERMES, HERMES_TEXT, QWEN3_VL, VITAL, EGO_R1, PIXEL_REASONER, LONGVT)
}


def load_tool_format(name: str) -> ToolFormat:
    """The format of that name; `-` and `_` and case are one.

    Raises:
        CapabilityError: if there is none.
    """
    by_name = {key.replace("-", "_"): each for key, each in {**TOOL_FORMATS, SHORT.name: SHORT}.items()}
    found = by_name.get(name.lower().replace("-", "_"))
    if found is None:
        raise CapabilityError(f"There is no dialect {name!r}; use {', '.join(TOOL_FORMATS)}.")
    return found


__all__ = ["PROMPTS", "TOOL_FORMATS", "ParsedTurn", "ToolFormat", "draft", "load_tool_format", "with_prompt"]
