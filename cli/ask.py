"""`rewatch ask`: a question about videos."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from .asking import agents, find_video, importing, index_settings, is_path, moment, open_memory
from .estimates import run_estimate
from .indexing import old_speech, split_channels
from .options import (
    ROUTES,
    SCALINGS,
    Approve,
    Audio,
    Calls,
    Channels,
    Detector,
    Frames,
    Isolate,
    Json,
    Language,
    Mcp,
    Memory,
    Now,
    OwnTools,
    Policy,
    Seconds,
    Subtitles,
    SubtitleStream,
    Tokens,
    Transcriber,
    Viewer,
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
    subtitles: Subtitles = None,
    subtitle_stream: SubtitleStream = None,
    audio: Audio = None,
    now: Now = None,
    policy: Policy = "heuristic",
    viewer: Viewer = None,
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
    frames: Frames = 64,
    calls: Calls = 12,
    tokens: Tokens = None,
    seconds: Seconds = 120.0,
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
    with importing():
        from ..agent import Calibration, QuestionError
        from ..tools import Budget
        from .console import show_answer, show_event

    console = Console(stderr=as_json, quiet=quiet and as_json)
    steps = Console(stderr=True, quiet=True) if quiet else console
    folder = memory_folder(memory)
    *videos, question = words
    if Path(question).is_file():
        raise QuestionError(
            f'{question} is a file, and a question must come last: rewatch ask {question} "What is said?"'
        )
    if not videos and "." in question and " " not in question.strip() and not question.strip().endswith("?"):
        raise QuestionError(f'{question} is no question: rewatch ask {question} "What is said?"')
    if planner not in ("rules", "model"):
        raise typer.BadParameter(f"--planner {planner!r}: write rules or model.")
    if subtitles is not None and subtitle_stream is not None:
        raise typer.BadParameter("--subtitles or --subtitle-stream: give one of them.")
    settings = index_settings(
        channels=split_channels(channels),
        subtitles=subtitles,
        transcriber=transcriber,
        workers=workers,
        language=language,
        audio=audio,
        subtitle_stream=subtitle_stream,
    )
    until = None if now is None else moment(now)
    clip_memory = open_memory(folder, detector, writable=any(is_path(v) for v in videos))
    records = [find_video(clip_memory, v, steps, settings) for v in videos] or clip_memory.videos()
    for line in old_speech(records):
        steps.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def listen(event: dict[str, Any]) -> None:
        show_event(steps, event)

    with agents(
        clip_memory,
        folder,
        tools=tools,
        mcp=mcp,
        approve=approve,
        isolate=isolate,
        viewer=viewer,
        prompt=prompt,
        planner=planner,
        calibration=None if calibration is None else Calibration.load(calibration),
        budget=Budget(frames=frames, calls=calls, tokens=tokens, seconds=seconds),
    ) as make:
        agent = make(policy)
        if resume:
            answer = agent.resume(resume, listener=listen)
        else:
            expected = run_estimate(agent, runs_folder(folder), agent.budget)
            if expected is not None:
                steps.print(Text(f"estimate {expected}"), soft_wrap=True)
            answer = agent.ask(
                question,
                options=option,
                videos=[r.id for r in records],
                now=until,
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
