"""The runner: drives a graph from its first or its last stored step to the answer, and turns its updates into events.

`VideoAgent`, scalings and the collection of rollouts all run their graphs with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from ..memory import MemoryFolderError, RewatchError
from ..memory.files.names import to_text
from ..memory.processes.daemon_threads import DaemonThreads
from ..tools import Budget, Spend
from ..tools.budget import rounded
from ..tools.errors import ToolBug, always_passes, traceback_of, words_of
from ..tools.schemas import function_schema
from .answer import Answer, moment_of
from .approval import ApprovalNeeded, Approve, answers
from .models.failures import PolicyFailed, ended_by_policy
from .questions.question import Question, RunError
from .state import add
from .trace import SCHEMA, TraceWriter, events_of

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from .checkpoints.store import Steps
    from .graph import Loop

_MANY_STEPS = 1_000_000  # the budget ends a run, never LangGraph's own limit
_threads = DaemonThreads()  # a person who is asked must not hold up the exit
_INTERRUPT = "__interrupt__"
_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
Listener = Callable[[dict[str, Any]], None]
"""Called with every trace event as it happens."""


@dataclass(slots=True)
class RunRecord:
    """A run as far as it has come; one that fails leaves its messages here."""

    answer: dict[str, Any] = field(default_factory=dict)
    """`Answer.as_dict`; empty before the end."""
    messages: list[BaseMessage] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=dict)

    @property
    def reply(self) -> AIMessage:
        """The last message of the policy; empty where it wrote none."""
        return next((m for m in reversed(self.messages) if isinstance(m, AIMessage)), AIMessage(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs of one graph."""

    graph: CompiledStateGraph
    first_event: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None
    """Makes the `run` event of the run's id and its first state; None emits none."""
    saver: Steps | None = None
    traces: Path | None = None
    """Folder of the traces; None writes none."""
    finish: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """Makes the last change to an answer before it is emitted."""
    approve: Approve | None = None
    """Is asked before calls that a person has to allow."""
    raise_bugs: bool = False
    """Whether a bug is raised instead of ending the run with an answer that says so."""
    may_ask: bool = False
    """True if there are tools that a person has to allow; without a file of checkpoints they are then kept here."""

    async def stored(self, run_id: str) -> dict[str, Any]:
        """Return the stored state of a run, empty if there is none; `MemoryFolderError` where it is damaged."""
        if self.saver is None:
            return {}
        graph = self.graph.copy(update={"checkpointer": self.saver})
        try:
            values = dict((await graph.aget_state({"configurable": {"thread_id": run_id}})).values)
            _require_whole(values)
        except RewatchError:
            raise
        except Exception as error:  # the file may come from elsewhere: LangGraph fails on it in any way
            raise _cannot_go_on(run_id, error) from error
        return values

    async def resume(self, run_id: str, on_event: Listener | None = None) -> RunRecord:
        """Go on with a stored run to its end.

        `QuestionError` where no step of it is stored, `MemoryFolderError` where what is stored is damaged.
        """
        stored = await self.stored(run_id)
        if not stored:
            raise RunError(f"No step of run {run_id} is stored; ask the question again.")
        record = RunRecord(messages=list(stored.get("messages", ())), spend=stored.get("spend", {}))
        path = self.traces / f"{run_id}.jsonl" if self.traces else None
        if stored.get("answer"):
            record.answer = self._final(stored["answer"], run_id, path)
            return record
        try:
            return await self._drive(
                run_id, stored, on_event, record, {"event": "resume", "run_id": run_id}, resumes=True
            )
        except RewatchError:
            raise
        except Exception as error:  # a state from elsewhere may fail in any node
            if isinstance(error, ToolBug) or always_passes(error):
                raise
            raise _cannot_go_on(run_id, error) from error

    async def run(
        self, run_id: str, state: dict[str, Any], on_event: Listener | None = None, record: RunRecord | None = None
    ) -> RunRecord:
        """Run from a first state to the end; `record` is filled as the run goes."""
        event = self.first_event(run_id, state) if self.first_event else None
        return await self._drive(run_id, state, on_event, record or RunRecord(), event)

    async def _drive(
        self,
        run_id: str,
        state: dict[str, Any],
        on_event: Listener | None,
        record: RunRecord,
        first: dict[str, Any] | None,
        *,
        resumes: bool = False,
    ) -> RunRecord:
        began = time.monotonic()
        writer = TraceWriter(self.traces / f"{run_id}.jsonl") if self.traces else None

        def emit(event: dict[str, Any]) -> None:
            event = {"t": round(time.monotonic() - began, 3), **event}
            if writer:
                writer.write(event)
            if on_event:
                on_event(event)

        def take(node: str, change: dict[str, Any]) -> None:
            record.spend = add(record.spend, change.get("spend", {}))
            record.messages += change.get("messages", ())
            if "answer" in change:
                path = writer.path if writer and not writer.lost else None
                record.answer = self._final(change["answer"], run_id, path)
                change = {**change, "answer": record.answer}
            if writer or on_event:
                for event in events_of(node, change):
                    emit({**event, "spend": rounded(record.spend)})

        saver = self.saver or (InMemorySaver() if self.may_ask else None)
        graph = self.graph.copy(update={"checkpointer": saver}) if saver else self.graph
        options: dict[str, Any] = {"durability": "sync"} if saver else {}
        config: dict[str, Any] = {"configurable": {"thread_id": run_id}, "recursion_limit": _MANY_STEPS}
        state_or_command: Any = None if resumes else state
        try:
            if first:
                emit(first)
            while True:
                interrupts: Sequence[Any] = ()
                stream = graph.astream(state_or_command, config, stream_mode="updates", **options)  # type: ignore[call-overload]
                async for update in stream:
                    interrupts = update.pop(_INTERRUPT, interrupts)  # asked once the stream has ended: all is stored
                    for node, change in update.items():
                        take(node, change or {})
                if not interrupts:
                    return record
                state_or_command = await self._asked(run_id, interrupts)
        except Exception as error:  # the boundary of a run: a bug ends it with an answer, and is recorded
            if isinstance(error, RewatchError) or (resumes and not isinstance(error, ToolBug)):
                raise
            emit({"event": "bug", "traceback": traceback_of(error), "spend": rounded(record.spend)})
            if self.raise_bugs or always_passes(error):
                raise
            take("decide", {"answer": _answer_of_bug(error, state, record.spend)})
            return record
        finally:
            if writer:
                writer.close()

    async def _asked(self, run_id: str, interrupts: Sequence[Any]) -> Command[Any]:
        """Return the command with which the run goes on once the calls that wait have been allowed or refused.

        `ApprovalNeeded` if nobody can be asked and the run can be taken up later.
        """
        calls = [call for one in interrupts for call in one.value]
        if self.saver and self.saver.lost:  # the graph would go on from what it stored last
            raise MemoryFolderError(f"The run {run_id} asks for approval, and could not be stored: {self.saver.lost}")
        if self.approve is None and self.saver is not None:
            raise ApprovalNeeded(run_id, calls)
        allowed = _threads.submit(answers, {"calls": calls, "approve": self.approve})
        return Command(resume=await asyncio.wrap_future(allowed))

    def _final(self, answer: dict[str, Any], run_id: str, path: Path | None) -> dict[str, Any]:
        return self.finish({**answer, "run_id": run_id, "trace": str(path) if path else None})


