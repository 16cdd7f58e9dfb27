"""`rewatch mcp`: the tools over a memory, served to any MCP client."""

from __future__ import annotations

import asyncio
import hmac
import importlib.util
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ..memory import CapabilityError, ClipMemory, MemoryFolderError
from .settings.options import MOST, Approve, Detector, Memory, OwnTools, finite
from .settings.places import memory_folder
from .terminal.output import Console

TOKEN = "REWATCH_MCP_TOKEN"  # noqa: S105 - the name of a variable
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
REQUEST = 1 << 20
CONNECTIONS = 256
"""Connections that are open at once; uvicorn answers 503 to more."""
_Asgi = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]


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
) -> None:
    """Serve the tools over a memory to an MCP client, such as an editor or a chat program.

    For most clients: {"mcpServers": {"rewatch": {"command": "rewatch", "args": ["mcp", "--memory", "FOLDER"]}}}
    """
    if importlib.util.find_spec("mcp") is None:
        raise CapabilityError("rewatch mcp needs the package mcp: pip install 'rewatch[mcp]'.")
    from ..agent.models.registry import load_policy
    from ..agent.models.viewer import ChatViewer
    from ..tools import BUILT_IN, VLM_TOOLS, Budget, Toolbox
    from ..tools.mcp.server import MemoryServer
    from .settings.plugins import own_tools

    console = Console(stderr=True)
    built_in = [*BUILT_IN, *(VLM_TOOLS if viewer else ())]
    with own_tools(built_in, tools, (), console) as plugged:
        offered = [*built_in, *(tool for group in plugged for tool in group.tools)]
        seeing = ChatViewer(load_policy(viewer)) if viewer else None
        toolbox = Toolbox(offered, viewer=seeing, cites=True)
        clip_memory = _open(memory_folder(memory), detector)
        budget = Budget(frames=frames, calls=calls, seconds=seconds)
        served = MemoryServer(clip_memory, toolbox, budget=budget, size=size, approved=approve or ())
        what = f"{len(offered)} tools over {len(clip_memory.videos())} videos of {clip_memory.folder}"
        if http is None:
            console.print(Text(f"serving {what} on standard input and output", style="dim"))
            asyncio.run(_over_pipes(served.build()))
        else:
            _over_http(served.build(), *_address(http), what, console)


def _open(folder: Path, detector: str | None) -> ClipMemory:
    """The memory to read from; an empty one is made, so that a client may be set up before the first video is there."""
    try:
        return ClipMemory(folder, detector=detector, read_only=True)
    except MemoryFolderError:
        if folder.exists():
            raise
        return ClipMemory(folder, detector=detector)


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
    import uvicorn

    from ..tools.mcp.server import CLIENTS

    token = os.environ.get(TOKEN, "")
    if host not in _LOOPBACK and not token:
        raise typer.BadParameter(
            f"--http {host}: whoever reaches this address could watch the videos; set {TOKEN}, which clients then send "
            "as Authorization: Bearer, or serve on 127.0.0.1."
        )
    app: Any = server.streamable_http_app(host=host, max_sessions=CLIENTS, max_request_body_size=REQUEST)
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # a client that reads the address below may connect at once
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no address"
        raise CapabilityError(f"--http {host}:{port} cannot be used: {why}; give another port.") from None
    authority = f"[{host}]" if ":" in host else host
    address = f"http://{authority}:{listening.getsockname()[1]}/mcp"
    console.print(Text(f"serving {what} at {address}"), soft_wrap=True)
    guarded = with_token(app, token) if token else app
    # Addresses are those of the connections: one that a header claims would be a budget of its own.
    settings = uvicorn.Config(
        guarded, log_level="warning", lifespan="on", limit_concurrency=CONNECTIONS, proxy_headers=False, ws="none"
    )
    uvicorn.Server(settings).run(sockets=[listening])


def with_token(app: _Asgi, token: str) -> _Asgi:
    """The application, for those who bring the token."""

    async def guarded(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            if not hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {token}".encode()):
                await send(
                    {"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Bearer")]}
                )
                await send({"type": "http.response.body", "body": b"give Authorization: Bearer TOKEN\n"})
                return
        await app(scope, receive, send)

    return guarded
