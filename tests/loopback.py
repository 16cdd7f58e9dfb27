"""A server on loopback that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def server(answers: list[tuple[str, bytes]], wanted: list[str] | None = None) -> Iterator[str]:
    """A server on loopback that gives these answers (kind, body) one after another, then none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if wanted is not None:
                wanted.append(self.path)
            if not answers:
                self.send_error(404)
                return
            kind, body = answers.pop(0)
            self.send_response(302 if kind == "redirect" else 200)
            if kind == "redirect":
                self.send_header("Location", body.decode())
            else:
                self.send_header("Content-Type", kind)
            self.end_headers()
            if kind != "redirect":
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()
