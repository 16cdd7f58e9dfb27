"""`rewatch people`: who speaks and who is seen, opt-in: learn, name, merge, split, undo, delete."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from ..memory import ClipMemory, MemoryFolderError, clock
from ..memory.people.types import Identity
from .runs import Yes
from .settings.options import Json, Memory, finite
from .settings.people import FaceModels, SpeakerModel, learn_people, people_channels
from .settings.places import memory_folder, runs_folder
from .settings.run_files import remove_runs, runs_naming
from .settings.video_names import named
from .terminal.output import Console, confirmed, message, plain, write, write_json
from .terminal.rows import show_rows

app = typer.Typer(
    help="Who speaks and who is seen: learned only where you ask for it, and only named by you.",
    no_args_is_help=False,
    rich_markup_mode=None,
)
Who = Annotated[str, typer.Argument(metavar="WHO", help='A name, a label ("voice 2") or an id.')]


@app.callback(invoke_without_command=True)
def people(context: typer.Context, memory: Memory = None, as_json: Json = False) -> None:
    """List who is known, and who may be one: nothing is merged until you do it."""
    if context.invoked_subcommand:
        return
    clip_memory = _open(memory)
    everybody, suggestions = clip_memory.people.identities(), clip_memory.people.suggestions()
    if as_json:
        pairs = [{"a": s.a.id, "b": s.b.id, "kind": s.kind, "score": round(s.score, 3)} for s in suggestions]
        log = [asdict(action) for action in clip_memory.people.log()]
        write_json({"schema": 1, "people": [asdict(one) for one in everybody], "suggestions": pairs, "log": log})
        return
    console = Console()
    if not everybody:
        console.print("Nobody was learned here. rewatch people learn VIDEO tells the voices of a video apart.")
        return
    _table(console, clip_memory, everybody)
    for one in suggestions[:20]:
        text = f"{plain(one.a.label)} and {plain(one.b.label)} may be one ({one.kind}, {one.score:.2f})"
        console.print(message("perhaps", f"{text}: {one.a.exemplars[0]} {one.b.exemplars[0]}"), soft_wrap=True)
    if suggestions:
        console.print("rewatch people merge A B joins two; split takes apart, undo takes back.", style="dim")


@app.command()
def learn(
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="[VIDEO]...", help="Names, ids or paths of indexed videos [all].")
    ] = None,
    channels: Annotated[str, typer.Option("--channels", help="voices, faces, or both, comma separated.")] = "voices",
    speaker_model: SpeakerModel = None,
    same: Annotated[
        float | None,
        typer.Option(
            "--same", min=-1, max=1, callback=finite, help="Of an ONNX speaker model: least cosine of one voice [0.5]."
        ),
    ] = None,
    face_models: FaceModels = None,
    again: Annotated[bool, typer.Option("--again", help="Forget what was learned of these videos, and begin anew.")] = (
        False
    ),
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Tell apart who speaks in videos, or who is seen. Vectors of them are kept in the memory until you delete them."""
    console = Console(stderr=as_json)
    with _open(memory, write=True) as clip_memory:
        records = [named(clip_memory, word) for word in videos] if videos else clip_memory.videos()
        for record in records:
            learn_people(
                clip_memory,
                record,
                console,
                people_channels(channels),
                speaker_model,
                face_models,
                same=same,
                again=again,
            )
        found = clip_memory.people.identities()
        if as_json:
            write_json({"schema": 1, "people": [asdict(one) for one in found]})
            return
        for suggestion in clip_memory.people.suggestions()[:5]:
            a, b = plain(suggestion.a.label), plain(suggestion.b.label)
            console.print(message("perhaps", f"{a} and {b} are one ({suggestion.score:.2f}); rewatch people shows why"))


@app.command()
def show(who: Who, memory: Memory = None, as_json: Json = False) -> None:
    """Show where somebody speaks or is seen, guesses included, and by which exemplars."""
    clip_memory = _open(memory)
    one = clip_memory.people.identity(who)
    records = {record.id: record for record in clip_memory.videos()}
    turns = clip_memory.people.turns_of(one.id, records)
    if as_json:
        rows = [
            {"uri": turn.uri, "kind": turn.kind, "claim": None if turn.claim is None else turn.claim.as_dict()}
            for turn in turns
        ]
        write_json({"schema": 1, "identity": asdict(one), "turns": rows})
        return
    console = Console()
    console.print(Text(f"{plain(one.label)}  ({one.id})", style="bold"), Text(" ".join(one.exemplars), style="dim"))
    table = Table.grid(padding=(0, 2))
    for turn in turns:
        name = plain(records[turn.video].name)
        table.add_row(name, Text(str(turn.span), no_wrap=True), turn.kind, Text(plain(turn.label)))
    console.print(table)


