"""The parts that every verb works with, put together once: folder, memory, tasks, policy, loop, rewards, listener."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ...agent.models.local_vlm import LocalPolicy
from ...memory import ClipMemory
from ...tools import Budget
from ..data.task import Task
from ..rollouts.collector import Collector, require_some, seed_of
from ..rollouts.rollout import Rollout
from ..trainers.metrics import measure, summary
from .config import ConfigError, Run
from .policy import load, loop_of, source_of
from .rewards import mix_of
from .run_folder import RunFolder, Sinks
from .tasks import Tasks, memory_for, tasks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened in a run, for whoever shows it."""

    kind: Literal["note", "begin", "row"]
    """`note`: words; `begin`: a stage of `steps` steps begins or goes on; `row`: a row of `metrics.jsonl`."""
    text: str = ""
    stage: str = ""
    step: int = 0
    steps: int = 0
    row: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON form: a row is itself."""
        if self.kind == "row":
            return dict(self.row)
        if self.kind == "note":
            return {"note": self.text}
        return {"begin": self.stage, "step": self.step, "steps": self.steps}


Listener = Callable[[Event], None]


class TrainingContext:
    """A run that is set up.

    Args:
        config: the run's configuration.
        stage: sft, rl or dpo.
        out: the run's folder.
        resume: go on with what lies there.
        on_event: is called with everything that happens.
    """

    def __init__(
        self, config: Run, stage: str, out: str | Path, *, resume: bool = False, on_event: Listener | None = None
    ) -> None:
        self.config, self.stage, self._on_event = config, stage, on_event
        self.rank, self.processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.processes > 1 and config.trainer.engine == "mini":
            raise ConfigError("trainer.engine: mini trains in one process; several take trl.")
        self.mix = mix_of(config.rewards)
        train = tasks_of(config.tasks, "tasks")
        held = tasks_of(config.held_out, "held_out") if config.held_out else Tasks(tasks=())
        self.tasks: tuple[Task, ...] = train.tasks
        self.held_out: tuple[Task, ...] = held.tasks
        self.folder = RunFolder(out, config, resume=resume, writes=self.rank == 0)
        self._sinks = Sinks(config.log, self.folder.path, config) if self.rank == 0 else None
        name = "memory" if self.rank == 0 else f"memory-{self.rank}"  # one process writes a memory
        sections = [config.tasks, *([config.held_out] if config.held_out else [])]
        self.note(f"{len(self.tasks)} tasks, {len(self.held_out)} held out; videos are being indexed")
        self.memory: ClipMemory = memory_for(sections, [train, held], self.folder.path / name)
        # A model that is made for this run: each process makes its own, all the same.
        start = self.folder.path if self.rank == 0 else self.folder.path / name
        self.source = source_of(
            config.policy, config.loop, train.environments, start, config.seed, begun=self.folder.begun
        )
        by_mini = stage == "rl" and config.trainer.engine == "mini"
        self.policy: LocalPolicy = load(config.policy, self.source, trains_lora=by_mini)
        self.loop = loop_of(config.loop, self.memory, self.policy, self.source.config)
        budget = Budget(**config.loop.budget.model_dump())
        self.collect = Collector(loop=self.loop, budget=budget, route=config.loop.route)
        self.count_parameters()
        self.note(f"{_millions(self.size)} parameters, {_millions(self.trained)} of them are trained")

    def __enter__(self) -> TrainingContext:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sinks:
            self._sinks.close()

    def count_parameters(self) -> None:
        """Set `size` and `trained` to the parameters of the policy's model, and those of them that are trained."""
        parameters = list(self.policy.engine.loaded.model.parameters())
        self.size = sum(p.numel() for p in parameters)
        self.trained = sum(p.numel() for p in parameters if p.requires_grad)

    def note(self, text: str) -> None:
        """Tell the listener words."""
        self._emit(Event(kind="note", text=text))

    def begin(self, done: int) -> None:
        """Tell the listener that the stage begins, or goes on."""
        self._emit(Event(kind="begin", stage=self.stage, step=done, steps=self.config.trainer.steps))

    def write(self, step: int, figures: Mapping[str, float], stage: str | None = None) -> None:
        """Keep a row of figures, and tell the listener."""
        if self.rank:
            return
        row = self.folder.write(stage or self.stage, step, figures)
        if self._sinks:
            self._sinks.write(row)
        self._emit(Event(kind="row", stage=row["stage"], step=step, steps=self.config.trainer.steps, row=row))

    def _emit(self, event: Event) -> None:
        if self._on_event and self.rank == 0:
            self._on_event(event)

    def evaluate(self, step: int) -> list[Rollout]:
        """Sample the held-out tasks and keep the figures; gives the runs, none where nothing is held out.

        The seeds are the same each time, so that two evaluations differ by the policy alone.
        """
        if not self.held_out:
            return []
        rollouts = self.collect(self.held_out, 1, seed=seed_of("held-out", self.config.seed))
        require_some(rollouts)
        self.write(step, summary(measure(rollouts, self.mix)), "held-out")
        return rollouts

    def evaluate_blind(self, step: int) -> None:
        """Sample the same tasks without tools: the share that can be had by guessing."""
        if not self.held_out or self.rank:
            return
        blind = replace(self.collect, budget=replace(self.collect.budget, calls=0))
        rollouts = blind(self.held_out, 1, seed=seed_of("held-out", self.config.seed))
        figures = summary(measure(rollouts, self.mix))
        kept = ("runs", "failed", "accuracy", "accuracy_se", "reward")
        self.write(step, {name: figures[name] for name in kept if name in figures}, "no-tools")


def _millions(count: int) -> str:
    return f"{count / 1e9:.2f}B" if count >= 1e9 else f"{count / 1e6:.2f}M"
