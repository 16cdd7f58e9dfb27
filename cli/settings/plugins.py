"""Tools beside the built-in ones, as a command line names them: files, modules, installed packages, MCP servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.text import Text

from ...memory import CapabilityError
from ..terminal.output import Console


def allowing(allowed: Iterable[str] | None) -> Callable[[dict[str, Any]], bool]:
    """Allows calls of the tools that are named (`all`: of any) and refuses others: where nobody can be asked."""
    named = set(allowed or ())
    return lambda call: bool(named & {"all", call["tool"]})


def asking(allowed: Iterable[str] | None, console: Console) -> Callable[[dict[str, Any]], bool]:
    """Asks the person at the terminal about a call, unless its tool is allowed; without a terminal it is refused."""
    is_allowed = allowing(allowed)

    def ask(call: dict[str, Any]) -> bool:
        name = call["tool"]
        if is_allowed(call):
            return True
        pairs = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in call["arguments"].items())
        call_text = f"{name}({pairs[:500]})"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            console.print(Text(f"refused  {call_text}: it asks first; allow it with --approve {name}"))
            return False
        console.print(Text(f"allow  {call_text}? [y/N] ", style="bold"), end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def kinds(named: Iterable[str] | None) -> tuple[str, ...]:
    """Return what `--isolate` means: the kinds that run in a process of their own in any case, and what is named."""
    from ...tools import ISOLATED

    words = tuple(named or ())
    return (*(("marked",) if "none" in words else ISOLATED), *(word for word in words if word != "none"))


@contextmanager
def own_tools(
    existing: Iterable[Any], named: Iterable[str] | None, servers: Iterable[str] | None, console: Console
) -> Iterator[list[Any]]:
    """Yield the `ToolGroup`s that are named, under names that none of `existing` has; servers are open meanwhile.

    What cannot be had is named in a line and left out, but for what `--tools` names: that is wrong usage.
    """
    from ...tools import INTERNAL_TOOLS, VLM_TOOLS
    from ...tools.mcp.client import McpServers
    from ...tools.plugins.loading import ToolGroup, load_tools, registered_tools
    from ...tools.plugins.naming import with_free_names

    taken = {tool.name for tool in (*existing, *INTERNAL_TOOLS, *VLM_TOOLS)}
    groups: list[ToolGroup] = []

    def take(group: ToolGroup) -> None:
        tools = tuple(with_free_names(taken, group.tools, group.prefix))
        taken.update(tool.name for tool in tools)
        groups.append(ToolGroup(origin=group.origin, prefix=group.prefix, tools=tools))

    for name in named or ():
        try:
            take(load_tools(name))
        except CapabilityError as error:
            raise typer.BadParameter(str(error)) from None
    registered, broken = registered_tools()
    for group in registered:
        take(group)
    with McpServers(servers or ()) as opened:
        for server in opened.servers:
            if opened.of(server):
                take(ToolGroup(origin=server.origin, prefix=server.name, tools=tuple(opened.of(server))))
        for line in (*broken, *opened.failures):
            console.print(Text(f"warning  {line}", style="yellow"), soft_wrap=True)
        yield groups
