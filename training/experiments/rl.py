"""`rewatch train rl`: reinforcement learning on rollouts of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..objectives import OBJECTIVES
from ..rollouts.rollout import Rollout
from ..trainers.gate import Gate
from ..trainers.mini import MiniSettings, MiniTrainer
from .config import RLRun
from .context import TrainingContext
from .driving import drive
from .finish import finish, over
from .reading import ConfigError, settings_of, unknown
from .told import Listener


def rl(config: RLRun, out: str | Path, *, resume: bool = False, told: Listener | None = None) -> Path:
    """Train a policy on rewards of its own runs; gives the run's folder.

    Args:
        config: what is wanted.
        out: the run's folder.
        resume: go on with the run that lies there.
        told: is told what happens.

    Raises:
        ConfigError: if the configuration cannot be.
        GateError: if the policy cannot use its tools yet.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    trainer = config.trainer
    if config.objective not in OBJECTIVES:
        raise ConfigError(f"objective: {config.objective} {unknown(config.objective, OBJECTIVES)}")
    if trainer.engine == "mini":
        settings = settings_of(MiniSettings, trainer.settings, without=("seed",))
    if config.gate and not config.held_out:
        raise ConfigError("gate: it is measured on held_out tasks; give them, or set gate to null.")
    with TrainingContext(config, "rl", out, resume=resume, told=told) as bench:
        if bench.folder.finished:
            return over(bench)

        def first(rollouts: Sequence[Rollout]) -> None:
            _pass_gate(bench, config, rollouts)

        saved = None
        if trainer.engine == "trl":
            from .by_trl import rl_by_trl

            saved = rl_by_trl(bench, config, first)
        else:
            mini = MiniTrainer(bench.collect, bench.mix, config.objective, MiniSettings(**settings, seed=config.seed))
            drive(bench, mini, lambda until, tell: mini.train(bench.tasks, until, told=tell), lambda: mini.steps, first)
            if mini.warning:
                bench.note(mini.warning)
        return finish(bench, {"objective": config.objective}, saved)


def _pass_gate(bench: TrainingContext, config: RLRun, rollouts: Sequence[Rollout]) -> None:
    """Refuse a policy that reinforcement learning would make worse."""
    if config.gate is None:
        return
    found = Gate(**asdict(config.gate)).require(rollouts)
    bench.note(
        f"gate passed: {found.validity:.0%} of {found.calls} calls are valid, {found.looks:.0%} of runs look, "
        f"{found.right_clip:.0%} of those at the right clip"
    )
