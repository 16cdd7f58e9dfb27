"""Run one call, and its further tries: in a thread, in a process of its own, or in the loop that it belongs to."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.tools import BaseTool

from ..memory.processes.daemon_threads import DaemonThreads
from .budget import Spend
from .context import VideoContext
from .errors import short
from .observation import Observation
from .plugins.content import called_with, observation_of
from .sandbox.isolation import Crashed, Lease, NotStarted, isolation
from .tool import Retry, invoke, is_async, refusal

MOST_RETRIES = 3
"""Further tries of one call, whatever a tool asks for."""
_GRACE = 0.3  # seconds that an isolated call has to end its process by itself, before this side does
_START = 60.0  # seconds that a process has to start, beside what its first call has


@dataclass(slots=True, kw_only=True)
class ToolRun:
    """One call and what becomes of it."""

    item: BaseTool
    arguments: dict[str, Any]
    context: VideoContext | None
    seconds: float
    left: float = float("inf")
    """The time that the whole run has left."""
    calls_left: float
    price: Spend
    """Cost of each try, beside what it takes through the context."""
    isolated: bool
    lease: Lease = field(default_factory=Lease)
    observations: list[Observation] = field(default_factory=list)
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
        """Cost so far, of the try that is going on too."""
        total = Spend()
        for _ in range(max(1, len(self.observations) + (not self.finished))):
            total += self.price
        if self.context is not None:
            total += Spend(frames=self.context.frames_used, tokens=self.context.tokens_used, price=self.context.price)
        return total


async def carry_out(run: ToolRun, threads: DaemonThreads) -> Observation:
    """Make the call and wait for it no longer than it has."""
    seconds = None if run.seconds == float("inf") else max(run.seconds, 0.001)
    whole = min(run.left, run.seconds + _START) if run.isolated else run.seconds
    run.deadline = time.monotonic() + max(whole, 0.001)
    if not run.isolated and is_async(run.item):
        return await _in_this_loop(run, seconds)
    inside = contextvars.copy_context()  # LangChain's callbacks and configuration travel in it
    future: asyncio.Future[Observation] = asyncio.wrap_future(threads.submit(lambda: inside.run(_work, run), {}))
    grace = _GRACE if run.isolated else 0.0
    try:
        while (patience := run.deadline + grace - time.monotonic()) > 0:  # the deadline may come to lie earlier
            step = None if patience == float("inf") else patience if run.begun or not run.isolated else min(patience, 1)
            done, _ = await asyncio.wait({future}, timeout=step)
            if done:
                return future.result()
    finally:
        if not future.done():
            future.cancel()
            run.lease.stop()
    if not run.isolated:
        logging.getLogger(__name__).warning(
            "%s was given up and still runs in a thread, one of %d; an isolated tool could be ended.",
            run.item.name,
            threads.given_up,
        )
    return _out_of_time(run)


def _work(run: ToolRun) -> Observation:
    retry: Retry | None = getattr(run.item, "retry", None)
    try:
        first = _try(run, run.arguments)
        if retry is None or first.error:
            return first
        most = min(int(min(run.calls_left, 1000) // run.price.calls) - 1, MOST_RETRIES)
        return _with_retries(run, first, retry, most)
    except Exception as error:  # the boundary of tools, here for an author's own check of results
        return refusal(run.item, error)
    finally:
        run.finished = True


def _with_retries(run: ToolRun, first: Observation, retry: Retry, most: int) -> Observation:
    """The first observation that lacks nothing, of tries at other settings, else `first`; noting what was tried."""
    lack = retry.lacks(first)
    tried: list[str] = []
    made = [run.arguments]
    for settings in retry.settings:
        changed = {**run.arguments, **settings}
        if not lack or len(tried) >= most:
            break
        if changed in made:
            continue
        made.append(changed)
        tried.append(", ".join(f"{name}={value}" for name, value in settings.items()))
        again = _try(run, changed)
        if again.error:
            return _noted(first, f"{lack}; tried again with {tried[-1]}: {short(again.text, 160)}")
        if not retry.lacks(again):
            return _noted(again, f"{lack} at first; this is with {tried[-1]}")
    return _noted(first, f"{lack}; the same with {' and with '.join(tried)}") if tried else first


def _noted(observation: Observation, note: str) -> Observation:
    return replace(observation, text=f"{observation.text}\n({note})")


def _try(run: ToolRun, arguments: dict[str, Any]) -> Observation:
    parameter = getattr(run.item, "context_parameter", None)
    if run.isolated:
        observation = _isolated(run, arguments, parameter)
    else:
        if run.context is not None:
            arguments = {**arguments, str(parameter): run.context}
        observation = invoke(run.item, arguments)
    run.observations.append(observation)
    return observation


def _isolated(run: ToolRun, arguments: dict[str, Any], parameter: str | None) -> Observation:
    name = run.item.name
    try:
        found = isolation.call(run.item, arguments, run.context, parameter, run.deadline, run.begin, run.lease)
        return observation_of(found)  # bounded here too: a process that a tool has taken over sends anything
    except TimeoutError:
        return _out_of_time(run)
    except NotStarted:
        text = f"{name} has to wait for a process of its own, which was not ready in time: try it again."
    except Crashed as error:
        text = f"{name} ended the process that it ran in ({error}): try another span or arguments, or use another tool."
    except OSError as error:
        text = f"{name} has no process to run in ({error.strerror or error}): use another tool."
    return Observation(text=text, error=True)


def _out_of_time(run: ToolRun) -> Observation:
    """The observation of a call that was given up: the first try's, if only a later one took too long."""
    if run.observations and not run.observations[0].error:
        run.cut_short = True
        return _noted(run.observations[0], "a try at other settings was given up")
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
    if not task.done():
        return _out_of_time(run)
    run.finished = True
    return task.result()


async def _awaited(run: ToolRun) -> Observation:
    try:
        return observation_of(await run.item.ainvoke(called_with(run.item, run.arguments)))
    except Exception as error:  # the boundary of tools
        return refusal(run.item, error)
