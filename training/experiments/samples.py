"""Sample runs as traces and as the pages that `rewatch report` writes."""

from __future__ import annotations

import time
from typing import Any, Literal

from ...agent.questions.question import question_about
from ...agent.report import write_report
from ...agent.runner import Runs, run_to_end
from ...agent.trace import SCHEMA
from ...memory import ClipMemory
from ...memory.files.names import to_text
from ...tools.schemas import function_schema
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
    from ...version import __version__

    loop, memory = collect.loop, collect.loop.memory
    question = question_about(
        memory, task.question, options=task.options or None, videos=task.videos or None, now=task.now
    )
    state = {
        "question": question.as_dict(),
        "budget": collect.budget.as_dict(),
        "route": collect.route,
        "sampling": {"temperature": collect.temperature, "seed": seed_of("sample", seed, task.id)},
    }

    def head(run_id: str, first: dict[str, Any]) -> dict[str, Any]:
        return {
            "event": "run",
            "schema": SCHEMA,
            "rewatch": __version__,
            "run_id": run_id,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "question": first["question"],
            "paths": {v["id"]: _path(memory, v["id"]) for v in question.as_dict()["videos"]},
            "budget": first["budget"],
            "policy": loop.policy._llm_type,
            "tools": [function_schema(tool)["function"] for tool in loop.toolbox],
        }

    path.unlink(missing_ok=True)
    runs = Runs(graph=collect.graph, saver=None, traces=path.parent, first_event=head)
    run_to_end(runs.drive(path.stem, state, None))


def _path(memory: ClipMemory, video: str) -> str:
    return to_text(memory.video(video).path)
