"""Tools of MCP servers: sessions that stay open from `with` to its end, each tool a LangChain tool."""

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
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from ...memory import CapabilityError
from ..errors import ToolError
from ..observation import Observation
from ..plugins.content import observation_of
from ..sanitize import defuse, named
from ..schemas import LONGEST_DESCRIPTION, clean_schema, cut
from .config import McpServer, read_servers

if TYPE_CHECKING:
    from mcp import Client

START_SECONDS = 30.0
"""How long a server may take to start and to name its tools."""
MAX_TOOLS = 128
"""Tools that are taken of one server; each costs a policy the tokens of its schema."""
_RESTARTS = 2  # of one server while it is open; one that dies at every call is left alone


class McpTool(BaseTool):
    """A tool of an MCP server."""

    server: str
    remote_name: str
    """Its name at the server."""
    own_names: dict[str, str] = {}
    """What the server calls its arguments, for those that a policy knows under another name."""
    timeout: float = 60.0
    """Seconds after which a call is given up."""
    cacheable: bool = False
    """A server may answer the same call in another way the next time."""
    _session: _Session = PrivateAttr()

    def _run(self, **arguments: Any) -> Observation:
        seen: Observation = self._session.submit(self._session.call(self, arguments)).result()
        return seen

    async def _arun(self, **arguments: Any) -> Observation:
        seen: Observation = await asyncio.wrap_future(self._session.submit(self._session.call(self, arguments)))
        return seen

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
        """One line for each server that could not be had."""
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
        """The tools of one server; none if it could not be had."""
        return self._tools.get(server.name, [])

    def __enter__(self) -> Self:
        if not self.servers:
            return self
        _be_quiet()
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
                self._tools[session.server.name] = [_as_tool(row, session, self._timeout) for row in session.listed]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        self._start_seconds = start_seconds
        self.listed: list[Any] = []
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
        """The last that a command wrote to its standard error, for messages."""

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine on the loop of the servers."""
        if self.is_over or not self._loop.is_running():
            work.close()
            raise ToolError(f"The MCP server {self.server.name} is closed: use another tool.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def open(self) -> None:
        """Connect and list the tools.

        Raises:
            ToolError: if that fails or takes too long; one line that says why.
        """
        ready: asyncio.Future[None] = self._loop.create_future()
        self._leave = asyncio.Event()
        self._task = asyncio.create_task(self._hold(ready))
        try:
            await asyncio.wait_for(asyncio.shield(ready), self._start_seconds)
        except TimeoutError:
            await self.close()
            raise ToolError(
                f"{self._named()} did not answer within {self._start_seconds:g} s{self._last_words()}."
            ) from None
        except Exception as error:
            await self.close()
            raise ToolError(f"{self._named()} cannot be used: {_said(error)}{self._last_words()}.") from None

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
        """One call.

        Raises:
            ToolError: if the server is gone, breaks the protocol, or takes too long.
        """
        client = await self._alive()
        given = {tool.own_names.get(name, name): value for name, value in arguments.items()}
        try:
            result = await client.call_tool(tool.remote_name, given, read_timeout_seconds=tool.timeout)
        except Exception as error:
            if _is_closed(error):
                await self.close()  # which also brings its last words
                told = f"ended during the call{self._last_words()}"
            else:
                told = f"failed: {_said(error)}"
            raise ToolError(f"{self._named()} {told}. Try other arguments, or another tool.") from None
        return _observed(result, tool.name)

    async def _alive(self) -> Client:
        async with self._opening:
            if self._client is None or self._task is None or self._task.done():
                if self._restarts >= _RESTARTS:
                    raise ToolError(f"{self._named()} has ended {self._restarts + 1} times: use another tool.")
                self._restarts += 1
                await self.close()
                await self.open()
            assert self._client is not None
            return self._client

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._connect(stack))
                self.listed = await _all_tools(client)
                self._client = client
                self._entered = True
                if not ready.done():
                    ready.set_result(None)
                await self._leave.wait()
        except BaseException as error:
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

    def _named(self) -> str:
        return f"The MCP server {self.server.name}"

    def _last_words(self) -> str:
        return f" (its last line: {defuse(self._last_line)[:200]})" if self._last_line else ""

    def _remember(self, errors: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError):
            errors.seek(max(errors.seek(0, 2) - 2000, 0))
            lines = [line.strip() for line in errors.read().splitlines() if line.strip()]
            self._last_line = lines[-1] if lines else ""


async def _all_tools(client: Client) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while len(found) < MAX_TOOLS:
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found[:MAX_TOOLS]


def _as_tool(row: Any, session: _Session, timeout: float) -> McpTool:
    """What a server says of its tool reaches a policy as instructions would: it is defused, and cut."""
    schema, own_names = clean_schema(row.input_schema)
    name = named(row.name)
    description = cut(defuse(row.description or row.title or "") or name, LONGEST_DESCRIPTION)
    made = McpTool(
        name=name,
        remote_name=row.name,
        own_names=own_names,
        description=description,
        args_schema={"title": name, "description": description, **schema},
        server=session.server.name,
        timeout=timeout,
        metadata={"origin": session.server.origin},
    )
    made._session = session
    return made


def _observed(result: Any, name: str) -> Observation:
    blocks = [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in result.content]
    structured = result.structured_content
    if not blocks and structured is not None:
        return observation_of(structured, structured, error=result.is_error)
    seen = observation_of(blocks, structured, error=result.is_error) if blocks else Observation(text="(nothing)")
    if not result.is_error:
        return seen
    return Observation(text=f"{name}: {seen.text}\nTry other arguments, or another tool.", data=seen.data, error=True)


def _said(error: BaseException) -> str:
    """What went wrong, on one line; of a group of errors, the first that says something."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    text = " ".join(defuse(str(error)).split()).rstrip(".")[:300]
    return text or type(error).__name__


def _is_closed(error: BaseException) -> bool:
    """Whether the connection is gone, by what the SDK raises for that."""
    from mcp_types import CONNECTION_CLOSED

    kinds = ("ClosedResourceError", "BrokenResourceError", "EndOfStream")
    return getattr(error, "code", None) == CONNECTION_CLOSED or type(error).__name__ in kinds


def _be_quiet() -> None:
    """Without a handler of the program's own, Python would print what the SDK logs about a server between our lines."""
    logger = logging.getLogger("mcp")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
