"""plan: which way to look, chosen from what is asked, what the memory holds, and what may be spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from ..tools import Budget
from .models.heuristic import ParsedQuestion, parse
from .questions.question import Question
from .steps import Call
from .strategies import ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A route through the tools, in words and as data."""

    text: str
    """One line for the policy and for people."""
    route: str
    """How to look: a name of `ROUTES`."""
    kind: str
    """What is asked: `ParsedQuestion.kind`."""
    channel: str | None
    """The channel that can tell, where the question names it."""
    sub_questions: tuple[str, ...] = ()
    """What must be found out on the way, in order."""
    share: float = 0.75
    """Part of the budget, in (0, 1], that the route may use; the rest is the policy's own."""
    by: str = "rules"
    """Who planned: `rules`, `model` or `user` (a route that was asked for)."""
    said: str = ""
    """What the planning model wrote."""
    tokens: int = 0
    """What the planning model cost."""
    looks: tuple[Call, ...] | None = None
    """The first look: calls that are made before the route and the policy; None leaves them to the loop."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the state and the trace."""
        looks = None if self.looks is None else [{"tool": c.tool, "arguments": c.arguments} for c in self.looks]
        return {**asdict(self), "sub_questions": list(self.sub_questions), "looks": looks}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Plan:
        """Return the plan that `as_dict` wrote."""
        looks = row.get("looks")
        looks = None if looks is None else tuple(Call(one["tool"], one["arguments"]) for one in looks)
        return cls(**{**row, "sub_questions": tuple(row.get("sub_questions", ())), "looks": looks})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The input of a planner."""

    question: Question
    """With each video's length, sound and channels."""
    tools: tuple[str, ...]
    """Names of the tools."""
    routes: tuple[str, ...]
    """Names of the routes that can be taken here."""
    budget: Budget
    reads_only: bool = False
    """True if the policy says that it reads text alone, and no other model sees for it."""


Planner = Callable[[Situation], Plan | Awaitable[Plan]]
"""Situation in, plan out."""

_HOW = {
    "speech": "search, then listen",
    "screen_text": "search, then read the screen",
    "shots": "find the cuts",
    "silence": "listen for pauses",
    None: "search every channel, then look closer",
}


def plan_by_rules(situation: Situation) -> Plan:
    """Plan by the words of the question, without a model."""
    ask = parse(situation.question.text, situation.question.options)
    route = "read" if situation.reads_only else "search"
    return Plan(text=_say(ask), route=route, kind=ask.kind, channel=ask.channel)


def plan_route(name: str) -> Planner:
    """Return a planner that takes the route a person asked for."""
    route = ROUTES[name]

    def planner(situation: Situation) -> Plan:
        plan = plan_by_rules(situation)
        text = plan.text if name == "search" else f"{name}: {route.about}"
        return Plan(text=text, route=name, kind=plan.kind, channel=plan.channel, by="user")

    return planner


def _say(ask: ParsedQuestion) -> str:
    if ask.kind == "summary":
        return "browse the chapters, then listen and read"
    return _HOW[ask.channel]
