"""Child processes that are kept from job to job, and replaced when they end."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .child_process import Child, disown_children, stop_children

Process = TypeVar("Process", bound=Child)


class ProcessPool(Generic[Process]):
    """At most `most` processes, started when they are needed. Safe between threads, and empty in a fork."""

    def __init__(self, start: Callable[[], Process], most: int) -> None:
        self._start = start
        self.most = most
        self._empty()
        _pools.add(self)

    def _empty(self) -> None:
        self._idle: list[Process] = []
        self._busy = 0
        self._free = threading.Condition()

    def warm(self) -> None:
        """Have one process started, where there is none."""
        with self._free:
            if not self._idle and not self._busy:
                self._idle.append(self._start())

    def take(self, deadline: float = float("inf"), preference: Callable[[Process], int] = lambda process: 0) -> Process:
        """Return a process for the caller alone: the idle one of the highest preference, else a new one.

        Args:
            deadline: until when to wait for one, on the monotonic clock.
            preference: which of the idle ones to take; of equal ones the last used.
        """
        with self._free:
            while not self._idle and self._busy >= self.most:
                if not self._free.wait(max(0.0, min(deadline - time.monotonic(), 3600.0))):
                    raise TimeoutError
            for broken in [process for process in self._idle if not process.is_healthy()]:
                self._idle.remove(broken)
                broken.kill()
            process = max(reversed(self._idle), key=preference) if self._idle else self._start()
            if process in self._idle:
                self._idle.remove(process)
            self._busy += 1
            return process

    def discard(self, process: Process, *, replace: bool = False) -> None:
        """End a process that was taken; where it is replaced, another is started at once for who comes next."""
        process.kill()
        fresh = None
        if replace:
            with contextlib.suppress(OSError):  # no more processes: who comes next will be told
                fresh = self._start()
        self.put_back(fresh)

    def put_back(self, process: Process | None) -> None:
        """Give back a process that waits for its next job; None for one that has ended."""
        with self._free:
            self._busy -= 1
            if process is not None:
                self._idle.append(process)
            self._free.notify()

    def close(self) -> None:
        """End the processes that are idle; they start again when needed."""
        with self._free:
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()


_pools: weakref.WeakSet[ProcessPool[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    disown_children()
    for pool in list(_pools):
        pool._empty()


@atexit.register
def _at_exit() -> None:
    stop_children()
    for pool in list(_pools):
        pool.close()


os.register_at_fork(after_in_child=_after_fork)
