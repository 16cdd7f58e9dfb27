"""Options that several verbs share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

MOST = 10**12
"""The largest number that limits anything; what is stored has 64 bits."""


def finite(value: float | None) -> float | None:
    """Refuses NaN and infinity, which a lower bound lets through."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number that can be counted to; write for example 3600.")
    return value


def _folder(text: str) -> Path:
    """A folder by its name; an empty one (`--memory "$UNSET"`) would be the current folder."""
    if not text.strip():
        raise typer.BadParameter("the name is empty: write a folder's, or leave --memory out.")
    return Path(text)


def _memory(usual: str) -> Any:
    """The option of a memory's folder."""
    return typer.Option("--memory", "-m", parser=_folder, metavar="<path>", help=f"Memory folder [default: {usual}].")


Memory = Annotated[Path | None, _memory("$REWATCH_MEMORY, else the user's data folder")]
RunMemory = Annotated[Path | None, _memory("one in the evaluation's folder")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Transcriber = Annotated[
    str | None,
    typer.Option(
        "--transcriber",
        help="Folder or name of a Whisper model (CTranslate2) that is on this disk [default: the best one found, else "
        "pocketsphinx].",
    ),
]
Detector = Annotated[
    str | None,
    typer.Option("--detector", help="Detector weights: a .pt or .onnx of a YOLO model, or its name (yolo11n)."),
]

Now = Annotated[
    str | None,
    typer.Option(
        "--now",
        help="Nothing after this time may be seen: seconds of the video (12.5, 1:30), or a moment of its timeline "
        "(2026-05-03T09:00, 'DAY2 08:30').",
    ),
]


OwnTools = Annotated[
    list[str] | None,
    typer.Option("--tools", help="Your own tools: path/to/file.py, file.py:name, module:name; repeat."),
]
Mcp = Annotated[
    list[str] | None,
    typer.Option(
        "--mcp", help='Tools of an MCP server: "python server.py", http://…, or a JSON file with mcpServers; repeat.'
    ),
]
Approve = Annotated[
    list[str] | None,
    typer.Option("--approve", help="A tool that may run without asking, where it would ask; repeat, or: all."),
]
Isolate = Annotated[
    list[str] | None,
    typer.Option(
        "--isolate",
        help="Run more tools in a process of their own, which may hang or crash: video (those that decode it), foreign "
        "(all that are not rewatch's), or a tool's name; repeat. Tools of others (--tools, packages, LangChain) do so "
        "anyway; none: leave them in this process.",
    ),
]