@app.command()
def name(
    who: Who, new_name: Annotated[str, typer.Argument(metavar="NAME", help='Such as Anna, "Anna Lee".')],
    memory: Memory = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Give somebody a name; that also states that every turn of them until now is this person."""
    with _open(memory, write=True) as clip_memory:
        _done("named", clip_memory.people.name(who, new_name), as_json)


@app.command()
def merge(
    into: Annotated[str, typer.Argument(metavar="WHO", help="Who stays.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Who is the same person.")],
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """State that two or more are one person."""
    with _open(memory, write=True) as clip_memory:
        _done("merged", clip_memory.people.merge(into, *others), as_json)


@app.command()
def split(
    who: Who,
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="PART...", help="Turns of somebody else: media URIs (video:ID#t=10,20), or whole videos."
        ),
    ],
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Take turns of somebody else out of a person: they become one of their own, without a name."""
    with _open(memory, write=True) as clip_memory:
        _done("split off", clip_memory.people.split(who, parts), as_json)


@app.command()
def undo(memory: Memory = None, as_json: Json = False) -> None:
    """Take back the last naming, merging or splitting; repeat for those before it."""
    with _open(memory, write=True) as clip_memory:
        action = clip_memory.people.undo()
    if as_json:
        write_json({"schema": 1, "undone": asdict(action)})
        return
    Console().print(message("undone", f"{action.verb} of {', '.join(str(id_) for id_ in action.identities)}"))


@app.command()
def delete(
    who: Who,
    likely: Annotated[
        bool, typer.Option("--likely", help="Also the voices and faces without a name that may be this person.")
    ] = False,
    yes: Yes = False,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Forget somebody for good: vectors, turns, exemplars, name, and the runs that name them. It cannot be undone."""
    console = Console(stderr=as_json)
    with _open(memory, write=True) as clip_memory:
        if clip_memory.people.unwiped:
            clip_memory.people.wipe()
            console.print(message("deleted", "what an earlier deletion had left in the files of the memory"))
            if not clip_memory.people.knows(who):
                if as_json:
                    write_json({"schema": 1, "deleted": [], "runs": []})
                return
        one, alike = clip_memory.people.identity(who), clip_memory.people.likely(who)
        gone = [one, *(alike if likely else ())]
        runs = runs_folder(clip_memory.folder)
        called = [name for each in gone for name in clip_memory.people.known_as(each.id)]
        found = runs_naming(runs, called)
        turns = sum(each.turns for each in gone)
        labels = ", ".join(plain(each.label) for each in gone)
        also = f", and {len(found)} runs that name them" if found else ""
        if alike and not likely:
            stay = ", ".join(plain(each.label) for each in alike)
            console.print(
                message("note", f"{stay} may be the same person, and stay: --likely deletes them too", "yellow")
            )
        confirmed(f"Delete {labels} ({turns} turns, {sum(each.seconds for each in gone):.0f} s){also}?", yes)
        remove_runs(runs, found)
        clip_memory.people.delete(*(each.id for each in gone))
    if as_json:
        write_json({"schema": 1, "deleted": [each.id for each in gone], "runs": sorted(run.id for run in found)})
        return
    console.print(message("deleted", f"{len(gone)} identities with {turns} turns; {len(found)} runs that named them"))


@app.command()
def export(
    who: Annotated[str | None, typer.Argument(metavar="[WHO]", help="Only this person [everybody].")] = None,
    form: Annotated[
        Literal["json", "rttm"], typer.Option("--format", help="All that is known but vectors, or speaker turns.")
    ] = "json",
    video: Annotated[str | None, typer.Option("--video", help="The video whose turns are written (rttm).")] = None,
    memory: Memory = None,
) -> None:
    """Write on standard output what is known of somebody, or the speaker turns of a video."""
    clip_memory = _open(memory)
    if form == "rttm":
        if video is None or who is not None:
            raise typer.BadParameter("--format rttm takes --video VIDEO, and nobody in particular.")
        write(clip_memory.people.rttm(named(clip_memory, video).id))
        return
    write(json.dumps(clip_memory.people.export(who), ensure_ascii=False, indent=1) + "\n")


def _open(memory: Path | None, *, write: bool = False) -> ClipMemory:
    folder = memory_folder(memory)
    if not folder.is_dir():
        raise MemoryFolderError(f"There is no memory at {folder}: index a video first, or give another folder.")
    return ClipMemory(folder, read_only=not write)


def _table(console: Console, memory: ClipMemory, everybody: list[Identity]) -> None:
    names = {record.id: plain(record.name) for record in memory.videos()}
    rows = []
    for one in everybody:
        where = ", ".join(name for video, name in names.items() if video in one.videos)
        rows.append((str(one.id), plain(one.label), str(one.turns), clock(one.seconds), one.exemplars[0], where))
    show_rows(console, ("id", "who", "turns", "time", "exemplar", "videos"), rows, whole=2)


def _done(what: str, one: Identity, as_json: bool) -> None:
    if as_json:
        row: dict[str, Any] = {"schema": 1, "identity": asdict(one)}
        write_json(row)
        return
    Console().print(
        message(what, f"{plain(one.label)} ({one.id}): {one.turns} turns; rewatch people undo takes it back")
    )
