"""`rewatch serve`: the agent, called as if it were a model."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..memory import CapabilityError
from ..memory.files.sources import Sources
from .settings.agent import agents, open_memory
from .settings.groups import AgentOptions, BudgetOptions, ToolOptions, grouped
from .settings.options import Detector, Memory, finite
from .settings.places import memory_folder
from .terminal.output import Console

KEY = "REWATCH_SERVE_KEY"
ARRIVAL = 130.0
"""Seconds after which a connection is closed on which no whole request has arrived."""
_GRACE = 5
"""Seconds that requests have to end by themselves once the server is to end."""
_IDLE = 75
"""Seconds that a connection stays open between requests: longer than clients keep theirs, which would meet its end."""


@grouped
def serve(
    memory: Memory = None,
    host: Annotated[
        str, typer.Option("--host", help=f"Address to serve at; any but this machine's own needs ${KEY}.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any that is free.")] = 8766,
    videos: Annotated[
        list[Path] | None,
        typer.Option("--videos", help="Let requests name videos that lie below this folder; repeat [default: none]."),
    ] = None,
    urls: Annotated[
        list[str] | None,
        typer.Option(
            "--urls",
            help="Let requests have videos downloaded from this HOST or HOST:PORT, or public: from any address of the "
            "internet, never of this machine or its network; repeat [default: none].",
        ),
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=256, help="Requests that run at once.")] = 4,
    waiting: Annotated[
        int, typer.Option("--waiting", min=0, max=1000, help="Requests that wait for that; more are refused.")
    ] = 64,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, callback=finite, help="Seconds that a request may take, indexing included."),
    ] = 600.0,
    keep: Annotated[
        float,
        typer.Option("--keep", min=0.01, callback=finite, help="GiB of videos that requests brought that are kept."),
    ] = 16.0,
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    tools: ToolOptions = ToolOptions(),  # noqa: B008
    detector: Detector = None,
) -> None:
    """Serve the agent as a model behind an OpenAI-compatible address, for harnesses and chat programs.

    The budget is the most that a request gets; it may ask for less.
    """
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise CapabilityError(f"rewatch serve needs {' and '.join(missing)}: pip install 'rewatch[serve]'.")
    from ..server.app import create_app
    from ..server.http import http_server, listening_at, require_key
    from ..server.videos import RequestVideos

    isolate = tools.isolate or []
    tools = replace(tools, isolate=isolate if "none" in isolate else [*isolate, "video"])  # videos come from anybody
    key = os.environ.get(KEY, "")
    require_key(host, key, KEY)
    sources = Sources.of(videos or (), urls or (), ("rewatch serve", "--videos", "--urls"))
    console = Console(stderr=True)
    clip_memory = open_memory(memory_folder(memory), detector, writable=False)
    settings = {"budget": limits.budget(), **deciding.arguments()}
    with agents(clip_memory, clip_memory.folder, tools, attended=False, **settings) as make:
        agent = make(deciding.policy)
        brought = RequestVideos(clip_memory, sources, kept=int(keep * 2**30))
        app = create_app(agent, brought, key=key, host=host, runs=parallel, waiting=waiting, seconds=timeout)
        listening, address = listening_at(host, port)
        what = f"{deciding.policy} over {len(clip_memory.videos())} videos of {clip_memory.folder}"
        console.print(Text(f"serving {what} at {address}/v1"), soft_wrap=True)
        server = http_server(app, arrival=ARRIVAL, graceful=_GRACE, timeout_keep_alive=_IDLE)
        server.run(sockets=[listening])
