"""A chat server on loopback that looks once, then answers, and remembers what it was asked."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = {"budget": "ten million", "Peter": "Peter", "trip": "Oslo"}
"""What it answers, by a word of the question, and cites the line that has it; of anything else it finds nothing."""


class ChatServer:
    """Answers each conversation in two turns: it searches, and then says what `ANSWERS` has.

    Args:
        most: so many requests are answered; the next ones wait until the server ends.
    """

    def __init__(self, most: int | None = None) -> None:
        self.answered: list[str] = []
        """The messages of every request that was answered, as JSON."""
        self.seeds: list[Any] = []
        self.held = threading.Event()
        """Set once a request waits."""
        self._over = threading.Event()
        self._most = most
        self._lock = threading.Lock()
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send({"object": "list", "data": [{"id": "m", "object": "model"}]})

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if script._take(request):
                    self._send(_reply(request["messages"]))

            def _send(self, body: Any) -> None:
                raw = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who leaves is no news

    @property
    def address(self) -> str:
        """As `--policy` takes it."""
        return f"http://127.0.0.1:{self._server.server_port}/v1?sees=false#m"

    def go_on(self) -> None:
        """Answer every request from now on; those that wait get no answer."""
        self._most = None

    def _take(self, request: dict[str, Any]) -> bool:
        with self._lock:
            held = self._most is not None and len(self.answered) >= self._most
            if not held:
                self.answered.append(json.dumps(request["messages"], sort_keys=True))
                self.seeds.append(request.get("seed"))
        if held:
            self.held.set()
            self._over.wait(60)
        return not held

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


def _reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
    read = "\n".join(message["content"] or "" for message in messages)
    question = read.partition("Question: ")[2].partition("\n")[0]
    if not any(message.get("tool_calls") for message in messages):
        function = {"name": "search_clips", "arguments": json.dumps({"query": question})}
        message: dict[str, Any] = {"content": None}
        message["tool_calls"] = [{"id": "own1", "type": "function", "function": function}]
    else:
        answer = next((text for word, text in ANSWERS.items() if word in question), None)
        line = re.search(rf"^\[(\d+)\] [^\n]*{answer}", read, re.MULTILINE)
        message = {"content": f"{answer} [{line[1]}]" if line else "NOT FOUND: it is not said."}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
