"""Work that is done once for all who wait for it, and ends with the last of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rewatch.memory import MemoryFolderError
from rewatch.server.videos.once import Once, Stopped


class Work:
    """Goes on until it is let go or stopped."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.calls = 0
        self.begun = threading.Event()
        self.go = threading.Event()
        self.stopped = threading.Event()
        self.raises = raises

    def __call__(self, stopped: Stopped) -> int:
        self.calls += 1
        self.begun.set()
        while not self.go.wait(0.005):
            if stopped():
                self.stopped.set()
                raise ValueError("stopped")
        if self.raises is not None:
            raise self.raises
        return self.calls


def run(body: Callable[[Once, ThreadPoolExecutor], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        with ThreadPoolExecutor(2) as executor:
            return await body(Once(), executor)

    return asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def test_eight_wait_for_one():
    work = Work()

    async def body(once: Once, executor: ThreadPoolExecutor) -> list[int]:
        tasks = [asyncio.create_task(once.run("a", work, executor)) for _ in range(8)]
        await until(work.begun.is_set)
        work.go.set()
        return await asyncio.gather(*tasks)

    assert run(body) == [1] * 8


def test_a_failure_is_told_to_all_and_not_kept():
    work = Work(KeyError("broken"))

    async def body(once: Once, executor: ThreadPoolExecutor) -> list[Any]:
        tasks = [asyncio.create_task(once.run("a", work, executor)) for _ in range(3)]
        await until(work.begun.is_set)
        work.go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        work.raises = None
        return [*found, await once.run("a", work, executor)]

    *failures, last = run(body)
    assert [type(failure) for failure in failures] == [KeyError] * 3 and last == 2


def test_one_that_leaves_does_not_end_it_and_the_last_one_does():
    work = Work()

    async def body(once: Once, executor: ThreadPoolExecutor) -> None:
        first, second = (asyncio.create_task(once.run("a", work, executor)) for _ in range(2))
        await until(work.begun.is_set)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not work.stopped.is_set() and not second.done()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await until(work.stopped.is_set)

    run(body)


def test_what_winds_down_is_not_joined():
    work = Work()

    async def body(once: Once, executor: ThreadPoolExecutor) -> int:
        first = asyncio.create_task(once.run("a", work, executor))
        await until(work.begun.is_set)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        again = asyncio.create_task(once.run("a", work, executor))
        await until(lambda: work.stopped.is_set() and work.calls == 2)
        work.go.set()
        return await again

    assert run(body) == 2


def test_others_have_work_of_their_own_and_closing_ends_all():
    works = [Work() for _ in range(3)]  # of which one waits for a thread

    async def body(once: Once, executor: ThreadPoolExecutor) -> list[Any]:
        tasks = [asyncio.create_task(once.run(key, work, executor)) for key, work in enumerate(works)]
        await until(lambda: all(work.begun.is_set() for work in works[:2]))
        once.close()
        late = once.run("late", works[0], executor)
        return await asyncio.gather(*tasks, late, return_exceptions=True)

    *ended, third, late = run(body)
    assert [str(error) for error in ended] == ["stopped", "stopped"] and works[2].calls == 0
    assert isinstance(third, MemoryFolderError) and isinstance(late, MemoryFolderError)
