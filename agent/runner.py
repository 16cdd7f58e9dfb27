"""Driving a graph from its first step, or from its last stored one, to the answer; every update goes into the trace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from ..memory import MemoryFolderError, RewatchError
from ..memory.processes.daemon_threads import DaemonThreads
from ..tools import Budget, Spend
from ..tools.budget import rounded
from ..tools.errors import ToolBug, always_passes, traceback_of, words_of
from .answer import Answer
from .approval import ApprovalNeeded, Approve, answers, calls_of
from .parsing.settling import PolicyFailed, ended_by_policy
from .questions.question import Question, RunError
from .state import add
from .trace import TraceWriter, events_of

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

_MANY_STEPS = 1_000_000  # the budget ends a run, never LangGraph's own limit
_threads = DaemonThreads()  # a person who is asked must not hold up the exit
_OVER = object()
_INTERRUPT = "__interrupt__"
_Result = TypeVar("_Result")
Listener = Callable[[dict[str, Any]], None]
"""Is told every trace event as it happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run at its end."""

    answer: dict[str, Any]
    """`Answer.as_dict`."""
    said: AIMessage
    """The policy's last message; empty where none was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs of one graph."""

    graph: CompiledStateGraph
    saver: BaseCheckpointSaver | None
    traces: Path | None
    """Folder of the traces; None writes none."""
    first_event: Callable[[str, dict[str, Any]], dict[str, Any]]
    """The `run` event, from the run's id and its first state."""
    finish: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """Makes the last change to an answer before it is told."""
    approve: Approve | None = None
    """Is asked before calls that a person has to allow."""
    raise_bugs: bool = False
    """Whether a bug is raised instead of ending the run with an answer that says so."""
    may_ask: bool = False
    """Whether there are tools that a person has to allow; without a file of checkpoints they are then kept here."""

    async def stored(self, run_id: str) -> dict[str, Any]:
        """What is stored of a run; empty if nothing is.

        Raises:
            MemoryFolderError: if it is damaged, or not what a run of this program stores.
        """
        if self.saver is None:
            return {}
        graph = self.graph.copy(update={"checkpointer": self.saver})
        try:
            values = dict((await graph.aget_state({"configurable": {"thread_id": run_id}})).values)
            _require_whole(values)
        except RewatchError:
            raise
        except Exception as error:  # a file from elsewhere may hold anything
            raise _cannot_go_on(run_id, error) from error
        return values

    async def drive(self, run_id: str, state: dict[str, Any] | None, listener: Listener | None) -> RunEnded:
        """Run to the end.

        Args:
            run_id: names the run, its trace and its checkpoints.
            state: the first state; None goes on with the stored run of that id.
            listener: is told every event.

        Raises:
            QuestionError: if no step of the run is stored.
            MemoryFolderError: if what is stored cannot be gone on with.
        """
        try:
            return await self._drive(run_id, state, listener)
        except RewatchError:
            raise
        except Exception as error:
            if state is not None:
                raise
            if isinstance(error, ToolBug) or always_passes(error):
                raise
            raise _cannot_go_on(run_id, error) from error

    async def _drive(self, run_id: str, state: dict[str, Any] | None, listener: Listener | None) -> RunEnded:
        began = time.monotonic()
        path = self.traces / f"{run_id}.jsonl" if self.traces else None
        spend: dict[str, float] = {}
        stored = await self.stored(run_id) if state is None else {}
        if state is None and not stored:
            raise RunError(f"No step of run {run_id} is stored; ask the question again.")
        if stored.get("answer"):
            return RunEnded(answer=self._final(stored["answer"], run_id, path), said=_last(stored.get("messages", ())))
        final: dict[str, Any] = {}
        said = _last(stored.get("messages", ()))
        writer = TraceWriter(path) if path else None

        def tell(event: dict[str, Any]) -> None:
            event = {"t": round(time.monotonic() - began, 3), **event}
            if writer:
                writer.write(event)
            if listener:
                listener(event)

        try:
            if state is None:
                tell({"event": "resume", "run_id": run_id})
                spend = stored.get("spend", {})
            else:
                tell(self.first_event(run_id, state))
            saver = self.saver
            if saver is None and self.may_ask:
                saver = InMemorySaver()
            graph = self.graph.copy(update={"checkpointer": saver}) if saver else self.graph
            how: dict[str, Any] = {"durability": "sync"} if saver else {}
            config: dict[str, Any] = {"configurable": {"thread_id": run_id}, "recursion_limit": _MANY_STEPS}
            going: Any = state
            while going is not _OVER:
                stream = graph.astream(going, config, stream_mode="updates", **how)  # type: ignore[call-overload]
                going, waiting = _OVER, ()
                async for update in stream:
                    if _INTERRUPT in update:
                        waiting = update[_INTERRUPT]  # asked once the stream has ended, and all is stored
                        continue
                    for node, change in update.items():
                        change = change or {}
                        spend = add(spend, change.get("spend", {}))
                        said = _last(change.get("messages", ()), said)
                        if "answer" in change:
                            final = self._final(change["answer"], run_id, path if writer and not writer.lost else None)
                            change = {**change, "answer": final}
                        for event in events_of(node, change):
                            tell({**event, "spend": rounded(spend)})
                if waiting:
                    going = await self._asked(run_id, waiting)
        except Exception as error:  # the boundary of a run: a bug ends it with an answer, and is recorded
            if isinstance(error, RewatchError) or (state is None and not isinstance(error, ToolBug)):
                raise
            tell({"event": "bug", "traceback": traceback_of(error), "spend": rounded(spend)})
            if self.raise_bugs or always_passes(error):
                raise
            answer = _answer_of_bug(error, state or stored, spend)
            final = self._final(answer, run_id, path if writer and not writer.lost else None)
            tell({"event": "answer", "answer": final, "spend": rounded(spend)})
        finally:
            if writer:
                writer.close()
        return RunEnded(answer=final, said=said)

    async def _asked(self, run_id: str, interrupts: Sequence[Any]) -> Command[Any]:
        """How the run goes on once the calls that wait have been allowed or refused.

        Raises:
            ApprovalNeeded: if nobody can be asked, and the run can be taken up again later.
            MemoryFolderError: if its steps could not be stored.
        """
        calls = calls_of(interrupts)
        if lost := getattr(self.saver, "lost", None):  # the graph would go on from what it stored last
            raise MemoryFolderError(f"The run {run_id} asks for approval, and could not be stored: {lost}")
        if self.approve is None and self.saver is not None:
            raise ApprovalNeeded(run_id, calls)
        told = _threads.submit(answers, {"calls": calls, "approve": self.approve})
        return Command(resume=await asyncio.wrap_future(told))

    def _final(self, answer: dict[str, Any], run_id: str, path: Path | None) -> dict[str, Any]:
        return self.finish({**answer, "run_id": run_id, "trace": str(path) if path else None})


