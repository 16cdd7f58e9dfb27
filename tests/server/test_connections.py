"""Clients that go away, that are too many, too slow, too large, from elsewhere, or without the key."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory
from rewatch.memory.files.sources import Sources
from rewatch.server.videos import RequestVideos
from serving import serving

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("fastapi", reason="the extra serve is not installed")
BODY = {"messages": [{"role": "user", "content": "What is said?"}]}


class Patient(BaseChatModel):
    """Thinks until it is released, and counts who asks, who is answered and whose question was taken back."""

    _counts: dict[str, int] = PrivateAttr(default_factory=lambda: {"asked": 0, "answered": 0, "cancelled": 0})
    _released: list[bool] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "patient"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def release(self) -> None:
        self._released.append(True)

    @property
    def counts(self) -> dict[str, int]:
        return self._counts

    def _generate(self, *arguments: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *arguments: Any, **kwargs: Any) -> ChatResult:
        self._counts["asked"] += 1
        try:
            while not self._released:
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self._counts["cancelled"] += 1
            raise
        self._counts["answered"] += 1
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Ten million."))])


@contextmanager
def patient(memory: ClipMemory, **options: Any) -> Iterator[tuple[Patient, Any]]:
    policy = Patient()
    with (
        serving(VideoAgent(memory, policy=policy), RequestVideos(memory, Sources()), **options) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        try:
            yield policy, client
        finally:
            policy.release()


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.005)


def error_of(reply: Any) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/json"
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


def send_raw(client: Any, body: dict[str, Any]) -> socket.socket:
    text = json.dumps(body).encode()
    opened = socket.create_connection((client.base_url.host, client.base_url.port), timeout=60)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n"
    opened.sendall(head.encode() + text)
    return opened


def send_half(client: Any) -> socket.socket:
    before = requests_of(client)
    opened = socket.create_connection((client.base_url.host, client.base_url.port), timeout=60)
    opened.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    until(lambda: requests_of(client) == before + 1)
    return opened


def requests_of(client: Any) -> int:
    return client.get("/health").json()["requests"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_the_work(two: ClipMemory, stream: bool):
    with patient(two) as (policy, client):
        opened = send_raw(client, {**BODY, "stream": stream})
        until(lambda: policy.counts["asked"] == 1)
        if stream:
            assert b"text/event-stream" in opened.recv(4096)
        opened.close()
        until(lambda: policy.counts["cancelled"] == 1)
        until(lambda: requests_of(client) == 0)
    assert policy.counts["answered"] == 0


def test_a_request_that_waits_for_its_turn_may_go_away_too(two: ClipMemory):
    with patient(two, runs=1) as (policy, client):
        first = send_raw(client, BODY)
        until(lambda: policy.counts["asked"] == 1)
        second = send_raw(client, BODY)
        until(lambda: requests_of(client) == 2)
        second.close()
        until(lambda: requests_of(client) == 1)
        assert policy.counts == {"asked": 1, "answered": 0, "cancelled": 0}  # it never ran
        policy.release()
        assert first.recv(4096).startswith(b"HTTP/1.1 200")


def test_more_than_run_and_wait_are_asked_to_come_again(two: ClipMemory):
    with patient(two, runs=1, waiting=1) as (policy, client):
        opened = [send_raw(client, BODY), send_raw(client, BODY)]
        until(lambda: requests_of(client) == 2)
        refused = client.post("/v1/chat/completions", json=BODY)
        assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
        assert error_of(refused)["type"] == "rate_limit_error"
        policy.release()
        assert all(one.recv(4096).startswith(b"HTTP/1.1 200") for one in opened)
        assert client.post("/v1/chat/completions", json=BODY).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_takes_too_long_is_ended(two: ClipMemory, stream: bool):
    with patient(two, seconds=0.2) as (policy, client):
        reply = client.post("/v1/chat/completions", json={**BODY, "stream": stream})
        if stream:
            last = [line for line in reply.text.splitlines() if line][-1]
            assert json.loads(last.removeprefix("data: "))["error"]["code"] == "timeout"
        else:
            assert reply.status_code == 408 and reply.headers["x-should-retry"] == "false"
            assert error_of(reply)["code"] == "timeout"
        until(lambda: policy.counts["cancelled"] == 1)
    assert policy.counts["answered"] == 0


@pytest.mark.parametrize("stream", [False, True])
def test_the_server_ends_with_its_work_unfinished(two: ClipMemory, stream: bool, capfd: pytest.CaptureFixture[str]):
    policy = Patient()
    with (
        serving(VideoAgent(two, policy=policy), RequestVideos(two, Sources())) as address,
        httpx.Client(base_url=address) as client,
    ):
        opened = send_raw(client, {**BODY, "stream": stream})
        until(lambda: policy.counts["asked"] == 1)
        told = opened.recv(4096) if stream else b""
        half = send_half(client)
    for one, text in ((opened, told), (half, b"")):
        while piece := one.recv(4096):
            text += piece
        one.close()
        assert b"The server is ending: send it again later." in text and b'"code":"ending"' in text.replace(b" ", b"")
        assert text.startswith(b"HTTP/1.1 200" if told and one is opened else b"HTTP/1.1 503")
    assert policy.counts == {"asked": 1, "answered": 0, "cancelled": 1}
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("stream", [False, True])
def test_a_bug_is_told_and_logged(two: ClipMemory, stream: bool, capfd: pytest.CaptureFixture[str]):
    class Broken(VideoAgent):
        async def aask(self, *arguments: Any, listener: Any, **options: Any) -> Any:
            listener({"event": "run"})
            await asyncio.sleep(0.2)  # until the stream has begun
            raise LookupError("boom")

    with serving(Broken(two), RequestVideos(two, Sources())) as address:
        reply = httpx.post(f"{address}/v1/chat/completions", json={**BODY, "stream": stream})
    if stream:
        last = [line for line in reply.text.splitlines() if line][-1]
        error = json.loads(last.removeprefix("data: "))["error"]
    else:
        assert reply.status_code == 500
        error = error_of(reply)
    assert error["code"] == "bug" and "boom" not in error["message"]
    assert "LookupError: boom" in capfd.readouterr().err


def test_a_client_that_goes_away_with_half_a_body_is_no_bug(plain: Any, capfd: pytest.CaptureFixture[str]):
    with socket.create_connection((plain.base_url.host, plain.base_url.port), timeout=60) as opened:
        opened.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        until(lambda: requests_of(plain) == 1)
    until(lambda: requests_of(plain) == 0)
    assert "Traceback" not in capfd.readouterr().err


def test_only_this_machine_is_served_on_loopback(two: ClipMemory):
    with patient(two) as (_, client):
        for headers in (
            {"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": "127.0.0.1.evil.example"}, {"Host": ""},
            {"Host": "[::1"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
        ):  # fmt: skip
            refused = client.get("/v1/models", headers=headers)
            assert refused.status_code == 403, headers
            assert error_of(refused)["code"] == "foreign_origin"
        for headers in ({"Host": "localhost:1"}, {"Host": "[::1]:8"}, {"Origin": "http://127.0.0.1:99"}):
            assert client.get("/v1/models", headers=headers).status_code == 200, headers


def test_the_key_is_asked_for_everywhere_but_health(two: ClipMemory):
    with patient(two, key="s3cret", host="0.0.0.0") as (_, client):
        assert client.get("/health").status_code == 200
        for given in (
            {},
            {"Authorization": "Bearer s3cre"},
            {"Authorization": "s3cret"},
            {"Authorization": "Basic s3cret"},
        ):
            refused = client.post("/v1/chat/completions", headers=given, content=b"x" * 1000)
            assert refused.status_code == 401 and error_of(refused)["code"] == "invalid_api_key"
        right = {"Authorization": "Bearer s3cret", "Host": "videos.example"}
        assert client.get("/v1/models", headers=right).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[1]", "invalid_json"),
        (b"\xff\xfe\x00", "invalid_json"),
        (b"9" * 5000, "invalid_json"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', None),
        (b'{"messages": [{"role": "user", "content": "?"}], "n": NaN}', "invalid_value"),
    ],
)
def test_a_body_that_is_no_request_is_told_so(two: ClipMemory, body: bytes, code: str | None, plain: Any):
    reply = plain.post("/v1/chat/completions", content=body)
    assert reply.status_code == 400 and error_of(reply)["code"] == code


@pytest.fixture(scope="module")
def plain(two: ClipMemory) -> Iterator[Any]:
    with (
        serving(VideoAgent(two), RequestVideos(two, Sources())) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def test_places_that_are_not_there_and_ways_that_are_not_taken(plain: Any):
    for method, path, status in (
        ("GET", "/", 404), ("POST", "/v1/completions", 404), ("GET", "/v1/chat/completions", 405),
        ("GET", "/docs", 404), ("GET", "/v1/models/%00", 404),
    ):  # fmt: skip
        reply = plain.request(method, path)
        assert reply.status_code == status, path
        error_of(reply)


def test_a_body_that_is_too_large_is_refused_before_it_is_read_and_while_it_is(
    plain: Any, monkeypatch: pytest.MonkeyPatch
):
    from rewatch.server import bodies

    monkeypatch.setattr(bodies, "LARGEST", 1000)
    for content in (b" " * 2000, iter([b" " * 700, b" " * 700])):
        reply = plain.post("/v1/chat/completions", content=content)
        assert reply.status_code == 413 and error_of(reply)["code"] == "request_too_large"
    monkeypatch.setattr(bodies, "HELD", 100)
    reply = plain.post("/v1/chat/completions", json=BODY, headers={"X-Pad": "x"})
    assert reply.status_code in (200, 429)
    reply = plain.post("/v1/chat/completions", content=b" " * 500)
    assert reply.status_code == 429 and error_of(reply)["code"] == "rate_limit_exceeded"
    monkeypatch.undo()
    assert plain.post("/v1/chat/completions", json=BODY).status_code == 200


def test_a_body_that_does_not_arrive_is_told_so(plain: Any, monkeypatch: pytest.MonkeyPatch):
    from rewatch.server import bodies

    monkeypatch.setattr(bodies, "ARRIVAL", 0.1)
    with socket.create_connection((plain.base_url.host, plain.base_url.port), timeout=60) as opened:
        opened.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert opened.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_connection_is_closed_where_a_request_stays_half_and_not_between_or_during_requests(two: ClipMemory):
    with patient(two, arrival=0.3) as (policy, client):
        opened = send_raw(client, BODY)
        until(lambda: policy.counts["asked"] == 1)
        time.sleep(0.5)  # the request takes longer than it had to arrive
        policy.release()
        assert opened.recv(1 << 16).startswith(b"HTTP/1.1 200")
        opened.sendall(b"POST /v1/chat/compl")
        while opened.recv(1 << 16):
            pass  # until it is closed


def test_a_page_of_this_machine_may_read_what_it_asked_and_no_other(plain: Any, two: ClipMemory):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    for origin, allowed in (("http://localhost:3000", True), ("https://localhost.evil.example", False)):
        reply = plain.options("/v1/chat/completions", headers={"Origin": origin, **asks})
        assert (reply.headers.get("access-control-allow-origin") == origin) is allowed
        assert (reply.status_code == 200) is allowed
    with patient(two, key="s3cret") as (_, client):
        asked_for = client.options("/v1/models", headers={"Origin": "http://localhost:3000", **asks})
        refused = client.get("/v1/models", headers={"Origin": "http://localhost:3000"})
    assert asked_for.status_code == 200 and refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_connections_beyond_a_bound_are_closed(plain: Any, monkeypatch: pytest.MonkeyPatch):
    from rewatch.server import http

    monkeypatch.setattr(http, "CONNECTIONS", 4)
    opened = [socket.create_connection((plain.base_url.host, plain.base_url.port), timeout=60) for _ in range(12)]
    opened[-1].settimeout(60)
    assert opened[-1].recv(1) == b""
    for one in opened:
        one.close()
    until(lambda: plain_answers(plain))


def plain_answers(plain: Any) -> bool:
    try:
        return plain.get("/health").status_code == 200
    except httpx.TransportError:
        return False
