"""`rewatch tools`: the tools that the agent has, and trying one."""

from __future__ import annotations

from typing import Any

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .settings.options import Json, Mcp, OwnTools
from .terminal.output import Console, write_json
from .try_tool import try_tool

app = typer.Typer(help="List the tools; try one on a video.", no_args_is_help=False, rich_markup_mode=None)
app.command("try")(try_tool)


@app.callback(invoke_without_command=True)
def tools(context: typer.Context, own: OwnTools = None, mcp: Mcp = None, as_json: Json = False) -> None:
    """List the tools: what they take, what they work better with, and where they are from.

    `rewatch tools try NAME --video FILE key=value …` runs one.
    """
    if context.invoked_subcommand:
        return
    from ..tools import BUILT_IN, VLM_TOOLS
    from .settings.plugins import own_tools

    built_in = [*BUILT_IN, *VLM_TOOLS]
    with own_tools(built_in, own, mcp, Console(stderr=True)) as plugged:
        rows = [_row(tool, "built in") for tool in built_in]
        rows += [_row(tool, group.origin) for group in plugged for tool in group.tools]
    if as_json:
        write_json({"schema": 1, "tools": rows})
        return
    console = Console()
    for origin in dict.fromkeys(row["origin"] for row in rows):
        console.print(Text(origin, style="cyan"))
        for row in rows:
            if row["origin"] == origin:
                _show(console, row)


def _row(tool: Any, origin: str) -> dict[str, Any]:
    """Return what `--json` says of a tool: the schema that a policy gets, and how the toolbox runs it."""
    from ..tools import ISOLATED, VLM_TOOLS, VideoTool
    from ..tools.sandbox.choice import to_isolate
    from ..tools.schemas import function_schema

    function = function_schema(tool)["function"]
    function.setdefault("parameters", {"type": "object", "properties": {}})
    looks = isinstance(tool, VideoTool) and tool.context_parameter is not None
    return {
        **function,
        "origin": origin,
        "looks_into_video": looks,
        "needs": getattr(tool, "needs", None),
        "needed": tool in VLM_TOOLS,
        "timeout": getattr(tool, "timeout", None),
        "isolated": tool.name in to_isolate({tool.name: tool}, frozenset(ISOLATED)),
        **{key: bool(getattr(tool, key, False)) for key in ("cacheable", "approval", "retry")},
    }


def _show(console: Console, row: dict[str, Any]) -> None:
    properties = row["parameters"].get("properties", {})
    required = row["parameters"].get("required", [])
    names = ", ".join(name if name in required else f"{name}?" for name in properties)
    console.print(Padding(Text(f"{row['name']}({names})", style="bold"), (0, 0, 0, 2)))
    first = (row["description"].splitlines() or [""])[0]
    console.print(Padding(Text(first), (0, 0, 0, 4)))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, schema in properties.items():
        text = " ".join(str(schema.get("description") or schema.get("type") or "").split())
        table.add_row(Text(name), Text(text, style="dim"))
    if properties:
        console.print(Padding(table, (0, 0, 0, 6)))
    facts = [f"{'needs' if row['needed'] else 'better with'} {row['needs']}" if row["needs"] else ""]
    facts += ["asks before it runs" if row["approval"] else "", "in a process of its own" if row["isolated"] else ""]
    text = "; ".join(fact for fact in facts if fact)
    if text:
        console.print(Padding(Text(text, style="yellow"), (0, 0, 0, 6)))
