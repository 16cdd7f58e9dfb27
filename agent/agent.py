"""`VideoAgent`: ask a memory a question."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from ..memory import RewatchError
from ..tools import BUILT_IN, Budget, Toolbox
from .answer import Answer
from .graph import Loop, build_graph
from .planner import Planner, plan_by_rules
from .policies import load_policy
from .question import Question, split_options
from .state import add
from .trace import SCHEMA, TraceWriter, events_of

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from ..memory import ClipMemory

_MANY_STEPS = 1_000_000  # the budget ends a run, never LangGraph's own limit
Listener = Callable[[dict[str, Any]], None]
"""Is told every trace event as it happens."""


class QuestionError(RewatchError):
    """A question cannot be asked as it stands."""

    exit_code = 2


class VideoAgent:
    """Answers questions about the videos of a memory, within a budget, with evidence.

    Args:
        memory: the clip memory that holds the videos.
        policy: `"extractive"` or a LangChain chat model.
        tools: tools beside the built-in ones: functions with types and a docstring, or LangChain tools.
        budget: limits of one run.
        planner: chooses the route; by rules unless told otherwise.
        traces: folder that each run's trace is written to; None writes none.
        checkpoints: SQLite file in which every step is stored, so that `resume` can go on with a run that was cut off.

    Raises:
        ValueError: if two tools have the same name.
        CapabilityError: if the policy is not to be had here.
    """

    def __init__(
        self,
        memory: ClipMemory,
        *,
        policy: str | BaseChatModel = "extractive",
        tools: Iterable[BaseTool | Callable[..., Any]] = (),
        budget: Budget | None = None,
        planner: Planner = plan_by_rules,
        traces: str | Path | None = None,
        checkpoints: str | Path | None = None,
    ) -> None:
        self.memory = memory
        self.policy = load_policy(policy)
        self.toolbox = Toolbox([*BUILT_IN, *tools])
        self.budget = budget or Budget()
        self._traces = Path(traces) if traces else None
        self._checkpoints = Path(checkpoints) if checkpoints else None
        self._graph = build_graph(Loop(memory=memory, policy=self.policy, planner=planner, toolbox=self.toolbox))

    def ask(
        self,
        question: str,
        *,
        options: Sequence[str] | None = None,
        videos: Sequence[str] | None = None,
        now: float | None = None,
        budget: Budget | None = None,
        listener: Listener | None = None,
    ) -> Answer:
        """Answer a question.

        Args:
            question: in plain words.
            options: possible answers, with or without letters.
            videos: ids, names or paths of the memory's videos; all of them by default.
            now: nothing after this time (seconds) may be seen.
            budget: limits of this run instead of the agent's own.
            listener: is told every trace event as it happens.

        Raises:
            QuestionError: if the question is empty or the memory has no such video.
        """
        return _run(self.aask(question, options=options, videos=videos, now=now, budget=budget, listener=listener))

    async def aask(
        self,
        question: str,
        *,
        options: Sequence[str] | None = None,
        videos: Sequence[str] | None = None,
        now: float | None = None,
        budget: Budget | None = None,
        listener: Listener | None = None,
    ) -> Answer:
        """`ask`, for callers that have an event loop."""
        asked = self._question(question, options, videos, now)
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        state = {"question": asked.as_dict(), "budget": (budget or self.budget).as_dict()}
        return await self._drive(run_id, state, listener)

    def resume(self, run_id: str, *, listener: Listener | None = None) -> Answer:
        """Go on with a run that was cut off, from its last stored step.

        Raises:
            QuestionError: if no step of such a run is stored.
        """
        return _run(self._drive(run_id, None, listener))

    async def _drive(self, run_id: str, state: dict[str, Any] | None, listener: Listener | None) -> Answer:
        """Stream the graph; every update becomes trace events."""
        began = time.monotonic()
        writer = TraceWriter(self._traces / f"{run_id}.jsonl") if self._traces else None
        final: dict[str, Any] = {}

        def tell(event: dict[str, Any]) -> None:
            event = {"t": round(time.monotonic() - began, 3), **event}
            if writer:
                writer.write(event)
            if listener:
                listener(event)

        try:
            async with self._checkpointed() as graph:
                config: dict[str, Any] = {"configurable": {"thread_id": run_id}, "recursion_limit": _MANY_STEPS}
                spend: dict[str, float] = {}
                if state is None:
                    stored = await graph.aget_state(config)  # type: ignore[arg-type]
                    if not stored.values:
                        raise QuestionError(f"No step of run {run_id} is stored; ask the question again.")
                    if stored.values.get("answer"):
                        return Answer.from_dict(stored.values["answer"])
                    tell({"event": "resume", "run_id": run_id})
                    spend = stored.values.get("spend", {})
                else:
                    tell(self._first_event(run_id, state))
                how: dict[str, Any] = {"durability": "sync"} if graph.checkpointer else {}
                async for update in graph.astream(state, config, stream_mode="updates", **how):  # type: ignore[call-overload]
                    for node, change in update.items():
                        spend = add(spend, change.get("spend", {}))
                        if "answer" in change:
                            trace = str(writer.path) if writer else None
                            final = {**change["answer"], "run_id": run_id, "trace": trace}
                            change = {**change, "answer": final}
                        for event in events_of(node, change):
                            tell({**event, "spend": {k: round(v, 3) for k, v in spend.items()}})
        finally:
            if writer:
                writer.close()
        return Answer.from_dict(final)

    @asynccontextmanager
    async def _checkpointed(self) -> AsyncIterator[CompiledStateGraph]:
        if self._checkpoints is None:
            yield self._graph
            return
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        self._checkpoints.parent.mkdir(parents=True, exist_ok=True)
        async with AsyncSqliteSaver.from_conn_string(str(self._checkpoints)) as saver:
            yield self._graph.copy(update={"checkpointer": saver})

    def _question(
        self, text: str, options: Sequence[str] | None, videos: Sequence[str] | None, now: float | None
    ) -> Question:
        if not text.strip():
            raise QuestionError("The question is empty; write what you want to know.")
        if options is not None and not 0 < len(options) <= 26:
            raise QuestionError(f"{len(options)} options given; give 1 to 26.")
        records = [self.memory.video(v) for v in videos] if videos else self.memory.videos()
        if not records:
            raise QuestionError("The memory holds no video; add one with `rewatch index FILE` or memory.add(path).")
        facts = tuple(
            {
                "id": r.id,
                "name": r.name,
                "start": r.start,
                "end": r.end,
                "width": r.width,
                "height": r.height,
                "has_audio": r.has_audio,
                "channels": list(r.channels),
            }
            for r in records
        )
        return Question(text=text.strip(), options=split_options(options), videos=facts, now=now)

    def _first_event(self, run_id: str, state: dict[str, Any]) -> dict[str, Any]:
        from .. import __version__

        question = state["question"]
        return {
            "event": "run",
            "schema": SCHEMA,
            "rewatch": __version__,
            "run_id": run_id,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "question": question,
            "paths": {v["id"]: str(self.memory.video(v["id"]).path) for v in question["videos"]},
            "budget": state["budget"],
            "policy": self.policy._llm_type,
            "tools": [convert_to_openai_tool(t)["function"] for t in self.toolbox],
        }


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end, also from inside a running event loop (a notebook), where it takes a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[Answer | BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=target, name="rewatch-ask")
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]
