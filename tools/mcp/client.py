"""Tools of MCP servers as LangChain tools; the sessions stay open from `with` to its end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import tempfile
import threading
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from ...memory import CapabilityError
from ..errors import ToolError, always_passes
from ..observation import Observation
from ..plugins.content import observation_of
from ..sanitize import defuse, named
from ..schemas import LONGEST_DESCRIPTION, clean_schema, cut
from .config import McpServer, read_servers

if TYPE_CHECKING:
    from mcp import Client

START_SECONDS = 30.0
"""Seconds that a server may take to start and to list its tools."""
MAX_TOOLS = 128
"""Tools of one server at most; each costs a policy the tokens of its schema."""
_RESTARTS = 2  # of one server while it is open; one that dies at every call is left alone


class McpTool(BaseTool):
    """A tool of an MCP server."""

    server: str
    remote_name: str
    own_names: dict[str, str] = {}
    """The server's own names of the arguments that a policy knows under another name."""
    timeout: float = 60.0
    """Seconds after which a call is given up."""
    cacheable: bool = False
    """A server may answer the same call in another way the next time."""
    _session: _Session = PrivateAttr()

    def _run(self, **arguments: Any) -> Observation:
        observation: Observation = self._session.submit(self._session.call(self, arguments)).result()
        return observation

    async def _arun(self, **arguments: Any) -> Observation:
        call = self._session.submit(self._session.call(self, arguments))
        observation: Observation = await asyncio.wrap_future(call)
        return observation

    def _to_args_and_kwargs(self, tool_input: Any, tool_call_id: str | None) -> tuple[tuple[()], dict[str, Any]]:
        # a server's argument may have any name, so none of LangChain's own handling of names applies
        return (), dict(tool_input) if isinstance(tool_input, Mapping) else {}


class McpServers:
    """Connections to MCP servers, kept open between entering and leaving.

    A server that cannot be started or reached is named in `failures` and left out. One that ends later is started
    again at the next call. All run on one event loop in a thread of its own, so their tools can be called from any.

    Args:
        servers: commands, addresses, JSON files in the `mcpServers` form, or `McpServer`s.
        timeout: seconds after which a call is given up.
        start_seconds: seconds that a server has for its start.

    Raises:
        CapabilityError: if what is given names no server, or the package `mcp` is not installed.
    """

    def __init__(
        self,
        servers: Iterable[str | Path | McpServer],
        *,
        timeout: float = 60.0,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.servers = read_servers(servers)
        if self.servers and importlib.util.find_spec("mcp") is None:
            raise CapabilityError("MCP servers need the package mcp: pip install 'rewatch[mcp]'.")
        self.failures: list[str] = []
        """One line for each server that could not be started or reached."""
        self._timeout = timeout
        self._start_seconds = start_seconds
        self._sessions: list[_Session] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tools: dict[str, list[McpTool]] = {}

    @property
    def tools(self) -> list[McpTool]:
        """The tools of all servers, in the order of these."""
        return [tool for tools in self._tools.values() for tool in tools]

    def of(self, server: McpServer) -> list[McpTool]:
        """The tools of one server; none if it could not be started or reached."""
        return self._tools.get(server.name, [])

    def __enter__(self) -> Self:
        if not self.servers:
            return self
        if not (logger := logging.getLogger("mcp")).handlers:
            logger.addHandler(logging.NullHandler())  # what the SDK logs of a server is not printed
        self._loop = loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="mcp", daemon=True).start()
        self._sessions = [_Session(server, loop, self._start_seconds) for server in self.servers]
        opened = [session.submit(session.open()) for session in self._sessions]
        for session, future in zip(self._sessions, opened, strict=True):
            try:
                future.result()
            except ToolError as error:
                self.failures.append(str(error))
            else:
                self._tools[session.server.name] = [_as_tool(row, session, self._timeout) for row in session.rows]
        return self

    def __exit__(self, *error: object) -> None:
        if self._loop is None:
            return
        closing = [session.submit(session.close()) for session in self._sessions]
        for future in closing:
            with contextlib.suppress(Exception):
                future.result(timeout=10)
        for session in self._sessions:
            session.is_over = True  # the loop still runs for a moment, and takes work that it will never do
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop = None


