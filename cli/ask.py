"""`rewatch ask`: a question about videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from .settings.agent import agents, find_video, importing, index_settings, moment, open_memory, tell_failure
from .settings.indexing import old_speech, split_channels, unfinished
from .settings.options import (
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
from .settings.places import memory_folder, runs_folder
from .settings.video_names import is_path, parted
from .terminal import resume_hint as going_on
from .terminal.estimates import run_estimate
from .terminal.output import Console, message, write_json


def ask(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VIDEO]... QUESTION",
            help="Files, or names or ids of indexed videos; then the question, in quotation marks.",
        ),
    ] = None,
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
    width: Annotated[int, typer.Option("--width", min=1, max=1000, help="How many runs --scale may make.")] = 8,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a question about one or more videos; what is not indexed yet is indexed first.

    Without a video, every video of the memory is asked about.
    """
    with importing():
        from ..agent import Calibration, QuestionError
        from ..tools import Budget
        from .terminal.console import show_answer, show_bare, show_event

    console = Console(stderr=as_json)
    steps = Console(stderr=True, quiet=True) if quiet else console
    folder = memory_folder(memory)
    if not words and not resume:
        raise typer.BadParameter('write a question, in quotation marks: rewatch ask FILE "What is said?"')
    *videos, question = words or [""]
    if os.path.isfile(question):
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
    if words:
        videos, question = parted(words, clip_memory.videos())
    records = [find_video(clip_memory, v, steps, settings) for v in videos] or clip_memory.videos()
    for line in old_speech(records):
        steps.print(line, style="yellow", soft_wrap=True)
    for line in unfinished(records if not videos else ()):
        steps.print(message("warning", line, "yellow"), soft_wrap=True)

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "run" and os.access(folder, os.W_OK):  # its steps are stored
            going_on.note_run(event["run_id"])
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
                steps.print(message("estimate", expected), soft_wrap=True)
            answer = agent.ask(
                question,
                options=option,
                videos=[r.id for r in records] if videos else None,  # all those that there are by then
                now=until,
                route=route,
                scale=scale,
                width=width,
                listener=listen,
            )
    going_on.forget()
    if as_json:
        write_json(answer.as_dict())
    elif quiet and not answer.failed:
        show_bare(console, answer)
    elif not quiet:
        show_answer(console, answer, {r.id: r.name for r in (*clip_memory.videos(), *records)})
        if answer.trace:
            console.print(f"rewatch report {answer.run_id}   opens the whole run", style="dim")
    if answer.failed:
        tell_failure(answer)
        raise typer.Exit(1)
