"""Tools from elsewhere beside our own: each under a name that is free and that models can write."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from langchain_core.tools import BaseTool

from ..mcp.client import McpTool
from ..tool import as_tool
from .loading import registered_tools

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")  # OpenAI's API takes 64 of the others


def with_free_names(taken: Iterable[str], tools: Iterable[BaseTool], prefix: str) -> list[BaseTool]:
    """The tools under names that every server of models takes, with `prefix` where one is among `taken`."""
    names = set(taken)
    renamed = []
    for item in tools:
        name = _writable(item.name)
        if name in names:
            stem = _NOT_IN_NAMES.sub("_", prefix).strip("_") or "own"
            numbers = ("", *(f"_{k}" for k in range(2, 1000)))
            name = next(n for k in numbers if (n := f"{stem}_{name}"[: 64 - len(k)] + k) not in names)
        names.add(name)
        renamed.append(_named(item, name))
    return renamed


def plugin_tools(
    present: Iterable[BaseTool], tools: Iterable[BaseTool | Callable[..., Any]], *, registered: bool
) -> list[BaseTool]:
    """The tools that somebody brings, each under a name that is free.

    Tools of MCP servers and of installed packages get out of the way of others; one's own are to be renamed.

    Args:
        present: the tools that are there already, whether they are offered or not.
        tools: LangChain tools, or functions with types and a docstring.
        registered: whether to add what installed packages register; what is broken there is a warning.

    Raises:
        ValueError: if a tool of one's own has the name of one that is there.
        TypeError: if one is no tool.
    """
    items, ours = list(map(as_tool, tools)), list(present)
    plugins: list[BaseTool] = []
    for item in items:
        if not isinstance(item, McpTool):
            item = _named(item, _writable(item.name))
            clash = any(item.name == one.name for one in (*ours, *plugins))
            if clash and not any(item is one for one in ours):  # an inner tool may be offered
                raise ValueError(f"There is a tool {item.name!r} already; rename yours: @tool(name=...).")
            plugins.append(item)
    groups, broken = registered_tools() if registered else ([], [])
    for line in broken:
        warnings.warn(line, stacklevel=3)
    servers = [(item.server, [item]) for item in items if isinstance(item, McpTool)]
    for prefix, group in (*servers, *((group.prefix, group.tools) for group in groups)):
        plugins += with_free_names((one.name for one in (*ours, *plugins)), group, prefix)
    return plugins


def _writable(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).strip("_")[:64] or "tool"


def _named(item: BaseTool, name: str) -> BaseTool:
    return item if name == item.name else item.model_copy(update={"name": name})
