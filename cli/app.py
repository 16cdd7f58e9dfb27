"""The verbs of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from ..version import __version__
from .ask import ask
from .chapters import chapters
from .chat import chat
from .demo import demo
from .doctor import doctor
from .eval import app as evaluation
from .export import export
from .gym import app as gym
from .index import index
from .mcp import mcp
from .merge import merge
from .people import app as people
from .remove import remove
from .replay import replay, report
from .runs import clean, runs
from .search import search
from .serve import serve
from .summarize import summarize
from .tools import app as tools
from .train import app as train
from .transcript import transcript
from .videos import videos
from .warm import warm
from .watch import watch

EXIT_CODES = """Exit codes: 0 done (an honest abstention too) · 1 failed (also: a model did) · 2 wrong usage · \
3 a video cannot be used · 4 the memory folder cannot be used · 5 something needs a package or weights · \
6 a trace cannot be read · 130 interrupted · 143 ended by SIGTERM"""

app = typer.Typer(
    name="rewatch",
    help="Agents that answer questions about long and egocentric videos by going back and looking.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"rewatch {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for verb in (
    *(ask, chat, index, watch, search, transcript, chapters, summarize, videos, remove, merge, export),
    *(runs, replay, report, clean, mcp, serve, warm, doctor, demo),
):
    app.command()(verb)
app.add_typer(people, name="people")
app.add_typer(tools, name="tools")
app.add_typer(train, name="train")
app.add_typer(gym, name="gym")
app.add_typer(evaluation, name="eval")
