"""`rewatch gym`: look at the gym's tasks, write them to files, and play them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from .settings.options import Json, finite
from .terminal.output import Console, write_json

app = typer.Typer(
    help="The gym: procedural videos of known truth, and questions about them; without a verb, what there is.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
Seed = Annotated[int, typer.Option("--seed", help="The same family, seed and level make the same video, always.")]
Difficulty = Annotated[
    float | None,
    typer.Option("--level", min=0.0, max=1.0, callback=finite, help="Difficulty [default: the family's own level]."),
]
Families = Annotated[
    str | None, typer.Option("--families", help="Names, comma separated [default: all but those of clips16].")
]
RUNGS = (0.0, 0.25, 0.5, 0.75, 1.0)


@app.callback()
def families(context: typer.Context, as_json: Json = False) -> None:
    """List the families of questions and the levels of difficulty."""
    if context.invoked_subcommand is None:
        list_families(as_json)


@app.command("list")
def list_families(as_json: Json = False) -> None:
    """List the families of questions and the levels of difficulty; so does `rewatch gym` without a verb."""
    from ..training.gym import ALL_FAMILIES, Level, make_environment

    samples = {name: make_environment(name, 1) for name in ALL_FAMILIES}
    if as_json:
        rows = [
            {"family": n, "kind": one.task.kind, "question": one.task.question, "needs": one.task.meta["needs"],
             "chance": one.task.meta["chance"]}
            for n, one in samples.items()
        ]  # fmt: skip
        levels = [Level.of(rung).as_dict() for rung in RUNGS]
        write_json({"schema": 1, "families": rows, "levels": levels})
        return
    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("family", "a question of it", "needs", "chance"):
        table.add_column(heading, overflow="fold")
    for name, one in samples.items():
        needs = ", ".join(one.task.meta["needs"]) or "nothing"
        table.add_row(Text(name, style="bold"), one.task.question, needs, f"{one.task.meta['chance']:.2f}")
    console.print(table)
    console.print("\nlevels", style="bold")
    ladder = Table(box=None, pad_edge=False)
    for heading in ("--level", "clips", "seconds a clip", "nearly alike", "others beside", "size"):
        ladder.add_column(heading, justify="right")
    for rung in RUNGS:
        level = Level.of(rung)
        cells = (rung, level.clips, level.clip_seconds, level.duplicates, level.crowd, level.size)
        ladder.add_row(*(f"{cell:g}" for cell in cells))
    console.print(ladder)


@app.command()
def show(
    family: Annotated[str, typer.Argument(help="A family's name.")],
    seed: Seed = 0,
    level: Difficulty = None,
    as_json: Json = False,
) -> None:
    """Print one question, its truth, and what it takes to answer it."""
    from ..training.data.task_files import as_row
    from ..training.gym import make_environment

    made = make_environment(family, seed, _level(level))
    task, world = made.task, made.world
    if as_json:
        write_json({**as_row(task), "video": {"seconds": world.span.duration}})
        return
    console = Console()

    def line(head: str, text: str, style: str = "") -> None:
        console.print(Text.assemble((f"{head:<10}", "bold"), (text, style)))

    line("question", task.question, "cyan")
    for letter, option in zip("ABCDEFGH", task.options, strict=False):
        line("", f"{letter}. {option}")
    line("truth", task.truth.answer or ("it is not shown" if task.truth.absent else "a place"), "green")
    for span in task.truth.spans:
        line("at", f"{span.start:g} to {span.end:g} s")
    for box in task.truth.boxes:
        line("box", ", ".join(f"{part:.2f}" for part in box))
    line("needs", ", ".join(task.meta["needs"]) or "no tool")
    line("chance", f"{task.meta['chance']:.3f}")
    line("video", f"{world.span.duration:g} s, {world.side} × {world.side}, clips of {made.clip_seconds:g} s")
    for line_spoken in world.lines[:6]:
        line("said", f"{line_spoken.span.start:g} to {line_spoken.span.end:g} s: {line_spoken.text}")
    if len(world.lines) > 6:
        line("", f"and {len(world.lines) - 6} more lines")
    line("seen", f"{len(world.things)} things, {len(world.signs)} signs, {len(world.plates)} plates")


@app.command()
def make(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tasks.jsonl, and videos and memory.")],
    count: Annotated[
        int, typer.Option("--count", min=1, max=100_000, help="How many tasks; the families take turns.")
    ] = 100,
    families: Families = None,
    seed: Seed = 0,
    level: Difficulty = None,
    videos: Annotated[bool, typer.Option("--videos", help="Encode the videos too, and index them.")] = False,
) -> None:
    """Write tasks as a file that `rewatch train` reads."""
    from ..training.gym import write_task_set

    environments = _environments(_names(families), count, seed, level)
    console = Console()
    with Progress(console=console, transient=True, disable=not (videos and console.is_terminal)) as bar:
        task = bar.add_task("encoding", total=len(environments))
        path = write_task_set(environments, out, videos=videos, on_done=lambda done: bar.update(task, completed=done))
    console.print(f"tasks    {path}  ({len(environments)})", soft_wrap=True)
    if videos:
        text = f"videos   {out / 'videos'}\nmemory   {out / 'memory'}"
        console.print(text, soft_wrap=True)


@app.command()
def play(
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="Who plays beside the expert, as `rewatch ask` names it; repeat."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="Tasks of each family.")] = 16,
    families: Families = None,
    seed: Seed = 0,
    level: Difficulty = None,
    as_json: Json = False,
) -> None:
    """Score the expert, blind guessing and policies, family by family."""
    from ..agent import load_policy
    from ..training.gym import build_memory
    from ..training.gym.evaluation import scores

    names = _names(families)
    players: dict[str, Any] = {"expert": None, **{name: load_policy(name) for name in policy or ()}}
    environments = _environments(names, count * len(names), seed, level)
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory() as scratch, console.status("videos are being indexed"):
        memory = build_memory(environments, Path(scratch) / "memory")
        found = list(scores(environments, memory, players, seed=seed))
    if as_json:
        fields = ("family", "runs", "chance", "blind")
        rows = [{**{name: getattr(s, name) for name in fields}, "players": s.figures} for s in found]
        write_json({"schema": 1, "families": rows})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("family", "runs", "chance", "blind"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    calls = len(players) < 3 or console.width > 100  # else there is no room for them
    for name in players:
        table.add_column(Text(Path(name).name or name), justify="right", no_wrap=True)
        if calls:
            table.add_column("calls", justify="right", style="dim")
    for score in found:
        blind = "–" if score.blind is None else f"{score.blind:.2f}"
        cells = [f"{score.chance:.2f}", blind]
        for name in players:
            figures = score.figures[name]
            right, error = figures.get("accuracy", 0.0), figures.get("accuracy_se", 0.0)
            cells += [f"{right:.2f} ± {error:.2f}", *([f"{figures.get('calls', 0.0):.1f}"] if calls else [])]
        table.add_row(Text(score.family, style="bold"), str(score.runs), *cells)
    console.print(table)
    console.print("share right ± standard error; blind: the best way that looks at nothing", style="dim")


@app.command()
def watch(
    family: Annotated[str, typer.Argument(help="A family's name.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A page (.html) or a picture (.png).")] = None,
    seed: Seed = 0,
    level: Difficulty = None,
    policy: Annotated[str | None, typer.Option("--policy", help="Who plays on the page [default: the expert].")] = None,
) -> None:
    """See one task: a run of it as a page, or its video's clips as one picture."""
    from ..agent import load_policy
    from ..agent.report import write_report
    from ..training.gym import build_memory, make_environment
    from ..training.gym.evaluation import collector
    from ..training.gym.videos import contact_sheet

    made = make_environment(family, seed, _level(level))
    path = out or Path(f"gym-{family}-{seed}.html")
    if path.suffix not in (".html", ".png"):
        raise typer.BadParameter(f"--out {path}: name a page (.html) or a picture (.png).")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        from PIL import Image

        Image.fromarray(contact_sheet(made)).save(path)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            memory = build_memory([made], Path(scratch) / "memory")
            collect = collector([made], memory, load_policy(policy) if policy else None)
            collect.trace(made.task, Path(scratch) / "run.jsonl", seed=seed)
            write_report(Path(scratch) / "run.jsonl", path, open_video=memory.open)
    Console().print(f"{'picture' if path.suffix == '.png' else 'page':<9}{path}", soft_wrap=True)


def _level(difficulty: float | None) -> Any:
    from ..training.gym import Level

    return None if difficulty is None else Level.of(difficulty)


def _environments(families: list[str], count: int, seed: int, difficulty: float | None) -> list[Any]:
    from ..training.gym import sample_environments

    level = _level(difficulty)
    return sample_environments(count, families=families, levels=None if level is None else {level: 1.0}, seed=seed)


def _names(text: str | None) -> list[str]:
    from ..training.gym import FAMILIES

    if text is None:
        return list(FAMILIES)
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise typer.BadParameter(f"--families {text!r} names none; rewatch gym list shows them.")
    return names
