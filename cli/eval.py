"""`rewatch eval`: the agent over a set of tasks with known truth, and figures that can be published."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from ..memory.registry import require_name
from .settings.evaluating import SHOWN, AskOptions, CurveOptions, Run, SetName, SetOptions, settings_of
from .settings.groups import AgentOptions, BudgetOptions, grouped
from .settings.options import Json, RunMemory
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
    help="Ask a set of tasks with known truth, and measure the answers: rewatch eval SET [OPTIONS] (rewatch eval run "
    "--help lists them), or one of these verbs.",
    cls=_SetFirst,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
@grouped
def run(
    set_: SetName,
    chosen: SetOptions = SetOptions(),  # noqa: B008
    asking: AskOptions = AskOptions(),  # noqa: B008
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    memory: RunMemory = None,
    as_json: Json = False,
) -> None:
    """Ask a set and print a table; where the folder holds that evaluation already, go on with it."""
    from ..evaluation.resume import require_some

    task_set = chosen.open(set_)
    settings = settings_of(deciding, asking, limits.budget(), chosen.seed)
    folder = _evaluate(set_, task_set, settings, chosen.folder(task_set), chosen, memory)
    require_some(folder)
    _show(folder, as_json)


@app.command()
def rescore(folder: Run, as_json: Json = False) -> None:
    """Make the table again from what lies in the folder: answers and traces; no model is asked."""
    from ..evaluation.resume import EvaluationFolder

    _show(EvaluationFolder(folder), as_json)


@app.command()
def report(
    folder: Run,
    others: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Others of its set, to be seen beside it.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page [default: RUN/report.html].")] = None,
    pages: Annotated[int, typer.Option("--pages", min=0, help="Runs that get a page: the wrong ones first.")] = 100,
    as_json: Json = False,
) -> None:
    """Write an evaluation as an HTML page: tables, plots, and items that open their runs; no model is asked."""
    from ..evaluation.report.page import write_page
    from ..evaluation.resume import EvaluationFolder

    folders = [EvaluationFolder(path) for path in (folder, *(others or ()))]
    page = write_page(folders, out or folder / "report.html", pages=pages)
    if as_json:
        write_json({"schema": 1, "page": str(page)})
    else:
        Console().print(f"page  {page}", soft_wrap=True)


@app.command()
def export(
    folder: Run,
    to: Annotated[
        Literal["inspect", "hf"],
        typer.Option("--to", help="inspect: a log of Inspect (inspect_ai); hf: Parquet, a row an item, for datasets."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file [default: RUN/inspect.json, RUN/items.parquet].")
    ] = None,
) -> None:
    """Write an evaluation in a form that other programs read; no model is asked."""
    from ..evaluation.report.inspect_log import write_inspect
    from ..evaluation.report.parquet import write_parquet
    from ..evaluation.resume import EvaluationFolder

    evaluation = EvaluationFolder(folder)
    place = out or folder / ("inspect.json" if to == "inspect" else "items.parquet")
    try:
        (write_inspect if to == "inspect" else write_parquet)(evaluation, place)
    except OSError as error:
        raise typer.BadParameter(f"--out: {place} cannot be written ({error.strerror or error}).") from None
    Console().print(message(to, str(place)), soft_wrap=True)


@app.command()
def compare(
    first: Run,
    second: Annotated[Path, typer.Argument(metavar="RUN", help="Another one, of the same set.")],
    as_json: Json = False,
) -> None:
    """Say by how much the second differs from the first, task by task, and whether chance alone would do that."""
    from ..evaluation.compare import compare as compared
    from ..evaluation.compare import render
    from ..evaluation.evaluate import judged_items
    from ..evaluation.resume import EvaluationFolder, differences

    one, other = EvaluationFolder(first), EvaluationFolder(second)
    found = compared(judged_items(one), judged_items(other), differences(one.facts, other.facts))
    if as_json:
        write_json({"schema": 1, **found.as_dict()})
    else:
        Console().print(render(found))


@app.command()
@grouped
def curve(
    set_: SetName,
    spread: CurveOptions = CurveOptions(),  # noqa: B008
    chosen: SetOptions = SetOptions(),  # noqa: B008
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    memory: RunMemory = None,
    as_json: Json = False,
) -> None:
    """Ask a set by each of some routes under each of some budgets, on one memory: accuracy against what it took."""
    from ..agent import ROUTES
    from ..evaluation.curves import points, render
    from ..evaluation.evaluate import judged_items
    from ..evaluation.resume import require_some

    for name in spread.strategies():
        require_name("route", name or next(iter(ROUTES)), ROUTES)
    task_set = chosen.open(set_)
    out = chosen.folder(task_set, "curve")
    usual = settings_of(deciding, AskOptions(), BudgetOptions().budget(), chosen.seed)
    found = []
    for route in spread.strategies():
        for budget in spread.budgets():
            name = "-".join([route or "planner", *(f"{k}{v:g}" for k, v in budget.as_dict().items() if v is not None)])
            settings = replace(usual, route=route, budget=budget)
            Console(stderr=True).print(message("curve", name), soft_wrap=True)
            folder = _evaluate(set_, task_set, settings, out / name, chosen, memory or out / "memory", whole=out)
            require_some(folder)
            found.append((route or "planner", budget.as_dict(), judged_items(folder)))
    made = points(found)
    if as_json:
        write_json({"schema": 1, "folder": str(out), "points": [point.as_dict() for point in made]})
        return
    console = Console()
    console.print(render(made))
    console.print(f"\nfolder  {out}", soft_wrap=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the sets, measures and controls that there are."""
    from ..evaluation.benchmarks import BENCHMARKS
    from ..evaluation.controls import CONTROLS
    from ..evaluation.measures import EVERY_SET, MEASURES

    if as_json:
        sets = [
            {"name": one.name, "files": one.files, "paper": one.paper, "measures": list(one.measures)}
            for one in BENCHMARKS.values()
        ]
        write_json({"schema": 1, "sets": sets, "measures": list(MEASURES), "controls": list(CONTROLS)})
        return
    console = Console()
    rows = {
        "gym, gym:FAMILY,…": "procedural videos of known truth (rewatch gym list)",
        "FILE": "questions in JSON, JSON lines, CSV or Parquet, or tasks of ours",
        **{f"{one.name}:PATH": f"{one.files}; {one.paper}" for one in BENCHMARKS.values()},
    }
    names = max(map(len, [*rows, *CONTROLS]))
    console.print("sets", style="bold")
    for name, about in rows.items():
        console.print(f"  {name:<{names}}  {about}", soft_wrap=True)
    console.print("measures", style="bold")
    console.print(f"  of every set: {', '.join(EVERY_SET)}", soft_wrap=True)
    console.print(f"  of some: {', '.join(name for name in MEASURES if name not in EVERY_SET)}", soft_wrap=True)
    console.print("controls", style="bold")
    for control in CONTROLS.values():
        console.print(f"  {control.name:<{names}}  {control.about}", soft_wrap=True)


