"""`rewatch mcp` as clients meet it: the official SDK lists and calls our tools over stdio and loopback HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import run_here
from PIL import Image
from rewatch.memory import ClipMemory, MemoryFolderError
from rewatch.tools import McpServers, Toolbox

pytest.importorskip("mcp", reason="the extra mcp is not installed")
OWN = '''from rewatch.tools import tool

@tool(approval=True)
def erase(word: str) -> str:
    """Erase a word."""
    return f"erased {word}"
'''


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    """A memory of a red and a blue video."""
    folder = tmp_path_factory.mktemp("served")
    held = ClipMemory(folder / "memory")
    for name, color in (("red", (200, 20, 20)), ("blue", (20, 20, 200))):
        held.add(make_talk(folder / f"{name}.mp4", 6, colors=lambda _, c=color: c), channels=("visual",), workers=0)
    (folder / "own.py").write_text(OWN)
    return folder / "memory"


def command(memory: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "rewatch", "mcp", "--memory", str(memory), *words]


def over_pipes(memory: Path, *words: str) -> Any:
    from mcp import StdioServerParameters

    program, *arguments = command(memory, *words)
    return StdioServerParameters(command=program, args=arguments, env={"OMP_NUM_THREADS": "1"})


@pytest.fixture
def over_http(memory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Serve over HTTP on a free port, in a thread; options are those of the command; gives the address."""
    import uvicorn
    from rewatch.cli.mcp import mcp

    servers: list[uvicorn.Server] = []
    threads: list[threading.Thread] = []

    class Recorded(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(uvicorn, "Server", Recorded)

    def start(**options: Any) -> str:
        served = {"memory": memory, "http": "127.0.0.1:0", **options}
        threads.append(threading.Thread(target=mcp, kwargs=served, daemon=True))
        threads[-1].start()
        while len(servers) < len(threads) or not servers[-1].started:
            assert threads[-1].is_alive(), "it ended"
            time.sleep(0.01)
        port = servers[-1].servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/mcp"

    yield start
    for server, thread in zip(servers, threads, strict=True):
        server.should_exit = True
        thread.join(timeout=240)


@contextlib.contextmanager
def http_process(memory: Path, *words: str) -> Iterator[str]:
    """Serve over HTTP in a process of its own, as people do; gives the address that it prints."""
    process = subprocess.Popen(
        command(memory, "--http", "127.0.0.1:0", *words),
        stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "60"},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        printed = ""
        while "http://" not in printed:
            line = process.stderr.readline()
            assert line, f"it ended: {printed}"
            printed += line
        yield re.search(r"http://\S+", printed)[0]  # type: ignore[index]
    finally:
        process.terminate()
        process.wait(timeout=240)


async def called(client: Any, name: str, arguments: dict[str, Any]) -> Any:
    """What a call brings, however long it takes on a busy machine."""
    told = await client.call_tool(name, arguments)
    while told.structured_content and "running" in told.structured_content:
        told = await client.call_tool("result", {"id": told.structured_content["running"]})
    return told


async def tour(target: Any) -> dict[str, Any]:
    """List and call the tools as a client does."""
    from mcp import Client

    async with Client(target) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        videos = await called(client, "list_videos", {})
        seen = await called(client, "view_clip", {"start": "0:01", "end": 3, "video": "blue.mp4"})
        which = await called(client, "view_clip", {"start": 0, "end": 1})
        wrong = await called(client, "view_clip", {"start": 0, "end": 1, "video": "green.mp4"})
        found = await called(client, "search_clips", {"query": "something red", "video": "red.mp4"})
        absent = await called(client, "fly", {})
    return {
        "tools": tools, "videos": videos, "seen": seen, "which": which, "wrong": wrong, "found": found, "absent": absent
    }  # fmt: skip


def check(met: dict[str, Any]) -> None:
    assert {"list_videos", "search_clips", "view_clip", "crop", "transcribe", "read_text"} <= set(met["tools"])
    look = met["tools"]["view_clip"]
    assert "seconds" in look.description and "seconds" in look.input_schema["properties"]["start"]["description"]
    assert "video" in look.input_schema["properties"] and look.annotations.read_only_hint
    assert [v["name"] for v in met["videos"].structured_content["data"]["videos"]] == ["red.mp4", "blue.mp4"]
    words, *shown = met["seen"].content
    assert "2 frames" in words.text and not met["seen"].is_error
    assert [block.type for block in shown] == ["image", "image"]
    picture = Image.open(io.BytesIO(base64.b64decode(shown[0].data)))
    red, _, blue = picture.convert("RGB").getpixel((5, 5))
    assert shown[0].mime_type == "image/jpeg" and blue > 100 > red
    told = met["seen"].structured_content
    assert told["data"]["times"] == [1.0, 2.0] and told["uris"][0].endswith("#t=1,3") and told["cost"]["frames"] == 2
    assert told["left"]["frames"] == 4
    assert met["which"].is_error and "blue.mp4" in met["which"].content[0].text
    assert met["wrong"].is_error and "green.mp4" in met["wrong"].content[0].text
    assert not met["found"].is_error and met["found"].structured_content["data"]["hits"]
    assert met["absent"].is_error and "search_clips" in met["absent"].content[0].text


def test_a_client_lists_and_calls_over_stdio(memory: Path):
    check(asyncio.run(tour(over_pipes(memory, "--frames", "6"))))


def test_a_client_lists_and_calls_over_http(memory: Path):
    with http_process(memory, "--frames", "6") as address:
        check(asyncio.run(tour(address)))


def spend(address: str, calls: int = 3, **client: Any) -> list[Any]:
    """What calls of a client of its own bring."""
    from mcp import Client

    async def ask() -> list[Any]:
        async with Client(address, **client) as connected:
            return [await called(connected, "browse", {"video": "red.mp4"}) for _ in range(calls)]

    return asyncio.run(ask())


def test_a_new_session_is_no_new_budget(over_http: Callable[..., str]):
    address = over_http(calls=2)
    told = [*spend(address, mode="legacy"), *spend(address, 1, mode="legacy"), *spend(address, 1)]
    assert [t.is_error for t in told] == [False, False, True, True, True]
    assert "--calls" in told[2].content[0].text and told[2].structured_content["left"]["calls"] == 0


def call_alone(address: str, **claims: str) -> bool:
    """One call without a handshake, with headers of its own; whether it was refused."""
    import httpx

    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "browse", "arguments": {"video": "red.mp4"}, "_meta": about},
    }
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "browse",
        **{name.replace("_", "-"): value for name, value in claims.items()},
    }
    told: dict[str, Any] = httpx.post(address, json=body, headers=headers, timeout=60).json()
    return bool(told["result"]["isError"])


