"""`rewatch eval`: the agent over a set of tasks with known truth, and figures that can be published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from .settings.groups import ROUTES, SCALINGS, AgentOptions, BudgetOptions, grouped
from .settings.options import Json, Memory, finite
from .terminal.output import Console, message, write_json

if TYPE_CHECKING:
    from ..evaluation.items import Item
    from ..evaluation.settings import Settings
    from ..training.data.task import Task


class _SetFirst(TyperGroup):
    """A group whose first word is a set, unless it is the name of a verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Ask a set of tasks with known truth, and measure the answers: rewatch eval SET, or one of these verbs.",
    cls=_SetFirst,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """What is asked, and of which videos."""

    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The evaluation's folder [default: runs/eval-<set>-<time>].")
    ] = None
    videos: Annotated[
        list[Path] | None, typer.Option("--videos", help="Folder of the videos that the set names; repeat.")
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="So many tasks, drawn by --seed.")] = None
    seed: Annotated[int, typer.Option("--seed", help="Of drawing, sampling and controls.")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOptions:
    """How each task is asked."""

    route: Annotated[
        str | None, typer.Option("--route", help=f"How to look, instead of the planner's choice: {ROUTES}.")
    ] = None
    scale: Annotated[str | None, typer.Option("--scale", help=f"Spend more than one run on an answer: {SCALINGS}.")] = (
        None
    )
    width: Annotated[int, typer.Option("--width", min=1, max=1000, help="How many runs --scale may make.")] = 8
    control: Annotated[str | None, typer.Option("--control", help="What to take away; rewatch eval list.")] = None
    samples: Annotated[int, typer.Option("--samples", min=1, max=1000, help="How often each task is asked.")] = 1
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", min=0, callback=finite, help="Of the policy [default: 0 for one sample, 1 for several]."
        ),
    ] = None
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=256, help="Tasks asked side by side.")] = 4


@app.command(hidden=True)
@grouped
def run(
    set_: Annotated[str, typer.Argument(metavar="SET", help="gym, gym:FAMILY, a file, or NAME:FILE of a benchmark.")],
    chosen: SetOptions = SetOptions(),  # noqa: B008
    asking: AskOptions = AskOptions(),  # noqa: B008
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Ask a set of tasks and print a table; where the folder holds that evaluation already, go on with it."""
    from ..evaluation.resume import EvaluationFolder

    console = Console(stderr=True)
    settings = _settings(asking, deciding, limits, chosen.seed)
    name, tasks, measures = _open_set(set_, chosen)
    stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    out = chosen.out or Path("runs") / f"eval-{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = EvaluationFolder.open(out, name=name, settings=settings, tasks=tasks, measures=measures)
    with folder.writing():
        work = folder.work()
        if work:
            _ask(folder, set_, chosen, memory or out / "memory", asking.parallel, console)
    _show(folder, as_json)


@app.command()
def rescore(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of an evaluation.")], as_json: Json = False
) -> None:
    """Make the table again from what lies in the folder: answers and traces; no model is asked."""
    from ..evaluation.resume import EvaluationFolder

    _show(EvaluationFolder(folder), as_json)


def _settings(asking: AskOptions, deciding: AgentOptions, limits: BudgetOptions, seed: int) -> Settings:
    from ..evaluation.settings import Settings

    usual = 0.0 if asking.samples == 1 else 1.0
    return Settings(
        policy=deciding.policy,
        viewer=deciding.viewer,
        prompt=deciding.prompt,
        planner=deciding.planner,
        calibration=str(deciding.calibration) if deciding.calibration else None,
        budget=limits.budget(),
        route=asking.route,
        scale=asking.scale,
        width=asking.width,
        control=asking.control,
        samples=asking.samples,
        temperature=usual if asking.temperature is None else asking.temperature,
        seed=seed,
    )


def _open_set(text: str, chosen: SetOptions) -> tuple[str, Sequence[Task], Sequence[str]]:
    from ..training.data.task_files import read_tasks
    from ..training.gym import FAMILIES, sample_environments

    if text.partition(":")[0] == "gym":
        family = text.partition(":")[2]
        made = sample_environments(
            chosen.limit or 96, families=[family] if family else tuple(FAMILIES), seed=chosen.seed
        )
        return text, [one.task for one in made], ("accuracy",)
    return Path(text).stem, read_tasks(text)[: chosen.limit], ("accuracy",)


def _ask(folder: Any, set_: str, chosen: SetOptions, place: Path, parallel: int, console: Console) -> None:
    from ..evaluation.run import Asker, ask_all
    from ..evaluation.settings import memory_facts
    from ..evaluation.videos import find_videos
    from ..memory import ClipMemory
    from ..training.gym import build_memory
    from .settings.indexing import add_video

    work = folder.work()
    tasks = [one.task for one in work]
    if all(task.source == "gym" for task in tasks):
        memory = build_memory(tasks, place)
    else:
        memory = ClipMemory(place)
    folders = [*(chosen.videos or ()), *([Path(set_).parent] if Path(set_).is_file() else [])]
    found, failures = find_videos(memory, tasks, folders, lambda path: add_video(memory, path, console))
    for name, reason in failures.items():
        console.print(message("warning", f"{name}: its tasks fail: {reason}", "yellow"), soft_wrap=True)
    folder.note("memory", memory_facts(memory, found.values()))
    asker = Asker(
        memory=memory,
        settings=folder.settings,
        folder=folder.path,
        videos={name: record.id for name, record in found.items()},
        failures=failures,
    )
    columns = (TextColumn("asking"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = bar.add_task("", total=len(work))

        def note(item: Item) -> None:
            if item.state == "done":
                folder.finish(item)
                bar.advance(shown)
            else:
                folder.items.append(item)

        asyncio.run(ask_all(asker, work, note, parallel=parallel))


def _show(folder: Any, as_json: bool) -> None:
    from ..evaluation.judging import judge
    from ..evaluation.measures import MEASURES

    judged = judge(folder.done(), folder.tasks, folder.path)
    figures: dict[str, float] = {}
    for name in folder.row["measures"]:
        figures |= {key: figure.value for key, figure in MEASURES[name](judged).items()}
    if as_json:
        write_json({"schema": 1, "folder": str(folder.path), "items": len(judged), "figures": figures})
        return
    console = Console()
    for key, value in figures.items():
        console.print(f"{key:<24}{value:.3f}")
    console.print(f"{'items':<24}{len(judged)}\n{'folder':<24}{folder.path}")
