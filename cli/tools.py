"""`rewatch tools`: the tools that the agent has."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.text import Text

from .options import Json


def tools(as_json: Json = False) -> None:
    """List the tools, what they take, and what they work better with."""
    from langchain_core.utils.function_calling import convert_to_openai_tool

    from ..tools import BUILT_IN

    schemas = [convert_to_openai_tool(tool)["function"] for tool in BUILT_IN]
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "tools": schemas}, ensure_ascii=False) + "\n")
        return
    console = Console()
    for tool, schema in zip(BUILT_IN, schemas, strict=True):
        parameters = schema["parameters"]
        required = parameters.get("required", [])
        names = [name if name in required else f"{name}?" for name in parameters["properties"]]
        console.print(Text(f"{tool.name}({', '.join(names)})", style="bold"))
        console.print(Text(f"  {schema['description'].splitlines()[0]}"))
        for name, row in parameters["properties"].items():
            console.print(Text(f"    {name:<8} {row.get('description', '')}", style="dim"))
        if tool.needs:
            console.print(Text(f"  better with {tool.needs}", style="yellow"))
