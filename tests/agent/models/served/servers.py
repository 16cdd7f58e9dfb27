"""A scripted OpenAI-compatible server on loopback that misbehaves on purpose."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]
"""Body of a chat request, with its headers under `_headers`."""
Step = Callable[["Handler", Request], None]
_ids = itertools.count()
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


class Server:
    """Plays a script: each chat request takes the next step; the last one is taken again and again."""

    def __init__(self, *steps: Step, models: tuple[str, ...] = ("scripted",)) -> None:
        self.steps = list(steps)
        self.models = models
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who leaves is no news
        self._server.script = self  # type: ignore[attr-defined]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def take(self, request: Request) -> Step:
        with self._lock:
            self.requests.append(request)
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def script(self) -> Server:
        return self.server.script  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.send({"object": "list", "data": [{"id": name, "object": "model"} for name in self.script.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = {**body, "_headers": dict(self.headers)}
        if self.script.over.is_set():  # a connection that was kept open outlives the server here
            self.close_connection = True
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            self.script.take(request)(self, request)

    def send(self, body: Any, *, code: int = 200, kind: str = "application/json", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.begin(code, kind, **{"Content-Length": str(len(raw)), **headers})
        self.wfile.write(raw)

    def begin(self, code: int, kind: str, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def completion(message: dict[str, Any], *, usage: Any = USAGE, finish: str = "stop", **choice: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **choice}]
    row = {"id": "x", "object": "chat.completion", "created": 1, "model": "scripted", "choices": choices}
    return {**row, "usage": usage} if usage else row


def says(text: str | None, **more: Any) -> Step:
    """A reply in words."""
    return lambda handler, _: handler.send(completion({"content": text}, **more))


def calls(*made: tuple[str, Any], text: str | None = None, ids: bool = True, **more: Any) -> Step:
    """A reply that calls tools: (name, arguments), the arguments as a string just as it is to be sent."""

    def step(handler: Handler, _: Request) -> None:
        rows = []
        for name, arguments in made:
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            row = {"type": "function", "function": {"name": name, "arguments": written}}
            rows.append({**row, "id": f"c{next(_ids)}" if ids else ""})
        handler.send(completion({"content": text, "tool_calls": rows}, finish="tool_calls", **more))

    return step


def answers(text: str, **more: Any) -> Step:
    """The final answer, which cites the last picture that it was shown, if any."""

    def step(handler: Handler, request: Request) -> None:
        asked = next(_words(m) for m in request["messages"] if m["role"] == "user")
        video = re.search(r"Video ([\w-]+) \(", asked)
        times = re.findall(r"<([\d.]+) seconds>", "\n".join(map(_words, request["messages"])))
        evidence = [{"claim": text, "uri": f"video:{video[1]}#t={float(times[-1]):g}"}] if video and times else []
        body = json.dumps({"answer": text, "confidence": 0.9, "evidence": evidence})
        handler.send(completion({"content": body}, **more))

    return step


def _words(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def status(code: int, text: str = "no", **headers: str) -> Step:
    """An error, as OpenAI writes them."""
    return lambda handler, _: handler.send({"error": {"message": text, "code": code}}, code=code, **headers)


def at_most(pictures: int, then: Step, text: str, code: int = 400) -> Step:
    """An error for requests with more pictures; `then` for any other."""

    def step(handler: Handler, request: Request) -> None:
        contents = [m["content"] for m in request["messages"] if isinstance(m.get("content"), list)]
        many = sum(part["type"] == "image_url" for content in contents for part in content)
        (status(code, text) if many > pictures else then)(handler, request)

    return step


def without(argument: str, then: Step) -> Step:
    """An error for requests with this argument, as OpenAI's reasoning models answer; `then` for any other."""
    text = f"Unsupported parameter: '{argument}' is not supported with this model."
    return lambda handler, request: (status(400, text) if argument in request else then)(handler, request)


def raw(body: bytes, kind: str = "application/json") -> Step:
    """Whatever bytes."""
    return lambda handler, _: handler.send(body, kind=kind)


def body_of(message: dict[str, Any], **more: Any) -> Step:
    """A whole reply with this message, just as it is written here."""
    return raw(json.dumps(completion(message, **more)).encode())


def counted(usage: str) -> Step:
    """A reply whose usage is this JSON text."""
    return raw(json.dumps(completion({"content": "Blue car"})).replace(json.dumps(USAGE), usage).encode())


def sends(first: bytes, again: bytes = b"", pause: float = 0.0) -> Step:
    """Bytes on the wire instead of a response, the last of them for ever."""

    def step(handler: Handler, _: Request) -> None:
        handler.wfile.write(first)
        handler.wfile.flush()
        while again and not handler.script.over.wait(pause):
            handler.wfile.write(again)
            handler.wfile.flush()
        handler.close_connection = True

    return step


def events(*rows: Any, again: bytes = b"", ends: bool = True) -> Step:
    """Server-sent events as they are: rows of a chunk's choice (delta, finish) or bytes; the last for ever."""

    def step(handler: Handler, _: Request) -> None:
        handler.begin(200, "text/event-stream")
        handler.close_connection = True
        for row in rows:
            if isinstance(row, tuple):
                row = {"id": "x", "choices": [{"index": 0, "delta": row[0], "finish_reason": row[1]}]}
            line = row if isinstance(row, bytes) else b"data: " + json.dumps(row).encode()
            handler.wfile.write(line + b"\n\n")
        while again and not handler.script.over.is_set():
            handler.wfile.write(again)
        if ends:
            handler.wfile.write(b"data: [DONE]\n\n")

    return step


def cut(handler: Handler, _: Request) -> None:
    """Half of a reply, then the connection is closed."""
    body = json.dumps(completion({"content": "never whole"})).encode()
    handler.begin(200, "application/json", Content_Length=str(len(body)))
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def silence(handler: Handler, _: Request) -> None:
    """Takes the request and never answers."""
    handler.script.over.wait(60)
    handler.close_connection = True


def drip(handler: Handler, _: Request) -> None:
    """A body that grows by a byte now and then, and never ends."""
    handler.begin(200, "application/json", Content_Length="1000000")
    while not handler.script.over.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(handler: Handler, _: Request) -> None:
    """A body that never ends, as fast as it goes."""
    handler.begin(200, "application/json", Content_Length=str(1 << 40))
    handler.wfile.write(b'{"choices": [{"message": {"role": "assistant", "content": "')
    while not handler.script.over.is_set():
        handler.wfile.write(b"and on " * 20_000)


def streams(
    pieces: Callable[[], Iterator[dict[str, Any]]] | list[dict[str, Any]],
    *,
    pause: float = 0.0,
    usage: Any = None,
    finish: str = "stop",
    ends: bool = True,
) -> Step:
    """Server-sent events, one for each delta."""

    def step(handler: Handler, _: Request) -> None:
        handler.begin(200, "text/event-stream")
        handler.close_connection = True

        def event(choices: list[dict[str, Any]], **more: Any) -> None:
            row = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
            handler.wfile.write(f"data: {json.dumps({**row, 'choices': choices, **more})}\n\n".encode())
            handler.wfile.flush()

        for piece in pieces() if callable(pieces) else pieces:
            event([{"index": 0, "delta": piece, "finish_reason": None}])
            if handler.script.over.wait(pause) if pause else handler.script.over.is_set():
                return
        if ends:
            event([{"index": 0, "delta": {}, "finish_reason": finish}])
            if usage:
                event([], usage=usage)
            handler.wfile.write(b"data: [DONE]\n\n")

    return step
