"""Concurrent callers share one batch, from whatever threads and event loops they come.

A worker thread lives while something waits. It takes what has arrived, and waits a moment for callers who have said
that they are about to come, so that runs side by side meet in one padded `generate`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Batcher(Generic[Item, Made]):
    """Runs items in batches.

    Args:
        run: does the work for a batch; one result for each item, in order.
        kind: items of one kind can go into one batch.
        size: how many items a batch may have.
        linger: seconds without a new arrival after which a batch starts.
        patience: seconds that a batch waits at most for callers who are about to come.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Made]],
        *,
        kind: Callable[[Item], Hashable] = lambda item: None,
        size: int = 16,
        linger: float = 0.004,
        patience: float = 0.25,
    ) -> None:
        self.run = run
        self._kind = kind
        self._size = size
        self.linger = linger
        self._patience = patience
        self._queue: list[tuple[Item, Future[Made]]] = []
        self._coming = 0
        self._working = False
        self._changed = threading.Condition()

    @contextmanager
    def coming(self) -> Iterator[Callable[[Item], Future[Made]]]:
        """Say that an item is about to come; the body prepares it and hands it over by calling what it gets, once."""
        with self._changed:
            self._coming += 1
        awaited = True

        def arrive() -> bool:
            """Return whether this is the first time; to be called with the lock held."""
            nonlocal awaited
            first, awaited = awaited, False
            self._coming -= first
            return first

        def submit(item: Item) -> Future[Made]:
            future: Future[Made] = Future()
            with self._changed:
                if not arrive():  # the caller has left meanwhile
                    future.cancel()
                    return future
                self._queue.append((item, future))
                if not self._working:
                    threading.Thread(target=self._work, name="rewatch-batch", daemon=True).start()
                    self._working = True
                self._changed.notify_all()
            return future

        try:
            yield submit
        finally:
            with self._changed:
                if arrive():
                    self._changed.notify_all()

    def _work(self) -> None:
        while batch := self._next():
            items = [item for item, _ in batch]
            try:
                made = self.run(items)
                if len(made) != len(items):
                    raise RuntimeError(f"{len(items)} requests went into the model and {len(made)} replies came out.")
            except BaseException as error:  # whatever it is: nobody may be left waiting
                for _, future in batch:
                    future.set_exception(_told(error))
                continue
            for (_, future), result in zip(batch, made, strict=True):
                future.set_result(result)

    def _next(self) -> list[tuple[Item, Future[Made]]]:
        """The next batch, marked as running; empty when nothing waits, and then the worker ends."""
        with self._changed:
            self._gather()
            batch: list[tuple[Item, Future[Made]]] = []
            left: list[tuple[Item, Future[Made]]] = []
            for item, future in self._queue:
                fits = len(batch) < self._size and (not batch or self._kind(item) == self._kind(batch[0][0]))
                if not fits:
                    left.append((item, future))
                elif future.set_running_or_notify_cancel():
                    batch.append((item, future))
            self._queue = left
            if not batch and left:
                return self._next()
            self._working = bool(batch)
            return batch

    def _gather(self) -> None:
        """Wait until no one else is about to come."""
        deadline = time.monotonic() + self._patience
        while self._queue and len(self._queue) < self._size:
            before = len(self._queue)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left if self._coming else min(self.linger, left))
            if len(self._queue) == before and not self._coming:
                return


def _told(error: BaseException) -> Exception:
    """The error as one that a future and a coroutine can carry: StopIteration would end a generator instead."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    told = RuntimeError(f"The model failed: {error!r}")
    told.__cause__ = error
    return told
