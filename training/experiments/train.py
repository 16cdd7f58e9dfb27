"""`rewatch train`: supervised learning on traces (`sft`), reinforcement learning (`rl`), preferences (`dpo`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..gym import clips16
from ..gym.evaluation import play
from ..gym.expert import Expert
from ..rollouts.collector import grouped, require_some, seed_of
from ..rollouts.recording import recorded_row
from ..rollouts.rollout import Rollout
from ..rollouts.rows import Row
from ..synthesis import read_conversations, read_preferences
from ..trainers.mini import MiniSettings, MiniTrainer
from ..trainers.preference import DPOSettings, Preference, pairs_of, recorded_pairs
from ..trainers.scoring import judge
from ..trainers.sft import SFTSettings
from .config import ConfigError, DPORun, RLRun, SFTRun, settings_of
from .context import Listener, TrainingContext
from .driver import drive, finish
from .rewards import objective_of


def sft(config: SFTRun, out: str | Path, *, resume: bool = False, on_event: Listener | None = None) -> Path:
    """Teach a policy from traces; gives the run's folder.

    Args:
        config: the run's configuration.
        out: the run's folder.
        resume: go on with the run that lies there.
        on_event: is called with everything that happens.

    Raises:
        ConfigError: if the configuration cannot be.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    settings = _trl_settings(config, SFTSettings)
    with TrainingContext(config, "sft", out, resume=resume, on_event=on_event) as context:
        if context.folder.finished:
            return _finished(context)
        rows = rows_of(context, config)
        from .trl_engine import sft_by_trl  # TRL is slow to import: a mistake in the configuration is told before

        return finish(context, {"traces": len(rows)}, sft_by_trl(context, rows, settings))


def rl(config: RLRun, out: str | Path, *, resume: bool = False, on_event: Listener | None = None) -> Path:
    """Train a policy on rewards of its own runs; gives the run's folder.

    The arguments are those of `sft`.

    Raises:
        ConfigError: if the configuration cannot be.
        GateError: if the policy cannot use its tools yet.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    by_mini = config.trainer.engine == "mini"
    settings = settings_of(MiniSettings, config.trainer, seed=config.seed) if by_mini else None
    objective = objective_of(config.objective)
    if config.gate and not config.held_out:
        raise ConfigError("gate: it is measured on held_out tasks; give them, or set gate to null.")
    with TrainingContext(config, "rl", out, resume=resume, on_event=on_event) as context:
        if context.folder.finished:
            return _finished(context)

        def on_start(rollouts: Sequence[Rollout]) -> None:
            _pass_gate(context, config, rollouts)

        if not by_mini:
            from .trl_engine import rl_by_trl

            return finish(context, {"objective": config.objective}, rl_by_trl(context, config, on_start))
        trainer = MiniTrainer(context.collect, context.mix, objective, settings)
        drive(context, trainer, on_start)
        if trainer.warning:
            context.note(trainer.warning)
        return finish(context, {"objective": config.objective})


def dpo(config: DPORun, out: str | Path, *, resume: bool = False, on_event: Listener | None = None) -> Path:
    """Teach a policy which of two runs is better; gives the run's folder.

    The arguments are those of `sft`.

    Raises:
        ConfigError: if the configuration cannot be, or no two runs differ by the margin.
        RunFolderError: if the folder holds another run.
        CapabilityError: if the policy cannot be loaded here.
    """
    settings = _trl_settings(config, DPOSettings)
    if config.pairs.rollouts is None and not config.pairs.files:
        raise ConfigError("pairs: give rollouts (groups, group_size, margin), or files.")
    with TrainingContext(config, "dpo", out, resume=resume, on_event=on_event) as context:
        if context.folder.finished:
            return _finished(context)
        pairs = preferences_of(context, config)
        from .trl_engine import dpo_by_trl

        return finish(context, {"pairs": len(pairs)}, dpo_by_trl(context, pairs, settings))


def _trl_settings(config: SFTRun | DPORun, own: type[SFTSettings | DPOSettings]) -> Mapping[str, Any]:
    """The trainer's settings by TRL's names: TRL trains for the engine `mini` too, whose settings are translated."""
    if config.trainer.engine == "trl":
        return config.trainer.settings
    return settings_of(own, config.trainer, seed=config.seed).trl_arguments()


def _finished(context: TrainingContext) -> Path:
    path = context.folder.path
    context.note(f"{path} is finished: there is nothing to go on with; give another --out to train again")
    return path


def _pass_gate(context: TrainingContext, config: RLRun, rollouts: Sequence[Rollout]) -> None:
    """Refuse a policy that reinforcement learning would make worse."""
    if config.gate is None:
        return
    found = config.gate.require(rollouts)
    context.note(
        f"gate passed: {found.validity:.0%} of {found.calls} calls are valid, {found.looks:.0%} of runs look, "
        f"{found.right_clip:.0%} of those at the right clip"
    )


def rows_of(context: TrainingContext, config: SFTRun) -> list[Row]:
    """The traces as this model's ids.

    Raises:
        ConfigError: if there are none.
        ConversationError: if a file is wrong.
    """
    rollouts = _expert_runs(context, config) if config.traces.expert else []
    rollouts += [one for path in config.traces.files for one in read_conversations(path)]
    rows: list[Row] = []
    for rollout in rollouts:
        rows += [row] if (row := recorded_row(context.policy, context.loop, rollout)) else []
    if not rows:
        raise ConfigError("traces: there is nothing to learn from; give expert or files.")
    context.note(f"{len(rows)} traces, {sum(row.written for row in rows)} tokens to learn")
    return rows


def _expert_runs(context: TrainingContext, config: SFTRun) -> list[Rollout]:
    """The expert's runs of the training tasks."""
    part = config.traces.expert
    assert part is not None
    if not config.tasks.families:
        raise ConfigError("traces.expert: the expert knows the gym's tasks only; give tasks.families, or trace files.")
    tasks = context.tasks[: part.count]
    solvers: dict[str, Any] = {"solvers": clips16.SOLVERS} if config.loop.preset == "clips16" else {}
    expert = Expert.of(
        tasks,
        dialect=context.source.config.spoken(),
        guess=part.guesses,
        waste=part.waste,
        seed=config.seed,
        **solvers,
    )
    return play(context.loop, tasks, expert)


