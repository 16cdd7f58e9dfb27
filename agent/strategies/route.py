"""The `Route` class: a published way of searching a long video, as steps on our memory, tools and budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...memory import Span
from ...tools import Budget
from ..answer import Evidence
from ..questions.question import Question
from ..steps import Call, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The task of a route: a question about one video, and its budget there."""

    question: Question
    video: dict[str, Any]
    """The video's facts, as in `Question.videos`."""
    budget: Budget
    """Limits of this route on this video; the loop enforces the run's own limits besides."""
    sub_questions: tuple[str, ...] = ()
    """What the planner split the question into."""
    many: bool = False
    """True if the run is about several videos, so that calls must name theirs."""

    @property
    def whole(self) -> Span:
        """The whole video, up to `now` if there is one (seconds); of it what the question's words for time name.

        In the modes `now` and `wait` it is the part that counts.
        """
        begin = self.question.begin_of(self.video)
        end = max(self.question.end_of(self.video), begin)
        return self.question.span_in(self.video) or Span(begin, end)

    @property
    def prompt(self) -> str:
        """The question with its options and what the planner wants to find out, as a model is asked it."""
        return "\n".join([self.question.prompt, *(f"To find out: {part}" for part in self.sub_questions)])

    def call(self, tool: str, **arguments: Any) -> Call:
        """Return a call on this video; arguments that are None are left out."""
        values = {k: round(v, 3) if isinstance(v, float) else v for k, v in arguments.items() if v is not None}
        return Call(tool, {**values, "video": self.video["id"]} if self.many else values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteResult:
    """The end of a route. Its observations are in the conversation; these are the words that go with them."""

    text: str
    """What was looked at and what it showed, for the policy."""
    answer_now: bool = True
    """True if the policy is to answer at once, as the paper does, or may go on with tools."""
    evidence: tuple[Evidence, ...] = ()
    """What the text rests on; the policy is told the numbers of these places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to look."""

    name: str
    paper: str
    about: str
    """What it is good for, in one line, for planners and people."""
    run: Callable[[Brief], Steps[RouteResult]]
    needs_viewer: bool = True
    """True if it asks a model that sees."""
    at_once: bool = False
    """True if one run of it looks into all videos of the question, with the budget of all."""
