"""`rewatch train sft`: supervised learning on traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..gym import clips16
from ..gym.expert import Expert
from ..gym.playing import play
from ..rollouts.recording import recorded
from ..rollouts.rollout import Rollout
from ..rollouts.rows import Row, row_of
from ..trainers.sft import MiniSFT, SFTSettings
from .config import SFTRun
from .context import TrainingContext
from .driving import drive
from .finish import finish, over
from .reading import ConfigError, settings_of
from .told import Listener


def sft(config: SFTRun, out: str | Path, *, resume: bool = False, told: Listener | None = None) -> Path:
    """Teach a policy from traces; gives the run's folder.

    Args:
        config: what is wanted.
        out: the run's folder.
        resume: go on with the run that lies there.
        told: is told what happens.

    Raises:
        ConfigError: if the configuration cannot be.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    trainer = config.trainer
    if trainer.engine == "mini":
        settings = settings_of(SFTSettings, trainer.settings, without=("seed",))
    with TrainingContext(config, "sft", out, resume=resume, told=told) as bench:
        if bench.folder.finished:
            return over(bench)
        rows = rows_of(bench, config)
        saved = None
        if trainer.engine == "trl":
            from .by_trl import sft_by_trl

            saved = sft_by_trl(bench, rows)
        else:
            mini = MiniSFT(bench.policy, rows, steps=trainer.steps, settings=SFTSettings(**settings, seed=config.seed))
            drive(bench, mini, lambda until, tell: mini.train(until=until, told=tell), lambda: mini.done)
        return finish(bench, {"traces": len(rows)}, saved)


def rows_of(bench: TrainingContext, config: SFTRun) -> list[Row]:
    """The traces as this model's ids.

    Raises:
        ConfigError: if there are none.
    """
    rollouts: list[Rollout] = []
    if config.traces.expert:
        rollouts += _played(bench, config)
    if config.traces.files:
        from ..synthesis import read_conversations

        rollouts += [one for path in config.traces.files for one in read_conversations(path)]
    rows = [row for rollout in rollouts if (row := _row(bench, rollout)) is not None]
    if not rows:
        raise ConfigError("traces: there is nothing to learn from; give expert or files.")
    bench.note(f"{len(rows)} traces, {sum(row.written for row in rows)} tokens to learn")
    return rows


def _played(bench: TrainingContext, config: SFTRun) -> list[Rollout]:
    """The expert's runs of the training tasks."""
    asked = config.traces.expert
    assert asked is not None
    if not config.tasks.families:
        raise ConfigError("traces.expert: the expert knows the gym's tasks only; give tasks.families, or trace files.")
    tasks = bench.tasks[: asked.count]
    dialect = bench.source.config.spoken()
    ways: dict[str, Any] = {"strategies": clips16.STRATEGIES} if config.loop.preset == "clips16" else {}
    expert = Expert.of(tasks, dialect=dialect, guess=asked.guesses, waste=asked.waste, seed=config.seed, **ways)
    return play(bench.loop, tasks, expert)


def _row(bench: TrainingContext, rollout: Rollout) -> Row | None:
    """A conversation as ids of this model."""
    schemas, pixels = bench.loop.offered_in(rollout.messages), bench.loop.pixels
    messages = recorded(bench.policy, rollout.messages, tools=schemas, pixels=pixels)
    return row_of(bench.policy, messages, pixels)
