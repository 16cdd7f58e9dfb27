"""Patterns of phrases, one alternative a line, as prompts are full of them."""

from __future__ import annotations

import re


def phrases(*alternatives: str, before: str = "", behind: str = "") -> re.Pattern[str]:
    """One pattern for any of several phrases: a blank stands for blanks of any kind, and case does not matter.

    `before` and `behind` stand around all of them.
    """
    inside = "|".join(alternatives)
    return re.compile(f"{before}(?:{inside}){behind}".replace(" ", r"\s+"), re.IGNORECASE)
