"""Tools from elsewhere beside our own: each under a name that is free and that models can write."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from langchain_core.tools import BaseTool

from ..mcp.client import McpTool
from ..tool import as_tool
from .entry_points import registered_tools

_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def plug(held: Iterable[str], tools: Iterable[BaseTool], prefix: str) -> list[BaseTool]:
    """The tools under names that every server of models takes, and that none of `held` has: else with `prefix`."""
    taken = set(held)
    named = []
    for item in tools:
        name = _NAME.sub("_", item.name).strip("_")[:64] or "tool"
        if name in taken:
            stem = _NAME.sub("_", prefix).strip("_") or "own"
            numbers = ("", *(f"_{k}" for k in range(2, 1000)))
            name = next(n for k in numbers if (n := f"{stem}_{name}"[: 64 - len(k)] + k) not in taken)
        taken.add(name)
        named.append(item if name == item.name else item.model_copy(update={"name": name}))
    return named


def plug_all(
    held: Iterable[BaseTool], tools: Iterable[BaseTool | Callable[..., Any]], *, registered: bool
) -> list[BaseTool]:
    """The tools that somebody brings, each under a name that is free.

    Tools of MCP servers and of installed packages get out of the way of others; one's own are to be renamed.

    Args:
        held: the tools that are there already, whether they are offered or not.
        tools: LangChain tools, or functions with types and a docstring.
        registered: whether to add what installed packages register; what is broken there is a warning.

    Raises:
        ValueError: if a tool of one's own has the name of one that is there.
        TypeError: if one is no tool.
    """
    given, known = list(map(as_tool, tools)), list(held)
    taken = {item.name for item in known}
    own: list[BaseTool] = []
    for item in given:
        if not isinstance(item, McpTool):
            name = _NAME.sub("_", item.name).strip("_")[:64] or "tool"
            item = item if name == item.name else item.model_copy(update={"name": name})
            if item.name in taken and not any(item is one for one in known):  # an inner tool may be offered
                raise ValueError(f"There is a tool {item.name!r} already; rename yours: @tool(name=...).")
            own.append(item)
            taken.add(item.name)
    for item in given:
        if isinstance(item, McpTool):
            own += plug(taken, [item], item.server)
            taken.add(own[-1].name)
    groups, broken = registered_tools() if registered else ([], [])
    for line in broken:
        warnings.warn(line, stacklevel=3)
    for group in groups:
        free = plug(taken, group.tools, group.prefix)
        taken.update(item.name for item in free)
        own += free
    return own
