"""`rewatch eval`: the agent over a set of tasks with known truth, and figures that can be published."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from .settings.groups import ROUTES, SCALINGS, AgentOptions, BudgetOptions, grouped
from .settings.options import Json, Memory, finite
from .terminal import resume_hint as going_on
from .terminal.output import Console, message, write_json

if TYPE_CHECKING:
    from ..evaluation.benchmarks.sources import TaskSet
    from ..evaluation.items import Item
    from ..evaluation.resume import EvaluationFolder
    from ..evaluation.settings import Settings
    from ..memory import ClipMemory, VideoRecord


class _SetFirst(TyperGroup):
    """A group whose first word is a set, unless it is the name of a verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Ask a set of tasks with known truth, and measure the answers: rewatch eval SET (rewatch eval run --help says "
    "how), or one of these verbs.",
    cls=_SetFirst,
    no_args_is_help=True,
    rich_markup_mode=None,
)
SetName = Annotated[
    str, typer.Argument(metavar="SET", help="gym, gym:FAMILY, a file of questions, or NAME:FILE of a public set.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """What is asked, of which videos, by whom."""

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
    retry: Annotated[bool, typer.Option("--retry", help="Ask again what came to no answer, since a model failed.")] = (
        False
    )


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


@app.command(hidden=True)
@grouped
def run(
    set_: SetName,
    chosen: SetOptions = SetOptions(),  # noqa: B008
    asking: AskOptions = AskOptions(),  # noqa: B008
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Ask a set of tasks and print a table; where the folder holds that evaluation already, go on with it."""
    task_set = _open(set_, chosen)
    settings = _settings(asking, deciding, limits, chosen.seed)
    folder = _evaluate(set_, task_set, settings, _folder(task_set, chosen), chosen, memory)
    _show(folder, as_json)
    _require_some(folder)


@app.command()
def rescore(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of an evaluation.")], as_json: Json = False
) -> None:
    """Make the table again from what lies in the folder: answers and traces; no model is asked."""
    from ..evaluation.resume import EvaluationFolder

    _show(EvaluationFolder(folder), as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the sets, measures and controls that there are."""
    from ..evaluation.benchmarks import BENCHMARKS
    from ..evaluation.measures import EVERY_SET, MEASURES

    if as_json:
        sets = [
            {"name": one.name, "files": one.files, "paper": one.paper, "measures": list(one.measures)}
            for one in BENCHMARKS.values()
        ]
        write_json({"schema": 1, "sets": sets, "measures": list(MEASURES)})
        return
    console = Console()
    console.print("sets", style="bold")
    console.print("  gym, gym:FAMILY,…   procedural videos of known truth (rewatch gym list)")
    console.print("  FILE                questions in JSON, JSON lines, CSV or Parquet, or tasks of ours")
    for one in BENCHMARKS.values():
        console.print(f"  {f'{one.name}:PATH':<20}{one.files}; {one.paper}".rstrip("; "), soft_wrap=True)
    console.print("measures", style="bold")
    console.print(f"  of every set: {', '.join(EVERY_SET)}", soft_wrap=True)
    console.print(f"  of some: {', '.join(name for name in MEASURES if name not in EVERY_SET)}", soft_wrap=True)


def _open(text: str, chosen: SetOptions) -> TaskSet:
    from ..evaluation.benchmarks.sources import open_set

    task_set = open_set(text, limit=chosen.limit, seed=chosen.seed)
    console = Console(stderr=True)
    for problem in task_set.problems[:3]:
        console.print(message("warning", f"left out: {problem}", "yellow"), soft_wrap=True)
    if len(task_set.problems) > 3:
        console.print(message("warning", f"{len(task_set.problems) - 3} more rows are left out", "yellow"))
    return task_set


def _folder(task_set: TaskSet, chosen: SetOptions) -> Path:
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in task_set.name)
    return chosen.out or Path("runs") / f"eval-{plain}-{time.strftime('%Y%m%d-%H%M%S')}"


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


def _evaluate(
    set_: str, task_set: TaskSet, settings: Settings, out: Path, chosen: SetOptions, memory: Path | None
) -> EvaluationFolder:
    from ..evaluation.evaluate import evaluate
    from .settings.indexing import add_video

    console = Console(stderr=True)
    typed = sys.argv[1:]
    going_on.note(typed if chosen.out else [*typed, "--out", str(out)])
    beside = [Path(path).parent for path in (set_, set_.partition(":")[2]) if path and Path(path).is_file()]

    def add(into: ClipMemory, path: Path) -> VideoRecord:
        return add_video(into, path, console)

    columns = (TextColumn("asking"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def plan(count: int, failures: dict[str, str]) -> None:
            for name, reason in failures.items():
                console.print(message("warning", f"{name}: its tasks fail: {reason}", "yellow"), soft_wrap=True)
            bar.add_task("", total=count)

        def step(item: Item) -> None:
            bar.advance(bar.tasks[0].id)

        folder = evaluate(
            task_set,
            settings,
            out,
            memory=memory,
            videos=[*(chosen.videos or ()), *beside],
            add=add,
            parallel=chosen.parallel,
            workers=chosen.workers,
            ray=chosen.ray,
            retry=chosen.retry,
            on_plan=plan,
            on_item=step,
        )
    going_on.forget()
    return folder


def _show(folder: EvaluationFolder, as_json: bool) -> None:
    from ..evaluation.evaluate import score
    from ..evaluation.table import render

    made = score(folder)
    left = len(folder.work())
    if as_json:
        write_json({"schema": 1, "folder": str(folder.path), "left": left, **made.as_dict()})
        return
    console = Console()
    console.print(render(made))
    console.print(f"\nfolder  {folder.path}", soft_wrap=True)
    if left:
        console.print(message("warning", f"{left} items are not done yet", "yellow"), soft_wrap=True)


def _require_some(folder: EvaluationFolder) -> None:
    """Fail where no item came to an answer: there is nothing that was measured."""
    from ..evaluation.items import EvaluationError
    from ..evaluation.resume import no_answer

    items = folder.done()
    reasons = Counter(item.failed or (item.answer.text if item.answer else "") for item in items if no_answer(item))
    if items and reasons.total() == len(items):
        reason, count = reasons.most_common(1)[0]
        raise EvaluationError(f"All {len(items)} items failed, {count} of them so: {reason} (--retry asks them again)")