def _evaluate(
    set_: str,
    task_set: TaskSet,
    settings: Settings,
    out: Path,
    chosen: SetOptions,
    memory: Path | None,
    *,
    whole: Path | None = None,
) -> EvaluationFolder:
    """Run one evaluation with a bar; `whole` is the folder that the typed command goes on in, where not `out`."""
    from ..evaluation.evaluate import evaluate
    from .settings.indexing import add_video

    console = Console(stderr=True)
    typed = sys.argv[1:]
    going_on.note(typed if chosen.out else [*typed, "--out", str(whole or out)])
    named = [Path(text) for text in (set_, set_.partition(":")[2]) if text]
    beside = [path.parent if path.is_file() else path for path in named if path.exists()]
    columns = (TextColumn("asking"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def add(into: ClipMemory, path: Path) -> VideoRecord:
        return add_video(into, path, console)

    with ExitStack() as stack:

        def plan(count: int, failures: dict[str, str]) -> None:
            for name, reason in list(failures.items())[:SHOWN]:
                console.print(message("warning", f"{name}: its tasks fail: {reason}", "yellow"), soft_wrap=True)
            if len(failures) > SHOWN:
                told = f"{len(failures) - SHOWN} more videos cannot be used: their tasks fail"
                console.print(message("warning", told, "yellow"), soft_wrap=True)
            stack.enter_context(bar).add_task("", total=count)  # now that indexing needs no bar of its own any more

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
    from ..evaluation.resume import failures, traces_gone
    from ..evaluation.table import render

    made = score(folder)
    left, left_out = len(folder.work()), folder.left_out()
    if as_json:
        counts = {"left": left, "left_out": len(left_out)}
        write_json({"schema": 1, "folder": str(folder.path), **counts, **made.as_dict()})
        return
    console = Console()
    console.print(render(made))
    console.print(f"\nfolder  {folder.path}", soft_wrap=True)
    if failed := failures(folder):
        console.print(message("warning", failed, "yellow"), soft_wrap=True)
    if gone := traces_gone(folder):
        told = f"The traces of {gone} items are gone: their answers count as unsupported"
        console.print(message("warning", told, "yellow"), soft_wrap=True)
    if left_out:
        told = f"{len(left_out)} items are left out, the first since {left_out[0].failed}"
        console.print(message("note", told, "yellow"), soft_wrap=True)
    if left:
        console.print(message("warning", f"{left} items are not done yet", "yellow"), soft_wrap=True)
