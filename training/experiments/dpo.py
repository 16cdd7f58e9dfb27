"""`rewatch train dpo`: preference learning on pairs of conversations."""

from __future__ import annotations

from pathlib import Path

from ..rollouts.collector import grouped, require_some, seed_of
from ..synthesis import read_preferences
from ..trainers.preference import DPOSettings, MiniDPO, Preference, pairs_of, recorded_pairs
from ..trainers.scoring import judge
from .config import DPORun
from .context import TrainingContext
from .driving import drive
from .finish import finish, over
from .reading import ConfigError, settings_of
from .told import Listener


def dpo(config: DPORun, out: str | Path, *, resume: bool = False, told: Listener | None = None) -> Path:
    """Teach a policy which of two runs is better; gives the run's folder.

    Args:
        config: what is wanted.
        out: the run's folder.
        resume: go on with the run that lies there.
        told: is told what happens.

    Raises:
        ConfigError: if the configuration cannot be, or no two runs differ by the margin.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    trainer = config.trainer
    if trainer.engine == "mini":
        settings = settings_of(DPOSettings, trainer.settings, without=("seed",))
    if config.pairs.rollouts is None and not config.pairs.files:
        raise ConfigError("pairs: give rollouts (groups, group_size, margin), or files.")
    with TrainingContext(config, "dpo", out, resume=resume, told=told) as bench:
        if bench.folder.finished:
            return over(bench)
        pairs = pairs_for(bench, config)
        saved = None
        if trainer.engine == "trl":
            from .by_trl import dpo_by_trl

            saved = dpo_by_trl(bench, pairs)
        else:
            mini = MiniDPO(bench.policy, pairs, steps=trainer.steps, settings=DPOSettings(**settings, seed=config.seed))
            drive(bench, mini, lambda until, tell: mini.train(until=until, told=tell), lambda: mini.done)
        return finish(bench, {"pairs": len(pairs)}, saved)


def pairs_for(bench: TrainingContext, config: DPORun) -> list[Preference]:
    """The pairs of files, and those of the policy's own runs.

    Raises:
        ConfigError: if there are none.
        ConversationError: if a file is wrong.
    """
    pairs: list[Preference] = []
    for path in config.pairs.files:
        judged = [(one.chosen, one.rejected, one.margin) for one in read_preferences(path)]
        pairs += recorded_pairs(judged, bench.policy, bench.loop)
    if config.pairs.rollouts:
        pairs += _sampled(bench, config)
    if not pairs:
        raise ConfigError("pairs: the files hold no two conversations that differ; nothing to learn.")
    bench.note(f"{len(pairs)} pairs")
    return pairs


def _sampled(bench: TrainingContext, config: DPORun) -> list[Preference]:
    """Pairs of the policy's own runs, better against worse by the rewards.

    Raises:
        ConfigError: if no two runs differ by the margin.
    """
    asked = config.pairs.rollouts
    assert asked is not None
    tasks = bench.tasks[: asked.groups]
    bench.note(f"{len(tasks)} tasks are run {asked.group_size} times each")
    rollouts = bench.collect(tasks, asked.group_size, seed=seed_of("pairs", config.seed))
    require_some(rollouts)
    judged = judge(rollouts, bench.mix, asked.group_size)
    groups, size = grouped(rollouts, asked.group_size), asked.group_size
    rewards = [judged.totals[at : at + size] for at in range(0, len(rollouts), size)]
    pairs = pairs_of(groups, rewards, bench.policy, bench.loop.pixels, margin=asked.margin, per_group=asked.per_group)
    if not pairs:
        raise ConfigError(
            f"pairs: no two of {len(rollouts)} runs differ by {asked.margin} in reward; nothing to learn."
        )
    return pairs
