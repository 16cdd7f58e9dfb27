"""How many requests are taken at once: some run, some wait, and more are asked to come again."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .faults import RequestFault

_SOON, _LATE = 1, 60  # seconds: bounds of when to come again; clients heed no more than a minute


class Admission:
    """Takes requests, in the order in which they come.

    Args:
        runs: how many run at once.
        waiting: how many more wait.
    """

    def __init__(self, runs: int, waiting: int) -> None:
        self.runs = runs
        self.most = runs + waiting
        self.taken = 0
        """Requests that run or wait now."""
        self._turns = asyncio.Semaphore(runs)
        self._pace = 5.0

    @asynccontextmanager
    async def taken_in(self) -> AsyncIterator[None]:
        """Take a request in.

        Raises:
            RequestFault: 429 if there are too many; it says when to come again.
        """
        if self.taken >= self.most:
            seconds = min(max(math.ceil(self._pace), _SOON), _LATE)
            message = f"{self.most} requests run or wait already: send it again in {seconds} s."
            raise RequestFault(429, message, code="rate_limit_exceeded", headers={"Retry-After": str(seconds)})
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn to run."""
        async with self._turns:
            began = time.monotonic()
            yield
            self._pace += 0.2 * ((time.monotonic() - began) / self.runs - self._pace)
