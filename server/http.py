"""HTTP as our servers speak it: an address to listen at, a key, no strangers by way of a browser, no half requests.

Applications are ASGI callables; nothing here knows of FastAPI, or of what they serve.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..memory import CapabilityError, MisuseError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ORIGIN = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?"
"""Of pages that this machine serves."""
CONNECTIONS = 256
"""Connections that are open at once; uvicorn answers 503 to more, and twice as many are closed."""
Asgi = Callable[[MutableMapping[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]
Refusal = Callable[[int, str], tuple[bytes, bytes]]
"""Makes the body of a refusal and its kind, of a status and a sentence."""


def listening_at(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a socket that listens there, and its address without a path.

    Raises:
        CapabilityError: if the address cannot be used.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # a client that reads the address below may connect at once
    except (OSError, ValueError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or "no address"
        raise CapabilityError(f"{host}:{port} cannot be used: {why}; give another port.") from None
    authority = f"[{host}]" if ":" in host else host
    return listening, f"http://{authority}:{listening.getsockname()[1]}"


def require_key(host: str, key: str, variable: str) -> None:
    """Refuse to serve beyond this machine without a key.

    Raises:
        MisuseError: if there is none, naming the variable that holds it.
    """
    if host not in LOOPBACK and not key:
        raise MisuseError(
            f"{host}: whoever reaches this address could watch the videos; set {variable}, which clients then send "
            "as Authorization: Bearer, or serve on 127.0.0.1."
        )


def http_server(app: Asgi, *, arrival: float, graceful: int | None = None, **settings: Any) -> uvicorn.Server:
    """Return the server of an application; its `run(sockets=[…])` serves until the process is told to end.

    Args:
        app: the application.
        arrival: seconds that a request has to arrive whole.
        graceful: seconds that requests have to end by themselves once the server is to end; None: all they take.
        settings: others of uvicorn's.
    """
    import uvicorn

    # Addresses are those of the connections: one that a header claims would be a client of its own.
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="on",
        proxy_headers=False,
        ws="none",
        http=prompt_protocol(arrival),
        timeout_graceful_shutdown=graceful,
        **settings,
    )
    return uvicorn.Server(config)


def prompt_protocol(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, which closes connections on which a request does not arrive whole in `seconds`.

    They count from the connection, or from the first bytes of a later request on it. Uvicorn itself waits for ever,
    and half-open connections would keep others out.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PromptProtocol(H11Protocol):
        _check: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > 2 * CONNECTIONS:
                transport.close()
            self._begin_check()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
                self._begin_check()
            else:
                self._end_check()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._end_check()

        def _begin_check(self) -> None:
            if self._check is None:
                self._check = self.loop.call_later(seconds, self._close_late)

        def _end_check(self) -> None:
            if self._check is not None:
                self._check.cancel()
                self._check = None

        def _close_late(self) -> None:
            self._check = None
            self.transport.close()

    return PromptProtocol


def with_key(app: Asgi, key: str, refusal: Refusal, *, open_paths: frozenset[str] = frozenset()) -> Asgi:
    """The application, for those who bring the key as `Authorization: Bearer`; `open_paths` are there for all."""
    expected = f"Bearer {key}".encode()

    async def guarded(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http" and scope["path"] not in open_paths:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, expected):
                await _refuse(send, 401, "Give the server's key as Authorization: Bearer KEY.", refusal)
                return
        await app(scope, receive, send)

    return guarded


def for_this_machine(app: Asgi, refusal: Refusal) -> Asgi:
    """The application, for programs of this machine and for pages that it serves itself.

    A page of the web may send requests to loopback: by a name of its own that comes to resolve to 127.0.0.1 (DNS
    rebinding), which the header Host tells, or across origins, which Origin tells.
    """

    async def guarded(scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            origin = headers.get(b"origin", b"").decode("latin-1")
            if not _is_loopback(f"//{host}") or (origin and not _is_loopback(origin)):
                await _refuse(send, 403, "This server is for programs of its own machine, at 127.0.0.1.", refusal)
                return
        await app(scope, receive, send)

    return guarded


def _is_loopback(address: str) -> bool:
    try:
        return urlsplit(address).hostname in LOOPBACK
    except ValueError:
        return False


async def _refuse(send: Callable[..., Any], status: int, why: str, refusal: Refusal) -> None:
    body, kind = refusal(status, why)
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
