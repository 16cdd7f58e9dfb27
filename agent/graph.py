"""The loop, built in one place: plan, then policy and tools in turns, then check, then the answer.

`rewatch ask`, evaluation and training all invoke the graph made here; they differ in the policy and in who listens.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from ..tools import Budget, Spend, Toolbox
from .answer import Answer, Draft, parse_draft
from .check import check
from .planner import Plan, Planner, Situation
from .prompts import SPENT, SYSTEM, render
from .question import Question
from .routes import ROUTES
from .state import State

if TYPE_CHECKING:
    from ..memory import ClipMemory

MAX_CHECKS = 1
"""How often a draft whose evidence does not hold is sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What the nodes work with. Holds nothing of a run: that is all in the state."""

    memory: ClipMemory
    policy: BaseChatModel
    planner: Planner
    toolbox: Toolbox
    bound: dict[tuple[str, ...], Runnable[Any, AIMessage]] = field(default_factory=dict, init=False)

    async def plan(self, state: State) -> dict[str, Any]:
        """Pick a route and tell the policy about the task."""
        question = Question.from_dict(state["question"])
        planned = self.planner(
            Situation(question=question, tools=tuple(self.toolbox.names), routes=tuple(ROUTES), budget=_budget(state))
        )
        plan = planned if isinstance(planned, Plan) else await planned
        human = HumanMessage(
            render(question, plan.text, state["budget"]),
            additional_kwargs={"question": question.as_dict(), "plan": plan.as_dict()},
        )
        return {"plan": plan.as_dict(), "messages": [SystemMessage(SYSTEM), human], "spend": Spend().as_dict()}

    async def act(self, state: State) -> Command[Literal["tools", "check"]]:
        """Ask the policy for its next step; once the budget is spent, for its best answer without tools."""
        began = time.monotonic()
        limit = _budget(state).exhausted(_spent(state))
        videos = [v["id"] for v in state["question"]["videos"]]
        new: list[AnyMessage] = [HumanMessage(SPENT.format(limit=limit))] if limit else []
        model = self.policy if limit else self._bound(tuple(videos))
        try:
            said = await model.ainvoke([*state["messages"], *new])
        except Exception as error:  # a policy that fails ends the run with an answer, not with a stack trace
            text = f"The policy failed ({type(error).__name__}: {error})."
            draft = Draft(text=text, abstained=True, confidence=0.0)
            failed = {"messages": [*new, AIMessage(draft.as_message())], "stopped_by": "policy_error"}
            return Command(update=failed, goto="check")
        if not isinstance(said, AIMessage):
            raise TypeError(f"The policy must return an AIMessage, got {type(said).__name__}.")
        tokens = said.usage_metadata["total_tokens"] if said.usage_metadata else 0
        cost = Spend(tokens=tokens, seconds=time.monotonic() - began)
        update: dict[str, Any] = {"messages": [*new, said], "spend": cost.as_dict()}
        if limit:
            update["stopped_by"] = limit
        calls = (said.tool_calls or said.invalid_tool_calls) and not limit
        return Command(update=update, goto="tools" if calls else "check")

    def _bound(self, videos: tuple[str, ...]) -> Runnable[Any, AIMessage]:
        """The policy with the tools; bound once, since every turn of every run asks for it."""
        if videos not in self.bound:
            self.bound[videos] = self.policy.bind_tools(self.toolbox.schemas(list(videos)))
        return self.bound[videos]

    async def use_tools(self, state: State) -> dict[str, Any]:
        """Run the calls of the last message in order, each within what is left of the budget."""
        said = state["messages"][-1]
        assert isinstance(said, AIMessage)
        budget, before = _budget(state), _spent(state)
        spent = before
        memory = self.memory if state["question"]["now"] is None else self.memory.until(state["question"]["now"])
        videos = [v["id"] for v in state["question"]["videos"]]
        results: list[AnyMessage] = []
        calls: list[tuple[str, Any, str | None]] = [(c["name"], c["args"], c["id"]) for c in said.tool_calls]
        calls += [(c["name"] or "", c["args"] or "", c["id"]) for c in said.invalid_tool_calls]
        for name, arguments, call_id in calls:
            limit = budget.exhausted(spent)
            if limit:
                text = f"Not run: the budget of {limit} is spent."
                results.append(_tool_message(name, call_id, text, {"skipped": True}, error=True))
                continue
            began = time.monotonic()
            observation, cost = await self.toolbox.call(
                name, arguments, memory=memory, videos=videos, left=budget.left(spent)
            )
            cost += Spend(seconds=time.monotonic() - began)
            spent += cost
            artifact = {
                "arguments": arguments,
                "uris": list(observation.uris),
                "pictures": list(observation.pictures),
                "data": observation.data,
                "cached": observation.cached,
                "cost": cost.as_dict(),
            }
            results.append(_tool_message(name, call_id, observation.text, artifact, error=observation.error))
        used = {key: value - getattr(before, key) for key, value in spent.as_dict().items()}
        return {"messages": results, "spend": used}

    async def verify(self, state: State) -> Command[Literal["policy", "__end__"]]:
        """Check the last message as an answer; send it back once, or end."""
        said = state["messages"][-1]
        question = Question.from_dict(state["question"])
        verdict = check(parse_draft(said.text), question, state["messages"])
        stopped_by = state.get("stopped_by", "")
        may_return = state.get("checked", 0) < MAX_CHECKS and not stopped_by
        if verdict.missing and may_return and not _budget(state).exhausted(_spent(state)):
            missing = "Before the answer can be given: " + " ".join(verdict.missing)
            again = {"messages": [HumanMessage(missing)], "checked": state.get("checked", 0) + 1}
            return Command(update=again, goto="policy")
        draft = verdict.draft
        answer = Answer(
            question=question.text,
            text=draft.text,
            option=draft.option,
            evidence=draft.evidence,
            confidence=draft.confidence,
            abstained=draft.abstained,
            stopped_by=stopped_by or "answer",
            spend={k: round(v, 3) for k, v in state["spend"].items()},
            budget=state["budget"],
        )
        return Command(update={"answer": answer.as_dict()}, goto="__end__")


def build_graph(loop: Loop) -> CompiledStateGraph:
    """Compile the loop. A checkpointer can be attached with `graph.copy(update={"checkpointer": saver})`."""
    graph = StateGraph(State)
    graph.add_node("plan", loop.plan)
    graph.add_node("policy", loop.act)
    graph.add_node("tools", loop.use_tools)
    graph.add_node("check", loop.verify)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "policy")
    graph.add_edge("tools", "policy")  # policy and check say themselves where to go on
    return graph.compile()


def _budget(state: State) -> Budget:
    return Budget.from_dict(state["budget"])


def _spent(state: State) -> Spend:
    return Spend.from_dict(state["spend"])


def _tool_message(name: str, call_id: str | None, text: str, artifact: dict[str, Any], *, error: bool) -> ToolMessage:
    return ToolMessage(
        text, name=name, tool_call_id=call_id or "", artifact=artifact, status="error" if error else "success"
    )
