"""Sample runs as traces and as the pages that `rewatch report` writes."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from ...agent.report import write_report
from ...agent.runner import Runner, run_event, run_to_end
from ..data.task import Task
from ..rollouts.collector import Collector, seed_of
from .context import TrainingContext

COUNT = 4


def sample(bench: TrainingContext, when: Literal["before", "after"]) -> list[str]:
    """Run a few held-out tasks, of as many families as there are, and write `samples/<when>-<n>.html`; gives names."""
    if not bench.held_out or bench.rank:
        return []
    names = []
    for number, task in enumerate(spread(bench.held_out), 1):
        name = f"{when}-{number}"
        trace(bench.collect, task, bench.folder.samples / f"{name}.jsonl", seed=bench.config.seed)
        page = bench.folder.samples / f"{name}.html"
        write_report(page.with_suffix(".jsonl"), page, open_video=bench.memory.open)
        names.append(page.name)
    return names


def spread(tasks: tuple[Task, ...]) -> list[Task]:
    """The first tasks of each family, or kind."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(str((task.meta.get("gym") or {}).get("family", task.kind)), []).append(task)
    turns = [group[k] for k in range(COUNT) for group in groups.values() if k < len(group)]
    return turns[:COUNT]


def trace(collect: Collector, task: Task, path: Any, *, seed: int) -> None:
    """One sampled run of a task with its trace; an earlier trace in its place goes."""
    path.unlink(missing_ok=True)
    runner = Runner(graph=collect.graph, traces=path.parent, first_event=partial(run_event, collect.loop))
    run_to_end(runner.run(path.stem, collect.first_state(task, seed_of("sample", seed, task.id))))
