"""The reply to a request for a chat completion: at once or as a stream, and no longer than its client is there."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..memory import RewatchError
from ..memory.sanitize import as_json
from .bodies import Bodies
from .completion import Completion, opening
from .faults import RequestFault, fault_of
from .request import ChatRequest, read_request
from .service import Service
from .videos.once import ENDING

_Result = TypeVar("_Result")
_BEAT = 10.0
"""Seconds after which a stream that has nothing to say says that it is there."""


class ChatReply(Response):
    """Reads a request, has it answered, and sends the answer. Where the client goes away, the work ends."""

    def __init__(self, service: Service, bodies: Bodies, request: Request) -> None:
        super().__init__()
        self._service = service
        self._bodies = bodies
        self._request = request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in ASGI."""
        try:
            await self._answer(scope, receive, send)
        except ClientDisconnect:  # while the body was read
            return
        except asyncio.CancelledError:  # uvicorn ends, and would say so in words of its own
            raise _ending() from None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._service.admission.taken_in(), self._bodies.read(self._request) as body:
            chat = await asyncio.to_thread(read_request, body)
            del body  # it may be large, and the request holds what it says
            begun = asyncio.Event()
            async with _while_there(self._request, self._service.complete(chat, begun)) as work:
                if chat.stream:
                    await _send_stream(send, chat, work, begun)
                    return
                await asyncio.wait({work})
                if not work.cancelled():
                    reply = Response(as_json(work.result().as_dict()), media_type="application/json")
                    await reply(scope, receive, send)


@asynccontextmanager
async def _while_there(request: Request, work: Coroutine[Any, Any, _Result]) -> AsyncIterator[asyncio.Task[_Result]]:
    """Yield the task of some work, which is cancelled once the client is gone, or the body ends."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(request))
    gone.add_done_callback(lambda _: task.cancel())
    try:
        yield task
    finally:
        gone.cancel()
        await asyncio.wait({task, gone})


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _send_stream(send: Send, chat: ChatRequest, work: asyncio.Task[Completion], begun: asyncio.Event) -> None:
    """Send the answer as server-sent events; what is wrong before the run begins is raised."""
    started = asyncio.create_task(begun.wait())
    try:
        await asyncio.wait({work, started}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        started.cancel()
    if work.done():
        if work.cancelled():
            return
        work.result()
    usage = chat.stream_options is not None and chat.stream_options.include_usage
    id_, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def tell(text: str) -> None:
        await send({"type": "http.response.body", "body": f"{text}\n\n".encode(), "more_body": True})

    try:
        for row in opening(id_, created, chat.n or 1, usage=usage):
            await tell(f"data: {as_json(row)}")
        while not work.done():
            await asyncio.wait({work}, timeout=_BEAT)
            if not work.done():
                await tell(": at work")
        if work.cancelled():
            return
        for row in work.result().chunks(id_, created, usage=usage):
            await tell(f"data: {as_json(row)}")
        await tell("data: [DONE]")
    except asyncio.CancelledError:  # uvicorn ends
        await tell(f"data: {_ending().body.decode()}")
    except Exception as error:  # nobody else can tell the client any more; what is a bug is raised
        await tell(f"data: {fault_of(error).body.decode()}")
        await send({"type": "http.response.body", "body": b""})
        if not isinstance(error, RewatchError):
            raise
        return
    await send({"type": "http.response.body", "body": b""})


def _ending() -> RequestFault:
    return RequestFault(503, ENDING, code="ending")