def run_event(loop: Loop, run_id: str, state: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the event that a run's trace begins with."""
    from ..version import __version__

    paths = {record.id: record.path for record in loop.memory.videos()}
    ids = [video["id"] for video in state["question"]["videos"]]
    return {
        "event": "run",
        "schema": SCHEMA,
        "rewatch": __version__,
        "run_id": run_id,
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "question": state["question"],
        "paths": {id_: to_text(paths[id_]) for id_ in ids if id_ in paths},  # a video may have been removed meanwhile
        "budget": state["budget"],
        "policy": loop.policy._llm_type,
        **more,
        "tools": [function_schema(tool)["function"] for tool in loop.toolbox],
    }


def synchronous(work: Callable[_Arguments, Coroutine[Any, Any, _Result]]) -> Callable[_Arguments, _Result]:
    """Make a function of a coroutine function, for callers that have no event loop."""

    @wraps(work)
    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return run_to_end(work(*args, **kwargs))

    return run


def run_to_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result, also from inside a running event loop (a notebook), where the work takes its own thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="rewatch-run") as pool:
        return pool.submit(_run, work).result()


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    try:
        return asyncio.run(work)
    except SystemExit as error:
        if ended_by_policy(error):
            raise PolicyFailed("The policy failed (it raised SystemExit).") from error
        raise


def _require_whole(values: dict[str, Any]) -> None:
    if not values:
        return
    question = Question.from_dict(values["question"])
    if not isinstance(question.text, str) or not all(isinstance(video["id"], str) for video in question.videos):
        raise ValueError("its question is none")
    Budget.from_dict(values["budget"])
    Spend.from_dict({**Spend().as_dict(), **values.get("spend", {})})
    if not all(isinstance(message, BaseMessage) for message in values.get("messages", ())):
        raise ValueError("a message is none")
    if values.get("answer"):
        Answer.from_dict({**values["answer"], "run_id": "", "trace": None})


def _cannot_go_on(run_id: str, error: Exception) -> MemoryFolderError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return MemoryFolderError(f"The run {run_id} cannot go on from what is stored of it ({reason}): ask again.")


def _answer_of_bug(error: Exception, state: Mapping[str, Any], spend: dict[str, float]) -> dict[str, Any]:
    reason = error.text if isinstance(error, ToolBug) else f"{type(error).__name__}: {words_of(error)}"
    reason = " ".join(reason.split())[:400].rstrip(".")
    return Answer(
        question=state["question"]["text"],
        now=moment_of(state["question"].get("now")),
        text=f"A bug in the program ended the run: {reason}. Please report it, with the traceback in the run's trace.",
        abstained=True,
        stopped_by="bug",
        spend=rounded({**Spend().as_dict(), **spend}),
        budget=state["budget"],
    ).as_dict()
