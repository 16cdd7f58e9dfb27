"""Daemon threads that tools run in: taken up again when a call is over, left behind when it never is."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

BUSY = "tool"
"""Name of a thread while a tool runs in it."""
_Job = tuple[Future[Any], Callable[..., Any], dict[str, Any]]


_all: weakref.WeakSet[ToolThreads] = weakref.WeakSet()


class ToolThreads:
    """As many threads as calls run at once. `ThreadPoolExecutor` is no good here: it waits for its threads at exit."""

    def __init__(self) -> None:
        self._idle: list[queue.SimpleQueue[_Job]] = []
        self._running: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        _all.add(self)

    def _forget(self) -> None:
        """After a fork: no thread but the one that forked is there."""
        self._idle, self._running, self._lock = [], {}, threading.Lock()

    @property
    def given_up(self) -> int:
        """Calls that nobody waits for any more (their futures were cancelled), and that still run."""
        with self._lock:
            return sum(future.cancelled() for future in self._running.values())

    def submit(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Future[Any]:
        """Start `function(**arguments)`; the future gets its result, or what it raised."""
        future: Future[Any] = Future()
        with self._lock:
            jobs = self._idle.pop() if self._idle else None
        if jobs is None:
            jobs = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(jobs,), daemon=True).start()
        jobs.put((future, function, arguments))
        return future

    def _work(self, jobs: queue.SimpleQueue[_Job]) -> None:
        thread = threading.current_thread()
        while True:
            future, function, arguments = jobs.get()
            thread.name = BUSY
            with self._lock:
                self._running[id(thread)] = future
            try:
                result = function(**arguments)
            except BaseException as error:
                self._rest(thread, jobs)
                with contextlib.suppress(InvalidStateError):  # given up meanwhile
                    future.set_exception(error)
            else:
                self._rest(thread, jobs)
                with contextlib.suppress(InvalidStateError):
                    future.set_result(result)
            del future, function, arguments

    def _rest(self, thread: threading.Thread, jobs: queue.SimpleQueue[_Job]) -> None:
        thread.name = f"{BUSY}-idle"
        with self._lock:
            del self._running[id(thread)]
            self._idle.append(jobs)


def _after_fork() -> None:
    for threads in list(_all):
        threads._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
