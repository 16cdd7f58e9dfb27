"""Options in groups: the objects that a verb is given and hands to Python, instead of an argument for each option."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from ...memory import CHANNELS, OBJECTS
from ...memory.registry import did_you_mean
from .options import MOST, Approve, Isolate, Mcp, Now, OwnTools, Transcriber, finite

if TYPE_CHECKING:
    from ...tools import Budget

ROUTES = "direct, search, read, skim_zoom, adaptive, tree, video_tree, map_reduce, role_chain, descend"
"""Names of the agent's routes, written out: help must not import the agent."""
SCALINGS = "vote, confidence, refine, verify, mcts, critic"
"""Names of its scalings, likewise."""


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Spread the fields of a verb's data-class parameters as options, and hand each class back filled in.

    A verb then takes the few objects that Python takes too, instead of an argument for each of its options.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)
    }
    options: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        if name not in groups:
            options.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        annotations = get_type_hints(groups[name], include_extras=True)
        options += [
            inspect.Parameter(
                one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=annotations[one.name]
            )
            for one in fields(groups[name])
        ]

    @functools.wraps(verb)
    def run(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{one.name: values.pop(one.name) for one in fields(kind)})
        verb(**values)

    del run.__wrapped__  # type: ignore[attr-defined]  # whose signature would be read instead
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Options of indexing: the arguments of `ClipMemory.add` that are options of `ask`, `chat` and `index`."""

    channels: Annotated[
        str | None,
        typer.Option(
            "--channels", help="What to index, comma separated: visual, speech, screen_text, objects [default: all]."
        ),
    ] = None
    subtitles: Annotated[
        Path | None, typer.Option("--subtitles", help="A subtitle file (.srt, .vtt, .ass) taken instead of listening.")
    ] = None
    subtitle_stream: Annotated[
        str | None,
        typer.Option(
            "--subtitle-stream",
            help="Take the words from this subtitle stream in the file: its number, from 1, or language.",
        ),
    ] = None
    audio: Annotated[
        str | None,
        typer.Option(
            "--audio", help="The sound track to take, of several: its number, from 1, or its language [default: told]."
        ),
    ] = None
    transcriber: Transcriber = None
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            help="Code of the language that is spoken (en, de, es): such sound tracks and subtitles are taken first "
            "[default: told from the sound, if the model is a multilingual one].",
        ),
    ] = None
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, max=256, help="Processes that index [default: one a core].")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `ClipMemory.add`; what was not given is left out."""
        if self.subtitles is not None and self.subtitle_stream is not None:
            raise typer.BadParameter("--subtitles or --subtitle-stream: give one of them.")
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["channels"] = split_channels(self.channels)
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions:
    """Options of indexing on several machines."""

    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="<i/n>",
            help="Of these files, only those of shard i of n (1/8, ..., 8/8), into a memory of its own; rewatch merge "
            "puts them together.",
        ),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="<address>",
            help="Have a Ray cluster do the work: auto, HOST:PORT, or local for one of this machine; --workers limits "
            "how many.",
        ),
    ] = None
    vector_index: Annotated[
        str | None,
        typer.Option("--vector-index", help="Kind of index of the memory's vectors: faiss, lance [default: faiss]."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetOptions:
    """The budget of a question."""

    frames: Annotated[int, typer.Option("--frames", min=0, max=MOST, help="Budget: frames.")] = 64
    calls: Annotated[int, typer.Option("--calls", min=0, max=MOST, help="Budget: tool calls.")] = 12
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=0, max=MOST, help="Budget: model tokens [default: no limit].")
    ] = None
    seconds: Annotated[float, typer.Option("--seconds", min=0, callback=finite, help="Budget: seconds of looking.")] = (
        120.0
    )

    def budget(self) -> Budget:
        """Return the budget."""
        from ...tools import Budget

        return Budget(frames=self.frames, calls=self.calls, tokens=self.tokens, seconds=self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """Tools beside the built-in ones, and how they are run."""

    tools: OwnTools = None
    mcp: Mcp = None
    approve: Approve = None
    isolate: Isolate = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """Options of the agent: arguments of `VideoAgent`."""

    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            help="The model that decides: heuristic, a folder or hub id, a run of `rewatch train`, a server's "
            "address, or provider:model.",
        ),
    ] = "heuristic"
    viewer: Annotated[str | None, typer.Option("--viewer", help="The model that sees, where the policy does not.")] = (
        None
    )
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="System prompt instead of the own: video_of_thought, or a text file.")
    ] = None
    planner: Annotated[
        Literal["rules", "model"],
        typer.Option("--planner", help="Who picks the route: rules, or model (the policy).", metavar="<str>"),
    ] = "rules"
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="File that maps stated confidences to measured ones.")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `VideoAgent` but for the policy's, which `chat` may change."""
        from ...agent import Calibration

        return {
            "viewer": self.viewer,
            "prompt": self.prompt,
            "planner": self.planner,
            "calibration": None if self.calibration is None else Calibration.load(self.calibration),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """Options of one question: arguments of `VideoAgent.ask`."""

    now: Now = None
    route: Annotated[
        str | None, typer.Option("--route", help=f"How to look, instead of the planner's choice: {ROUTES}.")
    ] = None
    scale: Annotated[
        str | None, typer.Option("--scale", help=f"Spend more than one run on the answer: {SCALINGS}.")
    ] = None
    width: Annotated[int, typer.Option("--width", min=1, max=1000, help="How many runs --scale may make.")] = 8
    mode: Annotated[
        Literal["backward", "now", "wait"] | None,
        typer.Option(
            "--mode",
            help="backward: of what was; now: of the last seconds alone; wait: answer once it becomes true "
            "[default: as the question says].",
            metavar="<str>",
        ),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", help="With --mode wait: up to when (12.5, 1:30) [default: the end].")
    ] = None
    patience: Annotated[
        int | None, typer.Option("--patience", min=1, max=MOST, help="With --mode wait: parts of 10 s at most.")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `VideoAgent.ask`."""
        now = None if self.now is None else moment(self.now)
        until = None if self.until is None else moment(self.until, "--until")
        values = {name: getattr(self, name) for name in ("route", "scale", "width", "mode", "patience")}
        return {"now": now, "until": until, **values}


def split_channels(text: str | None) -> Sequence[str] | None:
    """Split `speech,screen_text`; None stays None."""
    if text is None:
        return None
    names = [part.strip() for part in text.split(",") if part.strip()]
    there = (*CHANNELS, OBJECTS)
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        near = did_you_mean(there, unknown[0].replace("-", "_")) if unknown else ""
        raise typer.BadParameter(f"no channel {', '.join(unknown) or repr(text)}; there are {', '.join(there)}.{near}")
    return names


def moment(text: str, option: str = "--now") -> float | str:
    """Return the seconds of `12.5` or `1:30`, or the text of a moment of a timeline; wrong usage for any other."""
    from ...agent.questions.question import LATEST
    from ...memory import parse_moment
    from ...tools.times import parse_seconds

    try:
        seconds = parse_seconds(text)
    except ValueError:
        try:
            parse_moment(text)
        except ValueError:
            seconds = -1.0
        else:
            return text
    if not 0 <= seconds < LATEST:
        raise typer.BadParameter(
            f"{option} {text!r} is no time of a video; write seconds (12.5), a clock time (1:30), or a moment of its "
            "timeline (2026-05-03T09:00, 'DAY2 08:30')."
        )
    return seconds
