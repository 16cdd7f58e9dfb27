"""An event loop in a thread of its own: runs go side by side there, and none of their steps holds up HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class RunThread:
    """Open it with `start`; `close` cancels what still runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="rewatch-runs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def close(self) -> None:
        """Cancel what runs, and end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, 30)

    async def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Return the result of `work`. Where whoever waits is cancelled, it is too, and has ended on return."""
        here = asyncio.get_running_loop()
        ended: asyncio.Future[asyncio.Task[_Result]] = here.create_future()
        begun: list[asyncio.Task[_Result]] = []

        def settle(task: asyncio.Task[_Result]) -> None:
            if not ended.done():
                ended.set_result(task)

        def tell(task: asyncio.Task[_Result]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop of whoever waited is closed
                here.call_soon_threadsafe(settle, task)

        def begin() -> None:
            begun.append(self._loop.create_task(work))
            begun[0].add_done_callback(tell)

        self._loop.call_soon_threadsafe(begin)
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            with contextlib.suppress(RuntimeError):  # the thread ends, and cancels what is left itself
                self._loop.call_soon_threadsafe(lambda: begun[0].cancel())
            await ended
            raise
        return ended.result().result()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            while left := asyncio.all_tasks(self._loop):
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.wait(left))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
