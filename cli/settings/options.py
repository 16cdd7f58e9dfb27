"""Options that several verbs share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

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


Memory = Annotated[
    Path | None,
    typer.Option(
        "--memory",
        "-m",
        parser=_folder,
        metavar="<path>",
        help="Memory folder [default: $REWATCH_MEMORY, else the user's data folder].",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Channels = Annotated[
    str | None,
    typer.Option(
        "--channels", help="What to index, comma separated: visual, speech, screen_text, objects [default: all]."
    ),
]
Transcriber = Annotated[
    str | None,
    typer.Option(
        "--transcriber",
        help="Folder or name of a Whisper model (CTranslate2) that is on this disk [default: the best one found, else "
        "pocketsphinx].",
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        help="Code of the language that is spoken (en, de, es): such sound tracks and subtitles are taken first "
        "[default: told from the sound, if the model is a multilingual one].",
    ),
]
Audio = Annotated[
    str | None,
    typer.Option(
        "--audio", help="The sound track to take, of several: its number, from 1, or its language [default: told]."
    ),
]
SubtitleStream = Annotated[
    str | None,
    typer.Option(
        "--subtitle-stream",
        help="Take the words from this subtitle stream in the file: its number, from 1, or language.",
    ),
]
Detector = Annotated[
    str | None,
    typer.Option("--detector", help="Detector weights: a .pt or .onnx of a YOLO model, or its name (yolo11n)."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=0, max=256, help="Processes that index [default: one a core].")
]

Subtitles = Annotated[
    Path | None, typer.Option("--subtitles", help="A subtitle file (.srt, .vtt, .ass) taken instead of listening.")
]
Now = Annotated[str | None, typer.Option("--now", help="Nothing after this time may be seen (12.5, 1:30).")]
Policy = Annotated[
    str,
    typer.Option(
        "--policy",
        help="The model that decides: heuristic, a folder or hub id, a run of `rewatch train`, a server's "
        "address, or provider:model.",
    ),
]
Viewer = Annotated[str | None, typer.Option("--viewer", help="The model that sees, where the policy does not.")]
Frames = Annotated[int, typer.Option("--frames", min=0, max=MOST, help="Budget: frames.")]
Calls = Annotated[int, typer.Option("--calls", min=0, max=MOST, help="Budget: tool calls.")]
Tokens = Annotated[
    int | None, typer.Option("--tokens", min=0, max=MOST, help="Budget: model tokens [default: no limit].")
]
Seconds = Annotated[float, typer.Option("--seconds", min=0, callback=finite, help="Budget: seconds of looking.")]

Prompt = Annotated[
    str | None, typer.Option("--prompt", help="System prompt instead of the own: video_of_thought, or a text file.")
]


Planner = Annotated[
    Literal["rules", "model"],
    typer.Option("--planner", help="Who picks the route: rules, or model (the policy).", metavar="<str>"),
]
CalibrationFile = Annotated[
    Path | None, typer.Option("--calibration", help="File that maps stated confidences to measured ones.")
]
ROUTES = "direct, search, read, skim_zoom, adaptive, tree, video_tree, map_reduce, role_chain"
"""Names of the agent's routes, written out: help must not import the agent."""
SCALINGS = "vote, confidence, refine, verify, mcts, critic"
"""Names of its scalings, likewise."""
Route = Annotated[str | None, typer.Option("--route", help=f"How to look, instead of the planner's choice: {ROUTES}.")]
Scale = Annotated[str | None, typer.Option("--scale", help=f"Spend more than one run on the answer: {SCALINGS}.")]
Width = Annotated[int, typer.Option("--width", min=1, max=1000, help="How many runs --scale may make.")]

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
