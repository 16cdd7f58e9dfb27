"""`rewatch ask`: a question about videos."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..memory import ClipMemory, MemoryFolderError, VideoRecord
from .indexing import add_video, old_speech, split_channels
from .options import (
    ROUTES,
    SCALINGS,
    Approve,
    Channels,
    Detector,
    Isolate,
    Json,
    Language,
    Mcp,
    Memory,
    OwnTools,
    Transcriber,
    Workers,
)
from .places import memory_folder, runs_folder


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[VIDEO]... QUESTION", help="Files, or names or ids of indexed videos; then the question."
        ),
    ],
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="One possible answer; repeat for each.")
    ] = None,
    memory: Memory = None,
    channels: Channels = None,
    subtitles: Annotated[
        Path | None, typer.Option("--subtitles", help="A .srt or .vtt taken instead of listening.")
    ] = None,
    now: Annotated[str | None, typer.Option("--now", help="Nothing after this time may be seen (12.5, 1:30).")] = None,
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            help="The model that decides: heuristic, a folder or hub id, a run of `rewatch train`, a server's "
            "address, or provider:model.",
        ),
    ] = "heuristic",
    viewer: Annotated[
        str | None, typer.Option("--viewer", help="The model that sees, where the policy does not.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="System prompt instead of the own: video_of_thought, or a text file.")
    ] = None,
    planner: Annotated[
        str, typer.Option("--planner", help="Who picks the route: rules, or model (the policy).")
    ] = "rules",
    route: Annotated[
        str | None, typer.Option("--route", help=f"How to look, instead of the planner's choice: {ROUTES}.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option("--scale", help=f"Spend more than one run on the answer: {SCALINGS}.")
    ] = None,
    width: Annotated[int, typer.Option("--width", min=1, help="How many runs --scale may make.")] = 8,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="File that maps stated confidences to measured ones.")
    ] = None,
    tools: OwnTools = None,
    mcp: Mcp = None,
    approve: Approve = None,
    isolate: Isolate = None,
    frames: Annotated[int, typer.Option("--frames", min=0, help="Budget: frames.")] = 64,
    calls: Annotated[int, typer.Option("--calls", min=0, help="Budget: tool calls.")] = 12,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=0, help="Budget: model tokens [default: no limit].")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Budget: seconds of looking.")] = 120.0,
    transcriber: Transcriber = None,
    language: Language = None,
    detector: Detector = None,
    workers: Workers = None,
    resume: Annotated[
        str | None, typer.Option("--resume", help="Go on with a run that was cut off, by its id.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer only.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a question about one or more videos; what is not indexed yet is indexed first.

    Without a video, every video of the memory is asked about.
    """
    from ..agent import Calibration, QuestionError, VideoAgent
    from ..tools import BUILT_IN, Budget
    from .console import show_answer, show_event
    from .plugins import asking, own_tools

    console = Console(stderr=as_json, quiet=quiet and as_json)
    steps = Console(stderr=True, quiet=True) if quiet else console
    folder = memory_folder(memory)
    *videos, question = words
    if Path(question).is_file():
        raise QuestionError(
            f'{question} is a file, and a question must come last: rewatch ask {question} "What is said?"'
        )
    settings = {
        "channels": split_channels(channels),
        "subtitles": subtitles,
        "transcriber": transcriber,
        "language": language,
        "workers": workers,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    clip_memory = _open(folder, detector, writable=any(_is_path(v) for v in videos))
    records = [_find(clip_memory, v, steps, settings) for v in videos] or clip_memory.videos()
    for line in old_speech(records):
        steps.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
    budget = Budget(frames=frames, calls=calls, tokens=tokens, seconds=seconds)
    writable = os.access(folder, os.W_OK)
    if planner not in ("rules", "model"):
        raise typer.BadParameter(f"--planner {planner!r}: write rules or model.")

    def listen(event: dict[str, Any]) -> None:
        show_event(steps, event)

    with own_tools(BUILT_IN, tools, mcp, Console(stderr=True)) as plugged:
        agent = VideoAgent(
            clip_memory,
            policy=policy,
            viewer=viewer,
            prompt=prompt,
            planner="model" if planner == "model" else "rules",
            calibration=None if calibration is None else Calibration.load(calibration),
            tools=[tool for group in plugged for tool in group.tools],
            registered=False,  # they are among the plugged ones
            approve=asking(approve, Console(stderr=True)),
            isolate=("marked", *(isolate or ())),
            budget=budget,
            traces=runs_folder(folder) if writable else None,
            checkpoints=runs_folder(folder) / "checkpoints.sqlite" if writable else None,
        )
        if resume:
            answer = agent.resume(resume, listener=listen)
        else:
            answer = agent.ask(
                question,
                options=option,
                videos=[r.id for r in records],
                now=None if now is None else _moment(now),
                route=route,
                scale=scale,
                width=width,
                listener=listen,
            )
    if as_json:
        sys.stdout.write(json.dumps(answer.as_dict(), ensure_ascii=False) + "\n")
        return
    show_answer(console, answer, {r.id: r.name for r in records})
    if answer.trace and not quiet:
        console.print(f"[dim]rewatch report {answer.run_id}   opens the whole run[/dim]", highlight=False)


def _open(folder: Path, detector: str | None, *, writable: bool) -> ClipMemory:
    """The memory, for writing where it can be; one that can't be written may still be asked."""
    if writable or not folder.exists():
        return ClipMemory(folder, detector=detector)
    try:
        return ClipMemory(folder, detector=detector)
    except MemoryFolderError:
        return ClipMemory(folder, detector=detector, read_only=True)


def _is_path(word: str) -> bool:
    return os.sep in word or Path(word).exists() or Path(word).suffix != ""


def _find(memory: ClipMemory, word: str, console: Console, settings: dict[str, Any]) -> VideoRecord:
    """A file is added (at no cost if it is known); anything else must be a name or id in the memory."""
    path = Path(word)
    known = {v.id for v in memory.videos()} | {v.name for v in memory.videos()}
    if not path.exists() and word in known:
        return memory.video(word)
    return add_video(memory, path, console, **settings)


def _moment(text: str) -> float:
    from ..tools.arguments import parse_seconds

    try:
        return parse_seconds(text)
    except ValueError:
        raise typer.BadParameter(f"--now {text!r} is no time; write seconds (12.5) or a clock time (1:30).") from None