def preferences_of(context: TrainingContext, config: DPORun) -> list[Preference]:
    """The pairs of files, and those of the policy's own runs.

    Raises:
        ConfigError: if there are none.
        ConversationError: if a file is wrong.
    """
    pairs: list[Preference] = []
    for path in config.pairs.files:
        judged = [(one.chosen, one.rejected, one.margin) for one in read_preferences(path)]
        pairs += recorded_pairs(judged, context.policy, context.loop)
    if config.pairs.rollouts:
        pairs += _sampled_pairs(context, config)
    if not pairs:
        raise ConfigError("pairs: the files hold no two conversations that differ; nothing to learn.")
    context.note(f"{len(pairs)} pairs")
    return pairs


def _sampled_pairs(context: TrainingContext, config: DPORun) -> list[Preference]:
    """Pairs of the policy's own runs, better against worse by the rewards.

    Raises:
        ConfigError: if no two runs differ by the margin.
    """
    part = config.pairs.rollouts
    assert part is not None
    tasks, size = context.tasks[: part.groups], part.group_size
    context.note(f"{len(tasks)} tasks are run {size} times each")
    rollouts = context.collect(tasks, size, seed=seed_of("pairs", config.seed))
    require_some(rollouts)
    totals = judge(rollouts, context.mix, size).totals
    pairs = pairs_of(
        grouped(rollouts, size),
        [totals[at : at + size] for at in range(0, len(rollouts), size)],
        context.policy,
        context.loop.pixels,
        margin=part.margin,
        per_group=part.per_group,
    )
    if not pairs:
        raise ConfigError(f"pairs: no two of {len(rollouts)} runs differ by {part.margin} in reward; nothing to learn.")
    return pairs