def run_to_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result, also from inside a running event loop (a notebook), where the work takes a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    results: list[_Result] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(_run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target, name="rewatch-run")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    try:
        return asyncio.run(work)
    except SystemExit as error:
        if ended_by_policy(error):
            raise PolicyFailed("The policy failed (it raised SystemExit).") from error
        raise


def _require_whole(values: dict[str, Any]) -> None:
    """Raise unless what is stored of a run has the form that runs store."""
    if not values:
        return
    asked = Question.from_dict(values["question"])
    if not isinstance(asked.text, str) or not all(isinstance(video["id"], str) for video in asked.videos):
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
    """What a run ends with that came upon a bug."""
    reason = error.text if isinstance(error, ToolBug) else f"{type(error).__name__}: {words_of(error)}"
    reason = " ".join(reason.partition(" Try other arguments")[0].split())[:400].rstrip(".")
    return Answer(
        question=state["question"]["text"],
        text=f"A bug in the program ended the run: {reason}. Please report it, with the traceback in the run's trace.",
        abstained=True,
        stopped_by="bug",
        spend=rounded({**Spend().as_dict(), **spend}),
        budget=state["budget"],
    ).as_dict()


def _last(messages: Sequence[Any], before: AIMessage | None = None) -> AIMessage:
    return next((m for m in reversed(messages) if isinstance(m, AIMessage)), before or AIMessage(""))
