"""plan: which way to look, chosen by rules from what is asked and what the memory holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .question import Question
from .understand import Ask, understand


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A route through the tools, in words and as data."""

    text: str
    """One line for the policy and for people."""
    route: str
    """How to look; `search` is the only route so far."""
    kind: str
    """What is asked: `Ask.kind`."""
    channel: str | None
    """The channel that can tell, where the question names it."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the state and the trace."""
        return asdict(self)


Planner = Callable[[Question, list[str]], Plan]
"""Question and names of the tools in, plan out."""

_HOW = {
    "speech": "search, then listen",
    "screen_text": "search, then read the screen",
    "objects": "follow what moves",
    "shots": "find the cuts",
    None: "search every channel, then look closer",
}


def plan_by_rules(question: Question, tools: list[str]) -> Plan:
    """The rule planner: needs no model."""
    ask = understand(question.text, question.options)
    return Plan(text=_say(ask), route="search", kind=ask.kind, channel=ask.channel)


def _say(ask: Ask) -> str:
    if ask.kind == "summary":
        return "browse the chapters, then listen and read"
    return _HOW[ask.channel]
