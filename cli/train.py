"""`rewatch train`: teach a policy, on the loop that `rewatch ask` runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from .settings.groups import grouped

app = typer.Typer(
    help="Train a tool-calling policy on the loop that `rewatch ask` runs; docs/training.md explains.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Config = Annotated[
    Path | None,
    typer.Argument(metavar="[CONFIG]", help="A YAML file, as in examples/configs; with --resume the run's own."),
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY.SUB=VALUE]...", help="Set on top of the file: trainer.steps=100.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The folder of a training run, and the form of its output."""

    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder [default: runs/<config>-<time>].")
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out from its last checkpoint.")] = (
        False
    )
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a row on standard output, nothing else there.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False


@app.command()
@grouped
def sft(config: Config = None, overrides: Overrides = None, options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Supervised learning on traces: the gym's expert, teachers, the policy's own best runs."""
    from ..training.experiments import SFTRun, sft

    _train(sft, SFTRun, config, overrides, options)


@app.command()
@grouped
def rl(config: Config = None, overrides: Overrides = None, options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Reinforcement learning on rewards of the policy's own runs: DGRPO, GRPO and their family."""
    from ..training.experiments import RLRun, rl

    _train(rl, RLRun, config, overrides, options)


@app.command()
@grouped
def dpo(config: Config = None, overrides: Overrides = None, options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Preference learning: of two runs of a task, the better one."""
    from ..training.experiments import DPORun, dpo

    _train(dpo, DPORun, config, overrides, options)


def _train(
    verb: Callable[..., Path], kind: Any, config: Path | None, overrides: list[str] | None, options: RunOptions
) -> None:
    from ..training.experiments import ConfigError, read_config
    from .terminal.training_view import Screen

    changes = list(overrides or ())
    if config is not None and "=" in config.name and not config.exists():  # an override where the file was left out
        changes, config = [str(config), *changes], None
    if options.resume and options.out is None:
        raise typer.BadParameter("--resume needs --out, the folder of the run to go on with.")
    if config is None:
        if not options.resume or options.out is None:
            raise typer.BadParameter("Give a configuration, for example examples/configs/tiny-sft.yaml.")
        config = options.out / "config.yaml"
    run = read_config(kind, config, changes)
    folder = options.out or Path("runs") / f"{config.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    with Screen(as_json=options.as_json, quiet=options.quiet or os.environ.get("RANK", "0") != "0") as screen:
        try:
            verb(run, folder, resume=options.resume, on_event=screen)
        except ConfigError as error:
            raise ConfigError(f"{config}: {error}") from None
