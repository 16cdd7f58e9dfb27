"""The server within the process of the tests, on a free port of loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rewatch.server.app import create_app
from rewatch.server.http import http_server, listening_at


@contextmanager
def serving(agent: Any, videos: Any, *, arrival: float = 60.0, **options: Any) -> Iterator[str]:
    """Serve an agent with uvicorn in a thread, with the options of `create_app`; gives the address without a path."""
    listening, address = listening_at("127.0.0.1", 0)
    server = http_server(create_app(agent, videos, **options), arrival=arrival, graceful=0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "it ended"
        time.sleep(0.005)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()
        assert not thread.is_alive()
