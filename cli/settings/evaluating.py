"""Options of `rewatch eval`, and what they stand for: the set, the settings, the folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.output import Console, message
from .groups import ROUTES, SCALINGS, AgentOptions
from .options import MOST, OwnTools, finite

if TYPE_CHECKING:
    from ...evaluation.benchmarks.sources import TaskSet
    from ...evaluation.settings import Settings
    from ...tools import Budget

SHOWN = 3
"""How many of the rows and videos that cannot be used are told one by one."""
SetName = Annotated[
    str, typer.Argument(metavar="SET", help="gym, gym:FAMILY, a file of questions, or NAME:PATH of a public set.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of an evaluation.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """What is asked, and where it is asked."""

    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The evaluation's folder [default: runs/eval-<set>-<time>].")
    ] = None
    videos: Annotated[
        list[Path] | None, typer.Option("--videos", help="Folder of the videos that the set names; repeat.")
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many tasks.")] = None
    seed: Annotated[int, typer.Option("--seed", help="Of the gym's tasks, of sampling and of controls.")] = 0
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=256, help="Tasks asked side by side in this process.")
    ] = 4
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=256, help="Processes that ask instead, a task each at a time.")
    ] = 0
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="<address>", help="Have a Ray cluster ask: auto, HOST:PORT, or local."),
    ] = None
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask again what came to no answer, since a video or a model failed.")
    ] = False

    def open(self, text: str) -> TaskSet:
        """Open a set; of rows that are no tasks some are shown."""
        from ...evaluation.benchmarks.sources import open_set

        task_set = open_set(text, limit=self.limit, seed=self.seed)
        console = Console(stderr=True)
        for problem in task_set.problems[:SHOWN]:
            console.print(message("warning", f"left out: {problem}", "yellow"), soft_wrap=True)
        if len(task_set.problems) > SHOWN:
            console.print(message("warning", f"{len(task_set.problems) - SHOWN} more rows are left out", "yellow"))
        return task_set

    def folder(self, task_set: TaskSet, kind: str = "eval") -> Path:
        """The folder that was named, or a new one."""
        plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in task_set.name)
        return self.out or Path("runs") / f"{kind}-{plain}-{time.strftime('%Y%m%d-%H%M%S')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOptions:
    """How each task is asked."""

    tools: OwnTools = None
    route: Annotated[
        str | None, typer.Option("--route", help=f"How to look, instead of the planner's choice: {ROUTES}.")
    ] = None
    scale: Annotated[str | None, typer.Option("--scale", help=f"Spend more than one run on an answer: {SCALINGS}.")] = (
        None
    )
    width: Annotated[int, typer.Option("--width", min=1, max=1000, help="How many runs --scale may make.")] = 8
    control: Annotated[
        str | None, typer.Option("--control", help="What to take away, to see what it is worth (rewatch eval list).")
    ] = None
    samples: Annotated[int, typer.Option("--samples", min=1, max=1000, help="How often each task is asked.")] = 1
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", min=0, callback=finite, help="Of the policy [default: 0 for one sample, 1 for several]."
        ),
    ] = None


def settings_of(deciding: AgentOptions, asking: AskOptions, budget: Budget, seed: int) -> Settings:
    """The settings that these options stand for."""
    from ...evaluation.settings import Settings

    usual = 0.0 if asking.samples == 1 else 1.0
    return Settings(
        policy=deciding.policy,
        viewer=deciding.viewer,
        prompt=deciding.prompt,
        planner=deciding.planner,
        calibration=str(deciding.calibration) if deciding.calibration else None,
        tools=tuple(asking.tools or ()),
        budget=budget,
        route=asking.route,
        scale=asking.scale,
        width=asking.width,
        control=asking.control,
        samples=asking.samples,
        temperature=usual if asking.temperature is None else asking.temperature,
        seed=seed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveOptions:
    """Strategies and budgets, each with each."""

    routes: Annotated[
        str | None, typer.Option("--routes", help=f"Comma separated [default: the planner's choice]: {ROUTES}.")
    ] = None
    frames: Annotated[str, typer.Option("--frames", help="Budgets of frames, comma separated.")] = "4,16,64"
    calls: Annotated[str, typer.Option("--calls", help="Budgets of tool calls, likewise.")] = "12"
    tokens: Annotated[str | None, typer.Option("--tokens", help="Budgets of tokens, likewise [default: no limit].")] = (
        None
    )
    seconds: Annotated[str, typer.Option("--seconds", help="Budgets of seconds of looking, likewise.")] = "120"

    def strategies(self) -> list[str | None]:
        """The routes; None for the planner's choice."""
        return [name.strip() for name in self.routes.split(",") if name.strip()] if self.routes else [None]

    def budgets(self) -> list[Budget]:
        """Every budget."""
        from ...tools import Budget

        return [
            Budget(frames=frames, calls=calls, tokens=tokens, seconds=seconds)
            for frames in _numbers("--frames", self.frames)
            for calls in _numbers("--calls", self.calls)
            for tokens in (_numbers("--tokens", self.tokens) if self.tokens else [None])
            for seconds in _numbers("--seconds", self.seconds)
        ]


def _numbers(option: str, text: str) -> list[Any]:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if not numbers or not all(part.isdecimal() and int(part) <= MOST for part in numbers):
        raise typer.BadParameter(f"{option} {text!r}: write whole numbers, comma separated: 4,16,64.")
    return list(dict.fromkeys(int(part) for part in numbers))
