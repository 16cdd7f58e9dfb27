"""`rewatch ask`: a question about videos."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from .replay import find_trace
from .settings.agent import agents, find_video, importing, open_memory, tell_failure
from .settings.groups import AgentOptions, BudgetOptions, IndexOptions, SearchOptions, ToolOptions, grouped
from .settings.indexing import old_speech, unfinished
from .settings.options import Detector, Json, Memory
from .settings.places import memory_folder, runs_folder
from .settings.video_names import is_path, parted
from .terminal import resume_hint as going_on
from .terminal.estimates import run_estimate
from .terminal.output import Console, message, write_json


@grouped
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
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    searching: SearchOptions = SearchOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    indexing: IndexOptions = IndexOptions(),  # noqa: B008
    tools: ToolOptions = ToolOptions(),  # noqa: B008
    detector: Detector = None,
    resume: Annotated[
        str | None, typer.Option("--resume", help="Go on with a run that was cut off, by its id.")
    ] = None,
    continues: Annotated[
        str | None,
        typer.Option(
            "--continue", help="Go on from a run, by its id (or: last): follow-ups are understood, of the same videos."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a question about one or more videos; what is not indexed yet is indexed first.

    Without a video, every video of the memory is asked about.
    """
    with importing():
        from ..agent import QuestionError
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
    index_arguments, ask_arguments = indexing.arguments(), searching.arguments()
    clip_memory = open_memory(folder, detector, writable=any(is_path(v) for v in videos))
    if words:
        videos, question = parted(words, clip_memory.videos())
    records = [find_video(clip_memory, v, steps, index_arguments) for v in videos] or clip_memory.videos()
    for line in old_speech(records):
        steps.print(line, style="yellow", soft_wrap=True)
    for line in unfinished(records if not videos else (), clip_memory):
        steps.print(message("warning", line, "yellow"), soft_wrap=True)

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "run" and os.access(folder, os.W_OK):  # its steps are stored
            going_on.note_run(event["run_id"])
        show_event(steps, event)

    with agents(clip_memory, folder, tools, budget=limits.budget(), **deciding.arguments()) as make:
        agent = make(deciding.policy)
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
                history=[find_trace(None if continues == "last" else continues, memory)] if continues else (),
                **ask_arguments,
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
