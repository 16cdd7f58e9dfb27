"""The HTTP client for chat servers: every reply ends, by time and by size, and stays with the server that was named.

A server may drip headers, answer "continue" for ever, compress a gigabyte into a megabyte, or send the conversation
and the key on to another host: none of that is left to the client library's own limits.
"""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

MAX_REPLY = 32 << 20
"""Bytes of one reply, unpacked and with log-probabilities, after which the connection is closed."""
MAX_LISTING = 4 << 20
"""The same for a list of models."""
_PIECE = 1 << 16
_TAIL = 64
_now = threading.local()


class EndlessReply(Exception):
    """The server does not stop sending."""


class LedAway(Exception):
    """The server sends the request on to another place; the text names that."""


class UnknownPacking(Exception):
    """The reply is compressed in a way that was not asked for."""


@contextlib.contextmanager
def until(deadline: float | None, *, most: int = MAX_REPLY) -> Iterator[None]:
    """In the body, this thread's requests end by `deadline` (`time.monotonic()`) and take at most `most` bytes."""
    before = getattr(_now, "limits", (None, MAX_REPLY))
    _now.limits = (deadline, most)
    _now.tail = b""
    try:
        yield
    finally:
        _now.limits = before


def ended() -> bool:
    """Return whether the last body that this thread has read ends as streams of events do: with `data: [DONE]`."""
    last: bytes = getattr(_now, "tail", b"").rstrip().rpartition(b"\n")[2]
    return last.replace(b" ", b"") == b"data:[DONE]"


@cache
def client() -> httpx.Client:
    """The client of all servers."""
    import httpx

    transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1000, max_keepalive_connections=100))
    pool: Any = getattr(transport, "_pool", None)
    if hasattr(pool, "_network_backend"):
        pool._network_backend = _backend(pool._network_backend)
    return httpx.Client(
        transport=transport,
        event_hooks={"response": [_bound]},
        headers={"Accept-Encoding": "identity"},
        follow_redirects=True,
        max_redirects=5,
        timeout=600.0,
    )


def _bound(response: httpx.Response) -> None:
    """Put limits on the body of a response, and refuse to be led away."""
    import httpx

    if response.has_redirect_location:
        _require_same_server(response)
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnknownPacking(f"the reply is compressed as {packing[:20]}, which was not asked for")
    unpack = zlib.decompressobj(47) if packing not in ("", "identity") else None
    if unpack is not None:
        del response.headers["content-encoding"]
    stream: Any = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    deadline, most = getattr(_now, "limits", (None, MAX_REPLY))
    seconds = response.request.extensions.get("timeout", {}).get("read")
    if deadline is None and seconds is not None:
        deadline = time.monotonic() + seconds

    class Bounded(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in stream:
                for part in _unpacked(unpack, chunk) if unpack else (chunk,):
                    size += len(part)
                    if size > most:
                        raise EndlessReply
                    _now.tail = (getattr(_now, "tail", b"") + part[-_TAIL:])[-_TAIL:]
                    yield part
                if deadline is not None and time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the reply took too long")
            if unpack is not None and not unpack.eof:
                raise UnknownPacking("the reply is not compressed as the server says")

        def close(self) -> None:
            stream.close()

    response.stream = Bounded()


def _unpacked(unpack: Any, chunk: bytes) -> Iterator[bytes]:
    """Yield what a piece of a compressed body holds, in small parts.

    Raises:
        UnknownPacking: if it is not compressed as the server says.
    """
    try:
        while chunk:
            yield unpack.decompress(chunk, _PIECE)
            chunk = unpack.unconsumed_tail
    except zlib.error:
        raise UnknownPacking("the reply is not compressed as the server says") from None


def _require_same_server(response: httpx.Response) -> None:
    """Follow a redirect on the same server alone, and only one that keeps a request as it is."""
    asked = response.request.url
    try:
        to = asked.join(response.headers["location"])
        here, there = (asked.host, asked.port), (to.host, to.port)
        same = to.scheme == asked.scheme and here == there
        upgraded = (asked.scheme, to.scheme) == ("http", "https") and asked.host == to.host and here[1] == there[1]
        kept = response.request.method == "GET" or response.status_code in (307, 308)
    except Exception:  # an address that is none: each part of it has its own way to fail
        raise LedAway("it redirects to an address that cannot be read") from None
    if not (same or upgraded) or not kept:
        parts = urlsplit(str(to))
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise LedAway(f"it redirects to {place[:120]}; nothing was sent there")


def _backend(inner: Any) -> Any:
    """A network backend of httpcore whose reads and writes end by this thread's deadline."""
    import httpcore

    def left(seconds: float | None) -> float | None:
        deadline, _ = getattr(_now, "limits", (None, MAX_REPLY))
        if deadline is None:
            return seconds
        rest = float(deadline - time.monotonic())
        if rest <= 0:
            raise httpcore.ReadTimeout("no answer in time")
        return rest if seconds is None else min(seconds, rest)

    class Stream(httpcore.NetworkStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return bytes(self._stream.read(max_bytes, left(timeout)))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, left(timeout))

        def close(self) -> None:
            self._stream.close()

        def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
            return Stream(self._stream.start_tls(ssl_context, server_hostname, left(timeout)))

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> Any:
            return Stream(inner.connect_tcp(host, port, left(timeout), local_address, socket_options))

        def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
            return Stream(inner.connect_unix_socket(path, left(timeout), socket_options))

        def sleep(self, seconds: float) -> None:
            inner.sleep(seconds)

    return Backend()
