"""One call on its way: in a thread, in a process of its own, or in the event loop that it belongs to."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.tools import BaseTool

from ..memory.processes.daemon_threads import DaemonThreads
from .budget import Spend
from .context import VideoContext
from .observation import Observation
from .outcomes import failure, is_async, perform
from .plugins.content import called_with, observation_of
from .retry import Retry, with_retries
from .sandbox.isolation import Crashed, Lease, NotStarted, isolation
from .sandbox.tool_ref import NotSerializable

_GRACE = 0.3
"""Seconds that an isolated call has to end its process by itself, before this side does."""
_START = 60.0
"""Seconds that a process has to start, beside what its first call has."""


@dataclass(slots=True, kw_only=True)
class ToolRun:
    """One call and what becomes of it."""

    item: BaseTool
    arguments: dict[str, Any]
    context: VideoContext | None
    seconds: float
    """The time it has."""
    left: float = float("inf")
    """The time that the whole run has left."""
    calls_left: float
    price: Spend
    """What each try costs, beside what it takes through the context."""
    isolated: bool
    lease: Lease = field(default_factory=Lease)
    seen: list[Observation] = field(default_factory=list)
    """What each try has brought, as it comes."""
    finished: bool = False
    """Whether nothing of it runs any more."""
    cut_short: bool = False
    """Whether a try at other settings was given up."""
    deadline: float = float("inf")
    begun: bool = False
    """Whether the process of an isolated call was ready: from then on its own time counts."""

    def begin(self) -> float:
        """Note that the call begins; its deadline, on the monotonic clock."""
        if not self.begun:
            self.begun = True
            self.deadline = min(self.deadline, time.monotonic() + max(self.seconds, 0.001))
        return self.deadline

    @property
    def cost(self) -> Spend:
        """What it has cost so far, the try that is going on included."""
        tries = max(1, len(self.seen) + (not self.finished))
        total = Spend()
        for _ in range(tries):
            total += self.price
        if self.context is not None:
            total += Spend(frames=self.context.frames_used, tokens=self.context.tokens_used, price=self.context.price)
        return total


async def carry_out(run: ToolRun, threads: DaemonThreads) -> Observation:
    """Make the call and wait for it no longer than it has. Never raises but when it is cancelled itself."""
    seconds = None if run.seconds == float("inf") else max(run.seconds, 0.001)
    whole = min(run.left, run.seconds + _START) if run.isolated else run.seconds
    run.deadline = time.monotonic() + max(whole, 0.001)
    if not run.isolated and is_async(run.item):
        return await _in_this_loop(run, seconds)
    inside = contextvars.copy_context()  # LangChain's callbacks and configuration travel in it
    future = threads.submit(lambda: inside.run(_work, run), {})
    try:
        return await _in_time(run, asyncio.wrap_future(future))
    except (TimeoutError, asyncio.CancelledError) as error:
        run.lease.stop()
        if isinstance(error, asyncio.CancelledError):
            raise
        if not run.isolated:
            logging.getLogger(__name__).warning(
                "%s was given up and still runs in a thread, one of %d; an isolated tool could be ended.",
                run.item.name,
                threads.given_up,
            )
        return _out_of_time(run)


async def _in_time(run: ToolRun, future: asyncio.Future[Observation]) -> Observation:
    """The result, or TimeoutError at the deadline, which may come to lie earlier meanwhile."""
    grace = _GRACE if run.isolated else 0.0
    try:
        while (patience := run.deadline + grace - time.monotonic()) > 0:
            step = None if patience == float("inf") else patience if run.begun or not run.isolated else min(patience, 1)
            done, _ = await asyncio.wait({future}, timeout=step)
            if done:
                return future.result()
        raise TimeoutError
    finally:
        future.cancel()


def _work(run: ToolRun) -> Observation:
    """Every try of a call, in a thread."""
    retry: Retry | None = getattr(run.item, "retry", None)
    try:
        if retry is None:
            seen = _try(run, run.arguments)
            run.seen.append(seen)
            return seen
        more = int(min(run.calls_left, 1000) // run.price.calls) - 1
        return with_retries(lambda arguments: _try(run, arguments), run.arguments, retry, run.seen, most=more)
    except BaseException as error:  # noqa: BLE001 - a tool's own check of its results may raise
        return run.seen[0] if run.seen else Observation(text=failure(run.item.name, error), error=True)
    finally:
        run.finished = True


def _try(run: ToolRun, arguments: dict[str, Any]) -> Observation:
    parameter = getattr(run.item, "context_parameter", None)
    if not run.isolated:
        if run.context is not None:
            arguments = {**arguments, str(parameter): run.context}
        return perform(run.item, arguments)
    name = run.item.name
    try:
        return isolation.call(run.item, arguments, run.context, parameter, run.deadline, run.begin, run.lease)
    except TimeoutError:
        return _out_of_time(run)
    except NotStarted:
        text = f"{name} has to wait for a process of its own, which was not ready in time: try it again."
    except Crashed as error:
        text = (
            f"{name} ended the process that it ran in ({error}): try another span or other arguments, or use another "
            "tool."
        )
    except NotSerializable as error:
        text = f"{name}: {error} Use another tool."
    except Exception as error:  # noqa: BLE001 - arguments or encoders that cannot be pickled, no more processes
        text = failure(name, error)
    return Observation(text=text, error=True)


def _out_of_time(run: ToolRun) -> Observation:
    """What a call that was given up leaves: the first try's observation, if only a later one took too long."""
    if run.seen and not run.seen[0].error:
        run.cut_short = True
        return replace(run.seen[0], text=f"{run.seen[0].text}\n(a try at other settings was given up)")
    shorter = "a shorter span or a lower rate" if run.context else "less"
    text = f"{run.item.name} was given up after {run.seconds:.0f} s: ask for {shorter}, or use another tool."
    return Observation(text=text, error=True)


async def _in_this_loop(run: ToolRun, seconds: float | None) -> Observation:
    """A foreign tool that is a coroutine: it may hold a session that belongs to this event loop."""
    task = asyncio.ensure_future(_awaited(run))
    try:
        await asyncio.wait({task}, timeout=seconds)  # unlike `wait_for`, waits for no answer to the cancelling
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    if not task.done() or task.cancelled():
        return _out_of_time(run)
    run.finished = True
    return task.result()


async def _awaited(run: ToolRun) -> Observation:
    try:
        item = _guarded(run.item)
        return observation_of(await item.ainvoke(called_with(item, run.arguments)))
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a task that raises SystemExit would end the loop
        return Observation(text=failure(run.item.name, error), error=True)


def _guarded(item: BaseTool) -> BaseTool:
    """The tool with a coroutine that never raises SystemExit and the like: LangChain runs it in a task of its own."""
    coroutine = getattr(item, "coroutine", None)
    if coroutine is None:
        return item

    @functools.wraps(coroutine)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return await coroutine(*args, **kwargs)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:
            raise RuntimeError(type(error).__name__) from error

    return item.model_copy(update={"coroutine": guarded})
