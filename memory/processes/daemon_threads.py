"""Daemon threads for calls that may never end: taken up again when a call is over, left behind when it never is."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

_Job = tuple[Future[Any], Callable[..., Any], dict[str, Any]]
_all: weakref.WeakSet[DaemonThreads] = weakref.WeakSet()


class DaemonThreads:
    """As many threads as calls run at once. `ThreadPoolExecutor` is no good here: it waits for its threads at exit."""

    def __init__(self) -> None:
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        """After a fork no thread but the one that forked is there."""
        self._idle: list[queue.SimpleQueue[_Job]] = []
        self._running: set[Future[Any]] = set()
        self._lock = threading.Lock()

    @property
    def given_up(self) -> int:
        """Calls that nobody waits for any more (their futures were cancelled), and that still run."""
        with self._lock:
            return sum(future.cancelled() for future in self._running)

    def submit(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Future[Any]:
        """Start `function(**arguments)`; the future gets its result, or what it raised."""
        future: Future[Any] = Future()
        with self._lock:
            jobs = self._idle.pop() if self._idle else None
            self._running.add(future)
        if jobs is None:
            jobs = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(jobs,), name="tool", daemon=True).start()
        jobs.put((future, function, arguments))
        return future

    def _work(self, jobs: queue.SimpleQueue[_Job]) -> None:
        while True:
            future, function, arguments = jobs.get()
            result: Any = None
            failure: BaseException | None = None
            try:
                result = function(**arguments)
            except BaseException as error:  # noqa: BLE001 - it is raised where the future is asked
                failure = error
            with self._lock:
                self._running.discard(future)
                self._idle.append(jobs)
            with contextlib.suppress(InvalidStateError):  # given up meanwhile
                future.set_result(result) if failure is None else future.set_exception(failure)
            del future, function, arguments, result, failure


def _after_fork() -> None:
    for threads in list(_all):
        threads._forget()


os.register_at_fork(after_in_child=_after_fork)
