"""Driving a scaling: attempts are runs of the loop, each with its own trace and checkpoints, under one budget.

A graph of its own: `decide` replays the scaling over the results so far and says what to do next, `attempt` does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from operator import add as concatenate
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from ...memory import RewatchError
from ...tools import Budget, Spend
from ...tools.budget import rounded
from ..answer import Answer
from ..models.failures import PolicyError, cause_of, one_line
from ..models.policy import policy_of
from ..models.settling import usable
from ..models.turn import take_turn
from ..models.usage import price_of, tokens_of
from ..parsing.thoughts import without_thoughts
from ..questions.question import Question
from ..runner import RunRecord
from ..state import add
from ..steps import Finished, replay
from . import SCALINGS, Attempt, Prompt, Result, ScalingBrief


class ScaledState(TypedDict, total=False):
    """One question asked more than once."""

    question: dict[str, Any]
    budget: dict[str, float | None]
    scale: str
    width: int
    route: str
    results: Annotated[list[list[dict[str, Any]]], concatenate]
    """What came of each step so far: its pieces in order."""
    spend: Annotated[dict[str, float], add]
    answer: dict[str, Any]


RunLoop = Callable[[str, dict[str, Any]], Awaitable[RunRecord]]
"""Runs the attempt of a number from its first state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledLoop:
    """The runner of attempts and the policy, for the nodes."""

    run: RunLoop
    policy: BaseChatModel

    async def decide(self, state: ScaledState) -> Command[Literal["attempt", "__end__"]]:
        """End with the scaling's answer, or do its next step."""
        began = time.monotonic()
        _, answer = replay_scaling(state)
        if answer is None:
            return Command(goto="attempt")
        spent = Spend.from_dict(state.get("spend") or Spend().as_dict())
        cost = Spend(seconds=time.monotonic() - began)
        row = {
            **answer.as_dict(),
            "question": state["question"]["text"],
            "spend": rounded((spent + cost).as_dict()),
            "budget": state["budget"],
        }
        return Command(update={"answer": row, "spend": cost.as_dict()}, goto="__end__")

    async def attempt(self, state: ScaledState) -> dict[str, Any]:
        """Do the pieces of the next step side by side."""
        began = time.monotonic()
        step, _ = replay_scaling(state)
        budget = Budget.from_dict(state["budget"])
        before = Spend.from_dict(state.get("spend") or Spend().as_dict())
        number = sum(len(pieces) for pieces in state.get("results", ()))
        remaining = remaining_budget(budget, before)
        work = []
        for k, piece in enumerate(step):
            if isinstance(piece, Attempt):
                allowed = smaller(piece.budget, remaining)
                remaining = remaining_budget(remaining, Spend(frames=allowed.frames or 0, calls=allowed.calls or 0))
                work.append(self._attempt(number + k + 1, piece, allowed, state))
            else:
                work.append(self._prompt(piece))
        rows = await asyncio.gather(*work)
        total = sum((Spend.from_dict(row["spend"]) for row in rows), Spend())
        cost = replace(total, seconds=time.monotonic() - began)
        after = remaining_budget(budget, before + cost).as_dict()
        done = len(state.get("results", ()))
        return {"results": [[{"step": done, **row, "left": after} for row in rows]], "spend": cost.as_dict()}

    async def _attempt(self, number: int, piece: Attempt, budget: Budget, state: ScaledState) -> dict[str, Any]:
        question = state["question"]
        if piece.question is not None:
            question = {**question, "text": piece.question, "options": []}
        first: dict[str, Any] = {
            "question": question,
            "budget": budget.as_dict(),
            "guidance": piece.guidance,
            "sampling": {"temperature": piece.temperature, "seed": piece.seed},
        }
        route = state.get("route")
        if route:
            first["route"] = route
        record = await self.run(str(number), first)
        return {
            "question": question["text"],
            "guidance": piece.guidance,
            "route": route,
            "budget": budget.as_dict(),
            "answer": record.answer,
            "text": str(record.reply.text),
            "likelihood": record.reply.response_metadata.get("likelihood"),
            "spend": Spend.from_dict(record.answer["spend"]).as_dict(),
        }

    async def _prompt(self, piece: Prompt) -> dict[str, Any]:
        began = time.monotonic()
        try:
            bounds = {"max_tokens": piece.max_tokens} if policy_of(self.policy).takes_turn else {}
            reply = await take_turn(self.policy, self.policy, [HumanMessage(piece.prompt)], None, **bounds)
            text, tokens, price = without_thoughts(usable(reply)), tokens_of(reply), price_of(reply)
        except (TimeoutError, RewatchError) as error:  # the scaling goes on with what it has
            cause = cause_of(error)
            text, price = f"({type(cause).__name__}: {one_line(str(cause))})", 0.0
            tokens = error.tokens if isinstance(error, PolicyError) else 0
        cost = Spend(tokens=tokens, seconds=time.monotonic() - began, price=price)
        return {"prompt": piece.prompt, "answer": None, "text": text, "likelihood": None, "spend": cost.as_dict()}


def replay_scaling(state: ScaledState) -> tuple[tuple[Attempt | Prompt, ...], Answer | None]:
    """Replay the scaling over the results so far: its next step, or none and the answer."""
    brief = ScalingBrief(
        question=Question.from_dict(state["question"]),
        budget=Budget.from_dict(state["budget"]),
        width=state["width"],
    )
    recorded = (tuple(_result(row) for row in rows) for rows in state.get("results", ()))
    step = replay(SCALINGS[state["scale"]].run(brief), lambda _: next(recorded, None))
    return ((), step.result) if isinstance(step, Finished) else (step, None)


def build_scaled_graph(loop: ScaledLoop) -> CompiledStateGraph:
    """Compile the graph of a scaling."""
    graph = StateGraph(ScaledState)
    graph.add_node("decide", loop.decide)
    graph.add_node("attempt", loop.attempt)
    graph.add_edge(START, "decide")
    graph.add_edge("attempt", "decide")
    return graph.compile()


def remaining_budget(budget: Budget, spent: Spend) -> Budget:
    """Return what remains, as a budget."""
    return Budget.from_dict({**budget.as_dict(), **budget.left(spent)})


def smaller(one: Budget, other: Budget) -> Budget:
    """Return the tighter of two budgets, limit by limit."""
    pairs = {name: (value, asdict(other)[name]) for name, value in asdict(one).items()}
    return Budget(**{n: b if a is None else a if b is None else min(a, b) for n, (a, b) in pairs.items()})


def _result(row: dict[str, Any]) -> Result:
    answer = None if row["answer"] is None else Answer.from_dict(row["answer"])
    remaining = Budget.from_dict(row["left"])
    return Result(text=row["text"], answer=answer, likelihood=row["likelihood"], remaining=remaining)