class _Session:
    """One server. Its task enters the client's context and leaves it, as the SDK wants the two in one task."""

    def __init__(self, server: McpServer, loop: asyncio.AbstractEventLoop, start_seconds: float) -> None:
        self.server = server
        self._name = f"The MCP server {server.name}"
        self._start_seconds = start_seconds
        self.rows: list[Any] = []
        """`mcp_types.Tool`s."""
        self.is_over = False
        self._loop = loop
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._restarts = 0
        self._opening = asyncio.Lock()
        self._entered = False
        self._last_line = ""
        """The last line that a command wrote to its standard error, for messages."""

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        if self.is_over or not self._loop.is_running():
            work.close()
            raise ToolError(f"{self._name} is closed: use another tool.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def open(self) -> None:
        """Connect and list the tools."""
        ready: asyncio.Future[None] = self._loop.create_future()
        self._leave = asyncio.Event()
        self._task = asyncio.create_task(self._hold(ready))
        try:
            await asyncio.wait_for(asyncio.shield(ready), self._start_seconds)
        except Exception as error:  # of the SDK and its transports, whose exceptions are documented nowhere
            await self.close()
            reason = f"cannot be used: {_one_line(error)}"
            if isinstance(error, TimeoutError):
                reason = f"did not answer within {self._start_seconds:g} s"
            raise ToolError(f"{self._name} {reason}{self._last_words()}.") from None

    async def close(self) -> None:
        """End the session; a process that does not end by itself is ended."""
        self._client = None
        self._leave.set()
        task, self._task = self._task, None
        if task is not None:
            if not self._entered:
                task.cancel()
            done, _ = await asyncio.wait([task], timeout=8)
            if not done:
                task.cancel()
                await asyncio.wait([task], timeout=2)

    async def call(self, tool: McpTool, arguments: dict[str, Any]) -> Observation:
        client = await self._alive()
        own_arguments = {tool.own_names.get(name, name): value for name, value in arguments.items()}
        try:
            result = await client.call_tool(tool.remote_name, own_arguments, read_timeout_seconds=tool.timeout)
        except Exception as error:  # of the SDK and its transports, whose exceptions are documented nowhere
            if always_passes(error):
                raise
            reason = f"failed: {_one_line(error)}"
            if _is_closed(error):
                await self.close()  # which also reads its last line
                reason = f"ended during the call{self._last_words()}"
            raise ToolError(f"{self._name} {reason}. Try other arguments, or another tool.") from None
        return _observation(result, tool.name)

    async def _alive(self) -> Client:
        async with self._opening:
            if self._client is None or self._task is None or self._task.done():
                if self._restarts >= _RESTARTS:
                    raise ToolError(f"{self._name} has ended {self._restarts + 1} times: use another tool.")
                self._restarts += 1
                await self.close()
                await self.open()
            assert self._client is not None
            return self._client

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._connect(stack))
                self.rows = await _all_tools(client)
                self._client = client
                self._entered = True
                if not ready.done():
                    ready.set_result(None)
                await self._leave.wait()
        except BaseException as error:  # whatever ends the session, nobody may be left waiting for its start
            if not ready.done():
                ready.set_exception(error if isinstance(error, Exception) else ConnectionError("it was stopped"))
                ready.exception()  # nobody may be waiting any more
            elif isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._client = None
            self._entered = False

    async def _connect(self, stack: AsyncExitStack) -> Client:
        from mcp import Client, StdioServerParameters, stdio_client

        server = self.server
        if server.url is not None:
            from mcp.client.streamable_http import streamable_http_client
            from mcp.shared._httpx_utils import create_mcp_http_client

            if not server.headers:
                return Client(server.url)
            http = await stack.enter_async_context(create_mcp_http_client(headers=dict(server.headers)))
            return Client(streamable_http_client(server.url, http_client=http))
        errors = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
        stack.callback(self._remember, errors)
        command, *arguments = server.command
        parameters = StdioServerParameters(
            command=command,
            args=arguments,
            env=dict(server.env),
            cwd=server.folder,
            encoding_error_handler="replace",
        )
        return Client(stdio_client(parameters, errlog=errors))

    def _last_words(self) -> str:
        return f" (its last line: {defuse(self._last_line)[:200]})" if self._last_line else ""

    def _remember(self, errors: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError):
            errors.seek(max(errors.seek(0, 2) - 2000, 0))
            lines = [line.strip() for line in errors.read().splitlines() if line.strip()]
            self._last_line = lines[-1] if lines else ""


async def _all_tools(client: Client) -> list[Any]:
    rows: list[Any] = []
    cursor = None
    while len(rows) < MAX_TOOLS:
        page = await client.list_tools(cursor=cursor)
        rows += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return rows[:MAX_TOOLS]


def _as_tool(row: Any, session: _Session, timeout: float) -> McpTool:
    """Make a tool of what a server says of it, defused and cut: it reaches a policy as instructions would."""
    schema, own_names = clean_schema(row.input_schema)
    name = named(row.name)
    description = cut(defuse(row.description or row.title or "") or name, LONGEST_DESCRIPTION)
    item = McpTool(
        name=name,
        remote_name=row.name,
        own_names=own_names,
        description=description,
        args_schema={"title": name, "description": description, **schema},
        server=session.server.name,
        timeout=timeout,
        metadata={"origin": session.server.origin},
    )
    item._session = session
    return item


def _observation(result: Any, name: str) -> Observation:
    blocks = [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in result.content]
    structured = result.structured_content
    if not blocks and structured is not None:
        return observation_of(structured, structured, error=result.is_error)
    found = observation_of(blocks, structured, error=result.is_error) if blocks else Observation(text="(nothing)")
    if not result.is_error:
        return found
    text = f"{name}: {found.text}\nTry other arguments, or another tool."
    return Observation(text=text, data=found.data, error=True)


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    text = " ".join(defuse(str(error)).split()).rstrip(".")[:300]
    return text or type(error).__name__


def _is_closed(error: BaseException) -> bool:
    """Return whether an error of the SDK means that the connection is gone."""
    from mcp_types import CONNECTION_CLOSED

    kinds = ("ClosedResourceError", "BrokenResourceError", "EndOfStream")
    return getattr(error, "code", None) == CONNECTION_CLOSED or type(error).__name__ in kinds
