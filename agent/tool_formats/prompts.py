"""System prompts beside those of the formats: from a file, or Video-of-Thought's steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...memory import MisuseError
from ...memory.files.regular import read_text
from ..prompts import SYSTEM
from .tool_format import ToolFormat

VIDEO_OF_THOUGHT = """Work from seeing to understanding, one step after another:
1. Task and target. Say what is asked, and name the people, things or texts in the video that the answer depends on.
2. Track. Find each target: when it is in view, where it is in the picture, when it leaves. Look again where you are \
not sure; keep the times.
3. Act. Describe what each target does over those times and how it changes, and what that means: causes, aims, \
relations, as far as the pictures and the sound carry it.
4. Answer. Weigh every candidate by itself against what you have seen: give each option, or each answer that comes to \
mind, a score from 1 to 10 with a reason, and rank them.
5. Verify. Hold the first of the ranking against the pictures once more, and against what everyone knows. If it does \
not stand, take the next one, or go back to step 2.
Only then answer."""
"""The steps of Video-of-Thought (Fei et al., ICML 2024, arXiv 2501.03230), in our words."""

PROMPTS = {"video_of_thought": VIDEO_OF_THOUGHT}
"""Prompts by name: they are added to what the format says of calls and answers."""


def with_prompt(tool_format: ToolFormat, prompt: str | Path) -> ToolFormat:
    """A tool format with another system prompt.

    Args:
        tool_format: one of `TOOL_FORMATS`.
        prompt: a name of `PROMPTS`, whose steps are added to the format's own prompt; or the path of a text file (a
            published prompt, say), which takes its place.

    Raises:
        MisuseError: if the file cannot be read or is empty.
    """
    if isinstance(prompt, str) and prompt in PROMPTS:
        return replace(tool_format, system=f"{tool_format.system or SYSTEM}\n\n{PROMPTS[prompt]}")
    path, instead = Path(prompt), f"give a text file, or {', '.join(PROMPTS)}"
    try:
        text = read_text(path).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise MisuseError(f"The prompt {path} cannot be read ({reason}); {instead}.") from None
    if not text:
        raise MisuseError(f"The prompt {path} is empty; {instead}.")
    return replace(tool_format, system=text)