def test_a_made_up_session_is_no_new_budget(over_http: Callable[..., str]):
    address = over_http(calls=2)
    assert [call_alone(address, Mcp_Session_Id=f"made-up-{n}") for n in range(4)] == [False, False, True, True]


def test_an_address_that_a_header_claims_is_no_new_budget(over_http: Callable[..., str]):
    address = over_http(calls=2)
    refused = [call_alone(address, X_Forwarded_For=f"10.0.0.{n}", X_Forwarded_Proto="https") for n in range(4)]
    assert refused == [False, False, True, True]


def test_many_clients_at_once_get_an_answer_each_and_spend_no_more_than_there_is(over_http: Callable[..., str]):
    from mcp import Client

    async def all_at_once(address: str) -> list[Any]:
        async def one(at: int) -> Any:
            async with Client(address) as client:
                return await called(client, "view_clip", {"start": at / 10, "end": at / 10 + 2, "video": "red.mp4"})

        return await asyncio.gather(*(one(at) for at in range(20)))

    told = asyncio.run(all_at_once(over_http(frames=12)))
    assert sum(one.structured_content["cost"]["frames"] for one in told) == 12
    assert min(one.structured_content["left"]["frames"] for one in told) == 0
    assert sum(one.is_error for one in told) == 14  # two frames each for six, and none are left for the others


def test_a_token_is_asked_for_and_other_addresses_need_one(
    over_http: Callable[..., str], memory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REWATCH_MCP_TOKEN", "abc")
    address = over_http()
    with McpServers([address], start_seconds=30) as without:
        assert without.tools == [] and len(without.failures) == 1
    path = memory.parent / "far.json"
    path.write_text(json.dumps({"mcpServers": {"far": {"url": address, "headers": {"Authorization": "Bearer abc"}}}}))
    with McpServers([path]) as servers:
        box = Toolbox(servers.tools)
        seen = asyncio.run(box.call("list_videos", {}, memory=None, videos=[], left={}))[0]  # type: ignore[arg-type]
    assert "red.mp4" in seen.text
    monkeypatch.delenv("REWATCH_MCP_TOKEN")
    open_to_all = run_here(memory.parent, "mcp", "--memory", memory, "--http", "0.0.0.0:0", variables={})
    assert open_to_all.returncode == 2 and "REWATCH_MCP_TOKEN" in open_to_all.stderr


def test_own_tools_are_served_and_one_that_asks_first_is_refused_unless_allowed(
    over_http: Callable[..., str], memory: Path
):
    from mcp import Client

    async def erase(**options: Any) -> Any:
        async with Client(over_http(tools=[str(memory.parent / "own.py")], **options)) as client:
            return await called(client, "erase", {"word": "x"})

    refused, allowed = asyncio.run(erase()), asyncio.run(erase(approve=["erase"]))
    assert refused.is_error and "approval" in refused.content[0].text
    assert not allowed.is_error and "erased x" in allowed.content[0].text


def test_a_connection_without_a_whole_request_is_closed(over_http: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    from rewatch.cli import mcp

    monkeypatch.setattr(mcp, "ARRIVAL", 0.3)
    address = over_http()
    host, port = re.search(r"//([\d.]+):(\d+)", address).groups()  # type: ignore[union-attr]
    for beginning in (b"", b"POST /mcp HT", b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"):
        with socket.create_connection((host, int(port)), timeout=120) as half_open:
            half_open.sendall(beginning)
            while half_open.recv(4096):  # until it is closed
                pass
    assert not spend(address, 1)[0].is_error


def test_a_folder_that_is_empty_becomes_a_memory_and_no_other(tmp_path: Path, memory: Path):
    from rewatch.cli.mcp import _open

    (tmp_path / "empty").mkdir()
    assert _open(tmp_path / "empty", None).videos() == [] and _open(tmp_path / "new", None).videos() == []
    with pytest.raises(MemoryFolderError):
        _open(memory.parent, None)  # videos lie there


def test_folders_and_hosts_to_add_from_must_be_some(memory: Path):
    for words, why in ((("--add", memory / "none"), "is no folder"), (("--add-urls", "http://x/"), "is no host")):
        told = run_here(memory.parent, "mcp", "--memory", memory, *words, variables={})
        assert told.returncode == 2 and why in told.stderr
