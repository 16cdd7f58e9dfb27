"""What every verb works with, put together once: folder, memory, tasks, policy, loop, rewards, and who listens."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from ...agent.models.local_vlm import LocalPolicy
from ...memory import ClipMemory
from ..data.task import Task
from ..rollouts.collector import Collector, require_some, seed_of
from ..rollouts.rollout import Rollout
from .building import budget_of, load, loop_of, source_of
from .config import Run
from .folder import RunFolder
from .measuring import measure, summary
from .reading import ConfigError
from .rewards import mix_of
from .sinks import Sinks
from .tasks import Tasks, memory_for, tasks_of
from .told import Event, Listener, nobody


class TrainingContext:
    """A run that is set up.

    Args:
        config: what is wanted.
        stage: sft, rl or dpo.
        out: the run's folder.
        resume: go on with what lies there.
        told: is told what happens.
    """

    def __init__(
        self, config: Run, stage: str, out: str | Path, *, resume: bool = False, told: Listener | None = None
    ) -> None:
        self.config, self.stage, self.told = config, stage, told or nobody
        self.rank, self.processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.processes > 1 and config.trainer.engine == "mini":
            raise ConfigError("trainer.engine: mini trains in one process; several take trl.")
        self.mix = mix_of(config.rewards)
        train = tasks_of(config.tasks, "tasks")
        held = tasks_of(config.held_out, "held_out") if config.held_out else Tasks(tasks=())
        self.tasks: tuple[Task, ...] = train.tasks
        self.held_out: tuple[Task, ...] = held.tasks
        self.folder = RunFolder(out, config, resume=resume, writes=self.rank == 0)
        self.sinks = Sinks(config.log, self.folder.path, config) if self.rank == 0 else None
        name = "memory" if self.rank == 0 else f"memory-{self.rank}"  # one process writes a memory
        sections = [config.tasks, *([config.held_out] if config.held_out else [])]
        self.note(f"{len(self.tasks)} tasks, {len(self.held_out)} held out; videos are being indexed")
        self.memory: ClipMemory = memory_for(sections, [train, held], self.folder.path / name)
        lessons = train.lessons
        self.source = source_of(
            config.policy, config.loop, lessons, self._start(), config.seed, begun=self.folder.begun
        )
        self.policy: LocalPolicy = load(config.policy, self.source, trains_lora=config.trainer.engine == "mini")
        self.loop = loop_of(config.loop, self.memory, self.policy, self.source.config)
        self.collect = Collector(loop=self.loop, budget=budget_of(config.loop), route=config.loop.route)
        parameters = list(self.policy.engine.loaded.model.parameters())
        self.size = sum(p.numel() for p in parameters)
        self.trained = sum(p.numel() for p in parameters if p.requires_grad)
        self.note(f"{_millions(self.size)} parameters, {_millions(self.trained)} of them are trained")

    def __enter__(self) -> TrainingContext:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.sinks:
            self.sinks.close()

    def _start(self) -> Path:
        """Where a model that is made for this run lies: each process makes its own, all the same."""
        return self.folder.path if self.rank == 0 else self.folder.path / f"memory-{self.rank}"

    def note(self, text: str) -> None:
        """Tell words."""
        if self.rank == 0:
            self.told(Event(kind="note", text=text))

    def begin(self, done: int) -> None:
        """Tell that the stage begins, or goes on."""
        if self.rank == 0:
            self.told(Event(kind="begin", stage=self.stage, step=done, steps=self.config.trainer.steps))

    def write(self, step: int, figures: Mapping[str, float], stage: str | None = None) -> None:
        """Keep a row of figures, and tell it."""
        if self.rank:
            return
        row = self.folder.write(stage or self.stage, step, figures)
        if self.sinks:
            self.sinks.write(row)
        steps = self.config.trainer.steps
        self.told(Event(kind="row", stage=row["stage"], step=step, steps=steps, row=row))

    def sample_held_out(self, tasks: Sequence[Task] | None = None) -> list[Rollout]:
        """One sampled run of each held-out task; the same seeds each time, so that two looks differ by the policy."""
        some = self.held_out if tasks is None else tasks
        rollouts = self.collect(some, 1, seed=seed_of("held-out", self.config.seed))
        require_some(rollouts)
        return rollouts

    def evaluate(self, step: int) -> list[Rollout]:
        """Sample the held-out tasks and keep the figures; gives the runs, none where nothing is held out."""
        if not self.held_out:
            return []
        rollouts = self.sample_held_out()
        self.write(step, summary(measure(rollouts, self.mix)), "held-out")
        return rollouts

    def evaluate_blind(self, step: int) -> None:
        """The same tasks without tools: what can be had by guessing."""
        if not self.held_out or self.rank:
            return
        budget = replace(self.collect.budget, calls=0)
        rollouts = replace(self.collect, budget=budget)(self.held_out, 1, seed=seed_of("held-out", self.config.seed))
        told = summary(measure(rollouts, self.mix))
        kept = ("runs", "failed", "accuracy", "accuracy_se", "reward")
        figures: dict[str, float] = {name: told[name] for name in kept if name in told}
        self.write(step, figures, "no-tools")


def _millions(count: int) -> str:
    return f"{count / 1e9:.2f}B" if count >= 1e9 else f"{count / 1e6:.2f}M"
