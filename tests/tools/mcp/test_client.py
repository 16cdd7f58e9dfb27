"""Tools of MCP servers that really run: over stdio and over loopback HTTP, honest and odd; called by the loop."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from rewatch.agent import VideoAgent
from rewatch.memory import CapabilityError, ClipMemory
from rewatch.tools import McpServer, McpServers, Observation, Toolbox
from rewatch.tools.mcp.config import read_servers

from ...agent.scripted import Scripted, calling, observations

pytest.importorskip("mcp", reason="the extra mcp is not installed")
ODD = Path(__file__).with_name("odd_mcp_server.py")
COMMAND = f"{sys.executable} {ODD}"
PATIENCE = 120.0
"""Seconds: enough on a machine that does much else."""


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    folder = tmp_path_factory.mktemp("mcp")
    held = ClipMemory(folder / "memory")
    held.add(make_talk(folder / "talk.mp4", 4), channels=("visual",), workers=0)
    return held


@pytest.fixture(scope="module")
def opened() -> Iterator[McpServers]:
    with McpServers([COMMAND], timeout=PATIENCE, start_seconds=PATIENCE) as servers:
        assert not servers.failures
        yield servers


def started(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, str(ODD), str(port)], stderr=subprocess.DEVNULL)
    for _ in range(4000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started(port)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def call(servers: McpServers, name: str, **arguments: Any) -> Observation:
    box = Toolbox(servers.tools)
    return asyncio.run(box.call(name, arguments, memory=None, videos=[], left={"seconds": PATIENCE}))[0]  # type: ignore[arg-type]


def ask(memory: ClipMemory, tools: list[Any], *calls: AIMessage) -> list[ToolMessage]:
    """Run the whole loop with a policy that makes these calls in turn."""
    seen: list[ToolMessage] = []

    def step(messages: list[BaseMessage], _: bool) -> AIMessage:
        seen[:] = observations(messages)
        return calls[len(seen)] if len(seen) < len(calls) else AIMessage("Answer: done")

    VideoAgent(memory, policy=Scripted(step=step), tools=tools).ask("What is there?", route="search")
    return seen


def test_the_loop_calls_a_server_over_stdio_in_one_session(memory: ClipMemory, opened: McpServers):
    calls = [calling("add", a="2", b=3), calling("count"), calling("look"), calling("count")]
    added, one, look, two = ask(memory, opened.tools, *calls)
    assert added.text.startswith("5") and added.artifact["data"] == {"sum": 5}
    assert int(two.text) == int(one.text) + 1
    assert look.text.startswith("a green one") and look.artifact["pictures"][0].startswith("data:image/jpeg;base64,")


def test_the_loop_calls_a_server_over_http(memory: ClipMemory, address: str):
    with McpServers([address], start_seconds=PATIENCE) as servers:
        assert servers.failures == []
        (added,) = ask(memory, servers.tools, calling("add", a=2, b=3))
    assert added.text.startswith("5") and added.artifact["data"] == {"sum": 5}


def test_names_that_clash_are_prefixed_and_odd_ones_made_plain(memory: ClipMemory, opened: McpServers):
    names = VideoAgent(memory, tools=opened.tools).toolbox.names
    assert "odd_mcp_server_crop" in names and names.count("crop") == 1 and "odd_name_with_signs" in names
    cropped, odd = ask(
        memory, opened.tools, calling("odd_mcp_server_crop", word="w"), calling("odd_name_with_signs", config="c")
    )
    assert cropped.text == "cropped w" and odd.text == "config c"


def test_what_a_server_says_is_no_markup(opened: McpServers):
    (tool,) = [t for t in opened.tools if t.name == "inject"]
    assert "<" not in tool.description and "Obey" in tool.description
    seen = call(opened, "inject")
    assert "<|" not in seen.text and "<tool_call>" not in seen.text and "[INST]" not in seen.text


def test_a_reported_error_is_an_observation(opened: McpServers):
    seen = call(opened, "fail")
    assert seen.error and "the disk is full" in seen.text and "another tool" in seen.text


def test_wrong_arguments_say_how_to_call(opened: McpServers):
    missing, wrong = call(opened, "add", a=1), call(opened, "add", a="many", b=2)
    assert missing.error and "b must be given" in missing.text
    assert wrong.error and "whole number" in wrong.text


def test_a_call_that_hangs_is_given_up_and_the_session_lives(opened: McpServers):
    before = int(call(opened, "count").text)
    (hangs,) = [tool.model_copy(update={"timeout": 0.5}) for tool in opened.tools if tool.name == "hang"]
    box = Toolbox([hangs])
    seen, _ = asyncio.run(box.call("hang", {}, memory=None, videos=[], left={}))  # type: ignore[arg-type]
    assert seen.error and "another tool" in seen.text
    assert int(call(opened, "count").text) == before + 1


def test_garbage_on_the_pipe_hurts_nobody(opened: McpServers, capfd: pytest.CaptureFixture[str]):
    seen = call(opened, "garbage")
    assert seen.text == "after the garbage" or seen.error
    assert call(opened, "add", a=1, b=1).text == "2"
    assert "Traceback" not in capfd.readouterr().err


def test_a_server_that_dies_is_an_observation_and_is_started_again():
    with McpServers([COMMAND], timeout=PATIENCE, start_seconds=PATIENCE) as servers:
        assert call(servers, "count").text == "1"
        dead = call(servers, "die")
        assert dead.error and "ended during the call" in dead.text and "out of luck" in dead.text
        assert call(servers, "count").text == "1"  # a new process
        assert call(servers, "die").error and call(servers, "count").text == "1" and call(servers, "die").error
        assert "has ended 3 times" in call(servers, "count").text  # enough
    closed = call(servers, "count")
    assert closed.error and "closed" in closed.text


def test_processes_end_with_the_session(tmp_path: Path):
    script = tmp_path / "noted.py"
    script.write_text(
        f"import os, sys, runpy\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"sys.argv = [{str(ODD)!r}]\nrunpy.run_path({str(ODD)!r}, run_name='__main__')\n"
    )
    with McpServers([f"{sys.executable} {script}"], start_seconds=PATIENCE) as servers:
        assert call(servers, "add", a=1, b=2).text == "3"
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    while state.exists() and state.read_text().split()[2] != "Z":  # it has a little while to end by itself
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("no_such_command_here --x", "no_such_command_here"),
        (f"{sys.executable} -c 'import sys; sys.exit(\"no licence\")'", "no licence"),
        (f"{sys.executable} -c 'print(1); import time; time.sleep(60)'", "did not answer"),
        ("http://127.0.0.1:9/mcp", "127_0_0_1"),
    ],
    ids=["absent", "ends", "mute", "nobody there"],
)
def test_a_server_that_cannot_be_had_is_a_line(server: str, told: str):
    with McpServers([server], start_seconds=1.5 if told == "did not answer" else PATIENCE) as servers:
        assert servers.tools == []
        (line,) = servers.failures
    assert told in line and "\n" not in line


def test_one_that_cannot_be_had_leaves_the_others():
    with McpServers(["no_such_command_here", COMMAND], start_seconds=PATIENCE) as servers:
        assert len(servers.failures) == 1 and len(servers.tools) == 10


def test_an_http_server_that_goes_away_is_an_observation():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started(port)
    with McpServers([f"http://127.0.0.1:{port}/mcp"], timeout=PATIENCE, start_seconds=PATIENCE) as servers:
        assert call(servers, "add", a=1, b=2).text == "3"
        process.kill()
        process.wait()
        seen = call(servers, "add", a=1, b=2)
        assert seen.error and "another tool" in seen.text
        again = started(port)
        try:
            assert call(servers, "add", a=1, b=2).text == "3"
        finally:
            again.kill()
            again.wait()


# ---- which servers are meant


def test_a_configuration_in_the_usual_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: ClipMemory):
    monkeypatch.setenv("ODD_TOKEN", "s3cret")
    path = tmp_path / "mcp.json"
    path.write_text(
        json.dumps(
            {
                "mcpServers": {
                    "odd one": {"command": sys.executable, "args": [str(ODD)], "env": {"A": "${ODD_TOKEN}"}},
                    "far": {
                        "type": "http",
                        "url": "https://user:pw@example.org/mcp?key=1",
                        "headers": {"Authorization": "Bearer ${ODD_TOKEN}", "X": "${ABSENT_ONE:-none}"},
                    },
                    "off": {"command": "x", "disabled": True},
                }
            }
        )
    )
    near, far = read_servers([path])
    assert (near.name, near.env, far.headers) == (
        "odd_one", {"A": "s3cret"}, {"Authorization": "Bearer s3cret", "X": "none"}
    )  # fmt: skip
    assert "s3cret" not in repr(far) and "pw" not in far.origin and "key" not in far.origin
    with McpServers([near], start_seconds=PATIENCE) as servers:
        (added,) = ask(memory, servers.tools, calling("add", a=1, b=1))
        assert added.text.startswith("2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', "names no servers"),
        ('{"mcpServers": {"x": 3}}', "must be an object"),
        ('{"mcpServers": {"x": {}}}', "neither a command nor a url"),
        ('{"mcpServers": {"x": {"command": "y", "args": "z"}}}', "args must be a list"),
        ('{"mcpServers": {"x": {"type": "sse", "url": "http://h"}}}', "SSE"),
        ('{"mcpServers": {"x": {"command": "${NO_SUCH_VARIABLE_X}"}}}', "NO_SUCH_VARIABLE_X"),
    ],
)
def test_a_wrong_configuration_is_one_line(tmp_path: Path, text: str, told: str):
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(CapabilityError, match=told) as error:
        read_servers([path])
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_names_of_servers():
    words = [
        "python -m weather.server", "uvx mcp-server-git --repository .", "notes=python x.py", "http://host:1/mcp",
        "python3.11 -u a/b.py", "python a/b.py",
    ]  # fmt: skip
    names = [s.name for s in read_servers(words)]
    assert names == ["weather", "mcp_server_git", "notes", "host", "b", "b_2"]
    with pytest.raises(CapabilityError, match="absent.json"):
        read_servers(["absent.json"])
    with pytest.raises(CapabilityError, match="empty"):
        read_servers([" "])


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CapabilityError, match=r"rewatch\[mcp\]"):
        McpServers([McpServer(name="x", command=("y",))])
