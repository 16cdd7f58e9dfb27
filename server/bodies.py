"""Bodies of requests: each within a size and a time, and all that are held at once within a size too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from .faults import RequestFault

LARGEST = 256 << 20
"""Bytes of one body: a video as base64, or some hundred frames."""
HELD = 4 * LARGEST
"""Bytes of all bodies that are held at once."""
ARRIVAL = 120.0
"""Seconds in which a body arrives."""


class Bodies:
    """Reads bodies."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body of a request, which counts as held until the end.

        Raises:
            RequestFault: 413 if it is too large, 429 if too much is held, 408 if it does not arrive.
        """
        told = request.headers.get("content-length", "")
        size = int(told) if told.isdecimal() and len(told) < 20 else 0
        _require_small(size)
        pieces: list[bytes] = []
        length = 0
        try:
            try:
                async with asyncio.timeout(ARRIVAL):
                    async for piece in request.stream():
                        self._hold(len(piece))
                        length += len(piece)
                        _require_small(length)
                        pieces.append(piece)
            except TimeoutError:
                message = f"The body did not arrive within {ARRIVAL:g} s: send it again."
                raise RequestFault(408, message, code="timeout") from None
            yield _joined(pieces)  # which nothing here keeps: whoever has read it may drop it
        finally:
            self._held -= length

    def _hold(self, more: int) -> None:
        if self._held + more > HELD:
            message = "Too many large requests are being read: send it again in a moment."
            raise RequestFault(429, message, code="rate_limit_exceeded", headers={"Retry-After": "5"})
        self._held += more


def _joined(pieces: list[bytes]) -> bytes:
    body = b"".join(pieces)
    pieces.clear()
    return body


def _require_small(size: int) -> None:
    if size > LARGEST:
        message = f"The body has more than {LARGEST >> 20} MiB: name files or addresses instead of sending videos."
        raise RequestFault(413, message, code="request_too_large")
