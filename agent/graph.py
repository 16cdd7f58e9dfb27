"""The loop, built in one place: plan, a route's looks, then policy and tools in turns, then check, then the answer.

`rewatch ask`, evaluation and training all invoke the graph made here; they differ in the policy and in who listens.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from ..memory import FrameReader, RewatchError
from ..tools import Budget, Observation, Spend, Toolbox
from .answer import Draft
from .approval import allowed
from .evidence import CITED, Piece, number, numbers_of, pieces_of
from .models.failures import PolicyError, cause_of, failure_text, is_model_failure, policy_errors
from .models.policy import Policy, policy_of
from .models.settling import settled, with_calls_found
from .models.turn import Turn, take_turn
from .models.usage import price_of, tokens_of
from .parsing.draft import draft_of
from .planning.offered_tools import offered, useful
from .planning.planner import Plan, Planner, Situation, first_look, plan_route
from .prompts import SPENT, SYSTEM, TIME_UP, TOKENS_SPENT, render
from .questions.question import Question, question_of
from .state import State, TurnCostEstimate, fraction
from .steps import Call, advance, observed, route_message
from .strategies import ROUTES, Brief
from .trace import observation_row
from .verifier import SENT_BACK, Verdict, after_looking, answer_of, check, second_looks

if TYPE_CHECKING:
    from ..memory import ClipMemory, MemoryView, RestrictedView

MAX_CHECKS = 1
"""How often a draft whose evidence does not hold is sent back."""
_VIEWS = 4
"""Sets of videos and moments of which pictures are kept."""
_BOUND = 64
"""Sets of tools and videos for which the policy is kept with its tools bound; a server meets ever new videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Memory, policy and tools of the nodes. Holds nothing of a run: that is all in the state."""

    memory: ClipMemory | RestrictedView
    policy: BaseChatModel
    planner: Planner
    toolbox: Toolbox
    system: str = SYSTEM
    looks_twice: bool = False
    """True if the check asks the viewer to confirm what was seen."""
    first_look: Callable[[Situation], tuple[Call, ...]] = first_look
    """The calls that come before the policy's first turn, where the planner names none itself."""
    raise_bugs: bool = False
    """Whether what is no failure of a model or a video is raised, as in training and evaluation, and not told."""
    numbers: bool = True
    """True if the lines of observations are numbered, so that an answer can cite `[3]`."""
    pixels: FrameReader = field(init=False)
    """Reads pictures of the whole memory; a run has `pixels_of` its question."""
    views: OrderedDict[tuple[Any, ...], FrameReader] = field(default_factory=OrderedDict, init=False)
    bound: OrderedDict[str, Runnable[Any, AIMessage]] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", FrameReader(self.memory))

    @property
    def capabilities(self) -> Policy:
        """Return the policy as the protocol that states its capabilities."""
        return policy_of(self.policy)

    def raising_bugs(self) -> Loop:
        """The same loop, with the same pictures in store, for training and evaluation: bugs are raised."""
        strict = copy.copy(self)
        object.__setattr__(strict, "raise_bugs", True)
        return strict

    async def plan(self, state: State) -> Command[Literal["route", "policy"]]:
        """Pick a route and tell the policy about the task."""
        began = time.monotonic()
        question = Question.from_dict(state["question"])
        routes = tuple(name for name, route in ROUTES.items() if self.toolbox.sees or not route.needs_viewer)
        situation = Situation(
            question=question,
            tools=tuple(self.toolbox.names),
            routes=routes,
            budget=_budget(state),
            reads_only=self.capabilities.sees is False and not self.toolbox.sees and self.numbers,
        )
        planner = plan_route(state["route"]) if state.get("route") else self.planner
        planned = planner(situation)
        plan = planned if isinstance(planned, Plan) else await planned
        if plan.route not in routes:
            plan = replace(plan, route="search", text=f"{plan.text} ({plan.route} cannot be taken here)")
        if plan.looks is None:
            plan = replace(plan, looks=self.first_look(situation))
        human = HumanMessage(
            render(
                question,
                plan,
                state["budget"],
                state.get("guidance", ""),
                pictures=self.capabilities.reads_pictures,
                reminds=self.numbers and self.system == SYSTEM,
            ),
            additional_kwargs={
                "question": question.as_dict(),
                "plan": plan.as_dict(),
                "eyes": self.capabilities.eyes([]).as_dict(),
            },
        )
        cost = Spend(tokens=plan.tokens, seconds=time.monotonic() - began if plan.said else 0.0)
        update = {"plan": plan.as_dict(), "messages": [SystemMessage(self.system), human], "spend": cost.as_dict()}
        return Command(update=update, goto="route" if plan.looks or plan.route != "search" else "policy")

    async def follow(self, state: State) -> Command[Literal["looks", "policy"]]:
        """Take the first look, then the route's next step; at its end, or the budget's, hand over to the policy."""
        question, plan, budget = Question.from_dict(state["question"]), Plan.from_dict(state["plan"]), _budget(state)
        results = observed(state["messages"])
        looks = tuple(call for call in plan.looks or () if call.key not in results)
        if looks and not budget.exhausted(_spent(state)):
            return Command(update={"messages": [route_message("look", looks, len(state["messages"]))]}, goto="looks")
        allowed = replace(fraction(budget, plan.share), calls=budget.calls)  # a route counts its calls itself
        if plan.route == "search" or allowed.exhausted(_spent(state)):
            return Command(update={"routed": "go on"}, goto="policy")
        route, many = ROUTES[plan.route], len(question.videos) > 1
        texts: list[str] = []
        cited: list[int] = []
        answer_now = False
        videos = question.videos[:1] if route.at_once else question.videos
        for video in videos:
            part = fraction(budget, plan.share / len(videos))
            brief = Brief(question=question, video=video, budget=part, sub_questions=plan.sub_questions, many=many)
            calls, result = advance(route.run(brief), state["messages"])
            if result is None:
                request = route_message(route.name, calls, len(state["messages"]))
                return Command(update={"messages": [request]}, goto="looks")
            numbers = numbers_of(result.evidence, pieces_of(state["messages"]).values())[:CITED]
            text = f"{result.text} {''.join(f'[{n}]' for n in numbers)}".rstrip()
            texts += [f"{video['name']}: {text}" if many and route.needs_viewer else text] if text else []
            cited += numbers
            answer_now = answer_now or result.answer_now
        message = HumanMessage("\n".join(texts), additional_kwargs={"cites": cited} if cited else {})
        update = {"messages": [message] if texts else [], "routed": "answer" if answer_now else "go on"}
        return Command(update=update, goto="policy")

    async def act(self, state: State) -> Command[Literal["tools", "check"]]:
        """Ask the policy for its next step; once the budget is spent, for its best answer without tools."""
        budget, spent, estimate = _budget(state), _spent(state), TurnCostEstimate.of(state)
        limit = estimate.limit(budget, spent)
        new: list[AnyMessage] = [HumanMessage(SPENT.format(limit=limit))] if limit else []
        may_call = not limit and state.get("routed") != "answer"
        question = Question.from_dict(state["question"])
        began = time.monotonic()
        keeps_limits = self.capabilities.takes_turn  # such a policy makes do with what a turn may cost
        if limit == "tokens" and not keeps_limits and not estimate.affords_a_turn(budget, spent):
            return _without_policy([], limit, TOKENS_SPENT, began)
        try:
            bound = self._bound(question) if may_call else self.policy
            reply = settled(await self._ask(bound, [*state["messages"], *new], state))
        except TimeoutError as error:
            tokens = error.tokens if isinstance(error, PolicyError) else 0
            return _without_policy(new, "seconds", TIME_UP, began, tokens=tokens)
        except RewatchError as error:  # the run ends with an answer, not with a stack trace
            cause = cause_of(error)
            if self.raise_bugs and keeps_limits and isinstance(cause, Exception) and not is_model_failure(cause):
                raise cause from None
            tokens, stopped_by = 0, "policy_error"
            if isinstance(error, PolicyError):
                tokens, stopped_by = error.tokens, error.stopped_by
            text = TOKENS_SPENT if stopped_by == "tokens" else failure_text(cause_of(error))
            return _without_policy(new, stopped_by, text, began, tokens=tokens)
        if may_call and not keeps_limits:  # any other policy reads its own text for calls
            reply = with_calls_found(reply, useful(self.toolbox, self.policy, question))
        cost = Spend(tokens=tokens_of(reply), seconds=time.monotonic() - began, price=price_of(reply))
        update: dict[str, Any] = {"messages": [*new, reply], "spend": cost.as_dict(), "pace": estimate.with_turn(cost)}
        if limit or reply.response_metadata.get("finish_reason") == "tokens":
            update["stopped_by"] = limit or "tokens"
        calls = (reply.tool_calls or reply.invalid_tool_calls) and may_call
        return Command(update=update, goto="tools" if calls else "check")

    async def _ask(self, model: Runnable[Any, AIMessage], messages: list[AnyMessage], state: State) -> AIMessage:
        remaining = _budget(state).left(_spent(state))
        seconds = max(remaining["seconds"], GRACE) if "seconds" in remaining else None
        if not self.capabilities.takes_turn:
            return await take_turn(model, self.policy, messages, seconds)
        sampling = state.get("sampling", {})
        turn = Turn(
            pixels=self.pixels_of(Question.from_dict(state["question"])),
            tokens=int(remaining["tokens"]) if "tokens" in remaining else None,
            seconds=seconds,
            temperature=sampling.get("temperature"),
            seed=sampling.get("seed"),
        )
        return await take_turn(model, self.policy, messages, seconds, turn=turn)

    def pixels_of(self, question: Question) -> FrameReader:
        """Return the pictures that a run may see: of the videos that it is about, and nothing after its `now`."""
        key = (question.now, *sorted(video["id"] for video in question.videos))
        if key not in self.views:
            shared = self.pixels if question.now is None else None  # what ends at some moment is read through its view
            self.views[key] = FrameReader(self._view(question), videos=key[1:], shared=shared)
            while len(self.views) > _VIEWS:
                self.views.popitem(last=False)
        return self.views[key]

    def _view(self, question: Question) -> MemoryView:
        return self.memory if question.now is None else self.memory.until(question.now)

    def offered(self, question: Question) -> list[dict[str, Any]]:
        """Return schemas of the tools that the policy is offered for a question."""
        return offered(self.toolbox, self.policy, question)

    def offered_in(self, messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
        """Return schemas of the tools that the policy would be offered in a conversation of the loop."""
        return self.offered(question_of(messages) or Question(text=""))

    def _bound(self, question: Question) -> Runnable[Any, AIMessage]:
        """Return the policy with the tools; bound once, since every turn of every run asks for it."""
        names = [*useful(self.toolbox, self.policy, question), "", *(video["id"] for video in question.videos)]
        key = " ".join(names)
        bound = self.bound.get(key)
        if bound is None:
            with policy_errors():
                bound = self.bound[key] = self.policy.bind_tools(self.offered(question))
            while len(self.bound) > _BOUND:
                self.bound.popitem(last=False)
        return bound

    async def use_tools(self, state: State) -> dict[str, Any]:
        """Run the calls of the last message: a policy's in order, a route's side by side, each with an even share."""
        message = state["messages"][-1]
        assert isinstance(message, AIMessage)
        budget, before, estimate = _budget(state), _spent(state), TurnCostEstimate.of(state)
        memory = self._view(Question.from_dict(state["question"]))
        calls: list[dict[str, Any]] = [dict(c) for c in (*message.tool_calls, *message.invalid_tool_calls)]
        approved = self._approved(calls, state, memory)
        by_route = message.additional_kwargs.get("by") == "route"
        results: list[AnyMessage] = []
        pieces = list(pieces_of(state["messages"]).values())
        spent = before
        while calls:
            limit = budget.exhausted(spent)
            if limit:
                text = f"Not run: the budget of {limit} is spent."
                results += [_tool_message(c, text, {"skipped": True}, error=True) for c in calls]
                break
            remaining = estimate.remaining(budget, spent)
            side_by_side = min(len(calls), int(remaining.get("calls", len(calls)))) if by_route else 1
            batch, calls = calls[:side_by_side], calls[side_by_side:]
            share = {**remaining, **({"frames": remaining["frames"] // len(batch)} if "frames" in remaining else {})}
            began = time.monotonic()
            outcomes = await asyncio.gather(*(self._run(call, state, memory, share, approved) for call in batch))
            for call, (observation, cost, timed_cost) in zip(batch, outcomes, strict=True):
                text, new_pieces = number(observation, pieces) if self.numbers else (observation.text, [])
                pieces += new_pieces
                results.append(observed_message(call, observation, text, new_pieces, timed_cost))
                spent += cost
            spent += Spend(seconds=time.monotonic() - began)
        used = {key: value - getattr(before, key) for key, value in spent.as_dict().items()}
        return {"messages": results, "spend": used}

    def _approved(self, calls: list[dict[str, Any]], state: State, memory: MemoryView) -> frozenset[str]:
        """Return ids of the calls that a person has allowed; where one is to be asked, the run is interrupted here."""
        videos = [v["id"] for v in state["question"]["videos"]]
        return allowed({
            call["id"] or "": self.toolbox.asks_first(call["name"] or "", call["args"], memory=memory, videos=videos)
            for call in calls if not call.get("error")
        })  # fmt: skip

    async def _run(
        self,
        call: dict[str, Any],
        state: State,
        memory: MemoryView,
        remaining: dict[str, float],
        approved: frozenset[str],
    ) -> tuple[Observation, Spend, Spend]:
        """Return the observation of a call, its cost without the seconds (calls side by side share those), and with."""
        videos = [v["id"] for v in state["question"]["videos"]]
        began = time.monotonic()
        if call.get("error"):  # the policy's dialect could not read it, and says how it is to be written
            observation, cost = Observation(text=call["error"], error=True), Spend(calls=1)
        else:
            observation, cost = await self.toolbox.call(
                call["name"] or "",
                call["args"] or {},
                memory=memory,
                videos=videos,
                left=remaining,
                approved=call["id"] in approved,
                eyes=self.capabilities.eyes(state["messages"]),
                raise_bugs=self.raise_bugs,
            )
        return observation, cost, cost + Spend(seconds=time.monotonic() - began)

    async def verify(self, state: State) -> Command[Literal["policy", "__end__"]]:
        """Check the last message as an answer; send it back once, or end."""
        question, budget, spent = Question.from_dict(state["question"]), _budget(state), _spent(state)
        verdict = check(draft_of(state["messages"][-1], state["messages"]), question, state["messages"])
        stopped_by = state.get("stopped_by", "")
        update: dict[str, Any] = {}
        if self.looks_twice and not verdict.missing and not stopped_by:
            probabilities, steps, cost = await self._look_again(verdict, question, state)
            verdict = after_looking(verdict, probabilities)
            spent += cost
            update = {"spend": cost.as_dict(), "looked": probabilities, "second_looks": steps}
        may_return = state.get("checked", 0) < MAX_CHECKS and not stopped_by
        if verdict.missing and may_return and not TurnCostEstimate.of(state).limit(budget, spent):
            missing = SENT_BACK + " ".join(verdict.missing)
            update |= {"messages": [HumanMessage(missing)], "checked": state.get("checked", 0) + 1}
            return Command(update=update, goto="policy")
        answer = answer_of(
            verdict.draft,
            question,
            state["messages"],
            stopped_by=stopped_by,
            spend=spent.as_dict(),
            budget=state["budget"],
        )
        return Command(update={**update, "answer": answer.as_dict()}, goto="__end__")

    async def _look_again(
        self, verdict: Verdict, question: Question, state: State
    ) -> tuple[list[float | None], list[dict[str, Any]], Spend]:
        """Have the viewer confirm the evidence that was seen, as far as the budget goes.

        Returns P(yes) of each piece, the looks as the trace tells of them, and what they cost together.
        """
        memory = self._view(question)
        budget, spent, total = _budget(state), _spent(state), Spend()
        videos = [v["id"] for v in question.videos]
        probabilities: list[float | None] = []
        steps: list[dict[str, Any]] = []
        for call in second_looks(verdict, many=len(videos) > 1):
            remaining = budget.left(spent + total)
            if call is None or budget.exhausted(spent + total) or remaining.get("frames", 1) < 1:
                probabilities.append(None)
                continue
            began = time.monotonic()
            observation, cost = await self.toolbox.call(
                *call, memory=memory, videos=videos, left=remaining, raise_bugs=self.raise_bugs
            )
            cost += Spend(seconds=time.monotonic() - began)
            total += cost
            probabilities.append(None if observation.error else float(observation.data["yes"]))
            call_id = f"second_look_{len(state['messages'])}_{len(steps)}"
            row = {"id": call_id, "name": call.tool, "args": call.arguments}
            steps.append(observation_row(observed_message(row, observation, observation.text, [], cost)))
        return probabilities, steps, total


GRACE = 1.0
"""Seconds that a policy has for its last answer when none are left."""


def build_graph(loop: Loop) -> CompiledStateGraph:
    """Compile the loop. A checkpointer can be attached with `graph.copy(update={"checkpointer": saver})`."""
    graph = StateGraph(State)
    graph.add_node("plan", loop.plan)
    graph.add_node("route", loop.follow)
    graph.add_node("looks", loop.use_tools)
    graph.add_node("policy", loop.act)
    graph.add_node("tools", loop.use_tools)
    graph.add_node("check", loop.verify)
    graph.add_edge(START, "plan")
    graph.add_edge("looks", "route")
    graph.add_edge("tools", "policy")  # the other nodes say themselves where to go on
    return graph.compile()


def _budget(state: State) -> Budget:
    return Budget.from_dict(state["budget"])


def _spent(state: State) -> Spend:
    return Spend.from_dict(state["spend"])


def _without_policy(
    new: list[AnyMessage], stopped_by: str, text: str, began: float, *, tokens: int = 0
) -> Command[Literal["tools", "check"]]:
    draft = Draft(text=text, abstained=True, confidence=0.0)
    cost = Spend(tokens=tokens, seconds=time.monotonic() - began)
    usage: UsageMetadata = {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens}
    by_loop = {"by": "loop"}
    message = AIMessage(draft.as_message(), usage_metadata=usage if tokens else None, additional_kwargs=by_loop)
    update = {"messages": [*new, message], "stopped_by": stopped_by, "spend": cost.as_dict()}
    return Command(update=update, goto="check")


def observed_message(
    call: dict[str, Any], observation: Observation, text: str, pieces: list[Piece], cost: Spend
) -> ToolMessage:
    """Return the message of a call that was made."""
    artifact = {
        "arguments": call["args"],
        "uris": list(observation.uris),
        "pictures": list(observation.pictures),
        "data": observation.data,
        "evidence": [piece.as_dict() for piece in pieces],
        "cached": observation.cached,
        "cost": cost.as_dict(),
    }
    return _tool_message(call, text, artifact, error=observation.error)


def _tool_message(call: dict[str, Any], text: str, artifact: dict[str, Any], *, error: bool) -> ToolMessage:
    return ToolMessage(
        text,
        name=call["name"] or "",
        tool_call_id=call["id"] or "",
        artifact=artifact,
        status="error" if error else "success",
    )
