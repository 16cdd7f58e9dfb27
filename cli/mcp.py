"""`rewatch mcp`: the tools over a memory, served to any MCP client."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..memory import CapabilityError, ClipMemory, MemoryFolderError
from ..memory.store.folder import DATABASE
from .settings.options import MOST, Approve, Detector, Memory, OwnTools, finite
from .settings.places import memory_folder, runs_folder
from .terminal.output import Console

if TYPE_CHECKING:
    from ..agent import VideoAgent
    from ..tools.viewer import Viewer

TOKEN = "REWATCH_MCP_TOKEN"  # noqa: S105 - the name of a variable
REQUEST = 1 << 20
ARRIVAL = 20.0
"""Seconds that a request has to arrive whole, from the connection or its first bytes on."""
PARTS = 6
"""Parts of 10 s that a question about what is still to come looks at in one call, before it says: not yet."""


def mcp(
    memory: Memory = None,
    http: Annotated[
        str | None,
        typer.Option("--http", help="Serve streamable HTTP at HOST:PORT or PORT (8765) instead of standard input."),
    ] = None,
    viewer: Annotated[
        str | None, typer.Option("--viewer", help="The model that sees, for ask_clip and caption_clip.")
    ] = None,
    tools: OwnTools = None,
    approve: Approve = None,
    detector: Detector = None,
    frames: Annotated[int | None, typer.Option("--frames", min=0, max=MOST, help="Budget of a client: frames.")] = 1000,
    calls: Annotated[
        int | None, typer.Option("--calls", min=0, max=MOST, help="Budget of a client: tool calls.")
    ] = 500,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, callback=finite, help="Budget of a client: seconds of looking [no limit]."),
    ] = None,
    size: Annotated[int, typer.Option("--size", min=64, help="Longest side of a picture in pixels.")] = 768,
    add: Annotated[
        list[Path] | None,
        typer.Option("--add", help="Let clients add videos that lie below this folder; repeat [default: none]."),
    ] = None,
    add_urls: Annotated[
        list[str] | None,
        typer.Option(
            "--add-urls",
            help="Let clients have videos downloaded from this HOST or HOST:PORT, or public: from any address of the "
            "internet, never of this machine or its network; repeat [default: none].",
        ),
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="The model that decides in the tool ask: as for rewatch ask.")
    ] = "heuristic",
) -> None:
    """Serve the tools over a memory to an MCP client, such as an editor or a chat program.

    For most clients: {"mcpServers": {"rewatch": {"command": "rewatch", "args": ["mcp", "--memory", "FOLDER"]}}}
    """
    if importlib.util.find_spec("mcp") is None:
        raise CapabilityError("rewatch mcp needs the package mcp: pip install 'rewatch[mcp]'.")
    from ..memory.files.sources import Sources
    from ..tools import BUILT_IN, VLM_TOOLS, Budget, Toolbox
    from ..tools.mcp.server import MemoryServer
    from .settings.plugins import own_tools

    console = Console(stderr=True)
    sources = Sources.of(add or (), add_urls or ())
    built_in = [*BUILT_IN, *(VLM_TOOLS if viewer else ())]
    with own_tools(built_in, tools, (), console) as plugged:
        others = [tool for group in plugged for tool in group.tools]
        offered = [*built_in, *others]
        seeing = _viewer(viewer) if viewer else None
        toolbox = Toolbox(offered, viewer=seeing, cites=True)
        clip_memory = _open(memory_folder(memory), detector)
        budget = Budget(frames=frames, calls=calls, seconds=seconds)
        asking = _Agent(clip_memory, policy=policy, viewer=seeing, tools=others, approved=approve or ())
        served = MemoryServer(
            clip_memory, toolbox, budget=budget, size=size, approved=approve or (), sources=sources, asking=asking
        )
        what = f"{len(offered)} tools over {len(clip_memory.videos())} videos of {clip_memory.folder}"
        served.queue.start()
        try:
            if http is None:
                console.print(Text(f"serving {what} on standard input and output", style="dim"))
                asyncio.run(_over_pipes(served.build()))
            else:
                _over_http(served.build(), *_address(http), what, console)
        finally:
            served.queue.close()


def _viewer(name: str) -> Viewer:
    from ..agent.models.registry import load_policy
    from ..agent.models.viewer import ChatViewer

    return ChatViewer(load_policy(name))


class _Agent:
    """The agent behind the tool `ask`, made when it is first asked: importing it takes a second."""

    def __init__(
        self, memory: ClipMemory, *, policy: str, viewer: Any, tools: Sequence[Any], approved: Sequence[str]
    ) -> None:
        self._memory = memory
        self._policy = policy
        self._viewer = viewer
        self._tools = tools
        self._approved = approved
        self._making = threading.Lock()

    @cached_property
    def _agent(self) -> VideoAgent:
        from ..agent import VideoAgent
        from .settings.plugins import allowing

        return VideoAgent(
            self._memory,
            policy=self._policy,
            viewer=self._viewer,
            tools=self._tools,
            registered=False,  # they are among the plugged ones
            traces=runs_folder(self._memory.folder) if os.access(self._memory.folder, os.W_OK) else None,
            approve=allowing(self._approved),
        )

    def __call__(
        self,
        question: str,
        *,
        videos: Sequence[str],
        options: Sequence[str] | None,
        now: str | None,
        history: Sequence[Mapping[str, Any]],
        left: Mapping[str, float],
        listener: Callable[[dict[str, Any]], None],
    ) -> dict[str, Any]:
        from ..agent import Answer
        from ..tools import Budget

        with self._making:
            agent = self._agent
        usual = agent.budget.as_dict()
        limits = {name: min(limit, left.get(name, limit)) for name, limit in usual.items() if limit is not None}
        budget = Budget.from_dict({**usual, **limits})
        answer = agent.ask(
            question,
            videos=videos,
            options=options,
            now=now,
            history=[Answer.from_dict(one) for one in history],
            patience=PARTS,
            budget=budget,
            listener=listener,
        )
        return answer.as_dict()


def _open(folder: Path, detector: str | None) -> ClipMemory:
    """The memory to read from; an empty one is made, so that a client may be set up before the first video is there."""
    try:
        return ClipMemory(folder, detector=detector, read_only=True)
    except MemoryFolderError:
        with contextlib.suppress(OSError):  # a folder that cannot be read is none to begin in
            if not folder.exists() or all(name.startswith(DATABASE) for name in os.listdir(folder)):
                return ClipMemory(folder, detector=detector)
        raise


async def _over_pipes(server: Any) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.removeprefix("http://").rstrip("/").rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(f"--http {text!r}: write a port, or HOST:PORT.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _over_http(server: Any, host: str, port: int, what: str, console: Console) -> None:
    from ..server.http import CONNECTIONS, http_server, listening_at, require_key, with_key
    from ..tools.mcp.accounts import CLIENTS

    token = os.environ.get(TOKEN, "")
    require_key(host, token, TOKEN)
    app: Any = server.streamable_http_app(host=host, max_sessions=CLIENTS, max_request_body_size=REQUEST)
    listening, address = listening_at(host, port)
    console.print(Text(f"serving {what} at {address}/mcp"), soft_wrap=True)
    guarded = with_key(app, token, _refusal) if token else app
    http_server(guarded, arrival=ARRIVAL, limit_concurrency=CONNECTIONS).run(sockets=[listening])


def _refusal(status: int, why: str) -> tuple[bytes, bytes]:
    return f"{why}\n".encode(), b"text/plain; charset=utf-8"
