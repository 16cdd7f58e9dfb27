"""plan, by a model: it reads what is asked, what the memory holds and what may be spent, and writes a plan as JSON.

JSON in the text, and not a provider's structured output, since any chat model can write it: local ones, served ones and
scripted ones alike. What cannot be used is said once and may be mended; then the rules plan.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from ...memory import RewatchError, clock
from ...tools.sanitize import quote
from ..models.failures import cause_of, one_line
from ..models.settling import usable
from ..models.turn import take_turn
from ..models.usage import tokens_of
from ..parsing.loose_json import NotJson, read_object
from ..parsing.reply import parse_reply
from ..strategies import ROUTES
from .planner import Plan, Planner, Situation, plan_by_rules

MOST_SUB_QUESTIONS, LONGEST_SUB_QUESTION = 8, 200
PATIENCE = 0.25
"""Part of the run's seconds that one try of the model may take."""
_TRIES = 2
_MOST_OBJECTS = 50
_SYSTEM = f"""You plan how a question about videos is to be answered; you do not answer it. Choose the route that \
finds out most for what may be spent, split the question only where its parts must be found out one after another, \
and say which part of the budget the route may use (the rest is left for a closer look and the answer).
Reply with one JSON object and nothing else:
{{"route": "one of the routes", "sub_questions": ["at most {MOST_SUB_QUESTIONS}, each at most {LONGEST_SUB_QUESTION} \
characters; [] where the question is one piece"], "share": 0.75, "reason": "why, in one sentence"}}"""


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _without_gaps(value: object) -> object:
    rows = [] if value is None else [value] if isinstance(value, str) else value
    return [row for row in rows if row is not None and row != ""] if isinstance(rows, list) else rows


Line = Annotated[str, BeforeValidator(_one_line)]
SubQuestion = Annotated[Line, Field(min_length=1, max_length=LONGEST_SUB_QUESTION)]


class Proposal(BaseModel):
    """The plan that the model is to write."""

    route: Line
    sub_questions: Annotated[
        list[SubQuestion], BeforeValidator(_without_gaps), Field(max_length=MOST_SUB_QUESTIONS)
    ] = []
    share: float = Field(default=0.75, gt=0, le=1)
    reason: Line = ""


class Unusable(Exception):
    """A plan that cannot be followed; the text says what is wrong with it."""


def plan_by_model(model: BaseChatModel, fallback: Planner = plan_by_rules) -> Planner:
    """Return a planner that asks any chat model, in text alone, and takes the plan of `fallback` where that fails.

    `kind` and `channel` of every plan are those of `fallback`.
    """

    async def planner(situation: Situation) -> Plan:
        first = fallback(situation)
        base = await first if inspect.isawaitable(first) else first
        seconds = situation.budget.seconds
        patience = None if seconds is None else max(seconds * PATIENCE, 0.1)
        messages: list[BaseMessage] = [SystemMessage(_SYSTEM), HumanMessage(describe(situation))]
        text, tokens = "", 0
        for _ in range(_TRIES):
            try:
                reply = await take_turn(model, model, messages, patience)
            except (TimeoutError, RewatchError) as error:  # a run is not lost for want of a plan
                cause = cause_of(error)
                late = isinstance(error, TimeoutError)
                problem = "no plan in time" if late else f"{type(cause).__name__}: {cause}"
                text = text or f"The planning model failed ({one_line(problem)})."
                break
            text = usable(reply)
            tokens += tokens_of(reply)
            try:
                proposal = read_proposal(text, situation.routes)
            except Unusable as error:
                wrong = f"This plan cannot be used: {error}. Write the whole JSON object again."
                messages += [AIMessage(text), HumanMessage(wrong)]
                continue
            return Plan(
                text=f"{proposal.route}: {proposal.reason or _about(proposal.route)}"[:300],
                route=proposal.route,
                kind=base.kind,
                channel=base.channel,
                sub_questions=tuple(proposal.sub_questions),
                share=proposal.share,
                by="model",
                said=text,
                tokens=tokens,
            )
        return replace(base, said=text, tokens=base.tokens + tokens)

    return planner


def describe(situation: Situation) -> str:
    """Return the prompt: the question, the videos, the routes, the tools and the budget."""
    question = situation.question
    lines = [f"Question: {question.prompt}"]
    for video in question.videos:
        end = question.end_of(video)
        channels = ", ".join(video["channels"]) or "none"
        sound = "with sound" if video["has_audio"] else "without sound"
        length = f"{clock(max(end - video['start'], 0.0))} long"
        lines.append(f"Video {video['id']} ({quote(video['name'])}): {length}, {sound}; the memory holds: {channels}.")
    lines += ["Routes:", *(f"- {name}: {_about(name)}" for name in situation.routes)]
    lines.append(f"Tools of the policy: {', '.join(situation.tools)}.")
    limits = [f"{value:g} {name}" for name, value in situation.budget.as_dict().items() if value is not None]
    lines.append(f"Budget: {', '.join(limits) or 'no limit'}.")
    return "\n".join(lines)


def read_proposal(text: str, routes: tuple[str, ...]) -> Proposal:
    """Return the plan that a model wrote; `Unusable` where there is none that is within bounds and can be taken."""
    parts = parse_reply(text, "tool_call")
    problem = "there is no JSON object in it"
    for row in _objects(parts.answer or parts.rest):
        try:
            proposal = Proposal.model_validate(row)
        except ValidationError as error:
            worst = error.errors()[0]
            where = ".".join(str(part) for part in worst["loc"])
            problem = f"{where}: {worst['msg']}"
            continue
        by_spelling = {name.replace("-", "_").lower(): name for name in routes}
        route = by_spelling.get(proposal.route.replace("-", "_").replace(" ", "_").lower())
        if route is not None:
            return proposal.model_copy(update={"route": route})
        problem = f"there is no route {proposal.route[:40]!r}; take one of {', '.join(routes)}"
    raise Unusable(problem)


def _objects(text: str) -> Iterator[dict[str, object]]:
    start = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if start < 0:
            return
        with contextlib.suppress(NotJson):
            yield read_object(text[start:])
        start = text.find("{", start + 1)


def _about(route: str) -> str:
    return ROUTES[route].about if route in ROUTES else ""
