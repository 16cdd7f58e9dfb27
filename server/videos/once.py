"""Work that many requests wait for and that is done once: it ends with the last of them that wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

from ...memory import MemoryFolderError

T = TypeVar("T")
Stopped = Callable[[], bool]
"""Is asked by work whether nobody wants it any more."""


ENDING = "The server is ending: send it again later."
"""Told to whoever waits for it."""


@dataclass(slots=True)
class _Job:
    task: asyncio.Future[Any]
    stop: threading.Event
    waiting: int = 0


class Once:
    """Runs work in threads, once for all that ask for the same at the same time. Belongs to one event loop."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, _Job] = {}
        self._closed = False

    async def run(self, key: Hashable, work: Callable[[Stopped], T], executor: Executor) -> T:
        """Return what `work` returns, or raise what it raises; it is begun unless it runs already for this key.

        A caller that is cancelled leaves the others alone. When the last is gone, the work's `stopped` turns true, and
        who asks next begins it anew.

        Raises:
            MemoryFolderError: once it is closed.
        """
        job = self._jobs.get(key)
        if job is None:
            if self._closed:
                raise MemoryFolderError(ENDING)
            stop = threading.Event()
            task = asyncio.get_running_loop().run_in_executor(executor, _begin, work, stop.is_set)
            job = self._jobs[key] = _Job(task, stop)
            task.add_done_callback(lambda ended, job=job: self._end(key, job))  # type: ignore[misc]
        job.waiting += 1
        try:
            result: T = await asyncio.shield(job.task)
            return result
        finally:
            job.waiting -= 1
            if not job.waiting and not job.task.done():
                job.stop.set()
                self._forget(key, job)

    def close(self) -> None:
        """Have all that runs or waits for a thread end, and take nothing more."""
        self._closed = True
        for job in self._jobs.values():
            job.stop.set()

    def _end(self, key: Hashable, job: _Job) -> None:
        self._forget(key, job)
        if not job.task.cancelled():
            job.task.exception()  # of what nobody waits for any more nobody else asks

    def _forget(self, key: Hashable, job: _Job) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]


def _begin(work: Callable[[Stopped], T], stopped: Stopped) -> T:
    if stopped():  # while it waited for a thread
        raise MemoryFolderError(ENDING)
    return work(stopped)
