"""The model card of a run, and its sample runs: what was trained on what, and what was measured; no further claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from ...agent.models.policy_config import saved_policy
from ...agent.report import write_report
from ...memory import CapabilityError
from ...memory.checkpoints import Checkpoint
from ..data.task import Task
from ..trainers.metrics import family_of
from .config import TaskSet, as_yaml
from .context import TrainingContext
from .curves import HELD_OUT
from .policy import TINY

VERBS = {"sft": "supervised learning on traces", "rl": "reinforcement learning", "dpo": "preference learning"}
_LICENSE = "license of what it started from"
_LICENSES = (_LICENSE, "licence of what it started from")
"""The row of the card, and as 0.1 wrote it."""
SAMPLES = 4
_FIGURES = {
    "accuracy": "right answers",
    "failed": "runs that failed, wrong ones above",
    "reward": "reward",
    "tool_rate": "runs that call a tool",
    "valid_call_rate": "calls that are valid",
    "right_clip": "runs that look at the right place",
    "clip_iou": "IoU of claimed and true spans",
    "calls_when_right": "calls of a right run",
    "length": "tokens written",
}


def card(context: TrainingContext, facts: Mapping[str, Any], samples: Mapping[str, list[str]]) -> str:
    """The card as Markdown.

    Args:
        context: the run at its end.
        facts: rows of the card that are the verb's own.
        samples: names of the sample pages, by when they were made.
    """
    config, rows = context.config, context.folder.rows
    held = [row for row in rows if row["stage"] == HELD_OUT]
    parts = [
        f"# {context.folder.path.name}: a tool-calling video policy",
        f"Trained by `rewatch train {context.stage}` ({VERBS[context.stage]}), {config.trainer.steps} steps with the "
        f"engine `{config.trainer.engine}`, seed {config.seed}, {context.folder.seconds / 60:.1f} minutes.",
        "## What was trained",
        _table(
            {
                "started from": _start(context),
                _LICENSE: base_license(context),
                "parameters": f"{context.size:,}, of which {context.trained:,} were trained",
                "saved as": "a LoRA adapter" if context.source.config.base else "whole weights",
                "dialect": context.source.config.dialect,
                "tools": ", ".join(tool.name for tool in context.loop.toolbox),
                "reward": ", ".join(f"{weight:g} × {name}" for name, (_, weight) in context.mix.components.items()),
                **{name.replace("_", " "): str(value) for name, value in facts.items()},
                "trained on": _tasks(config.tasks, context.tasks),
                "measured on": _tasks(config.held_out, context.held_out),
            }
        ),
        "## Measured on held-out tasks",
        _measured(held, [row for row in rows if row["stage"] == "no-tools"]),
        "## Load it",
        f'```\nrewatch ask VIDEO "QUESTION" --policy {context.folder.path}\n```\n\n'
        f'From Python: `rewatch.agent.load_policy("{context.folder.path}")`, or `VideoAgent(memory, policy=…)`. '
        "The folder says its dialect, tools, loop and lengths (`policy/rewatch.json`)." + _base_note(context),
        "## Runs",
        _samples(samples),
        "![curves](curves/overview.png)",
        "## Configuration",
        f"```yaml\n{as_yaml(config)}```",
        "Versions: "
        + ", ".join(f"{name} {_version(name)}" for name in ("rewatch", "torch", "transformers", "trl"))
        + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _start(context: TrainingContext) -> str:
    model = context.config.policy.model
    if model == TINY:
        return f"random weights (seed {context.config.seed}), the architecture of Qwen3-VL"
    return f"`{model}`" + (f", an adapter of `{context.source.name}`" if context.source.adapter else "")


def base_license(context: TrainingContext) -> str:
    """The license that the base model's own card states; else that it is not known."""
    if context.config.policy.model == TINY:
        return "none: random weights"
    run = Path(context.config.policy.model) / "README.md"
    if saved_policy(context.config.policy.model) and run.is_file():
        lines = run.read_text(encoding="utf-8").splitlines()
        cells = [line.split("|") for line in lines if line.startswith("| ")]
        stated = [cell[2].strip() for cell in cells if cell[1].strip() in _LICENSES]
        return stated[0] if stated else "not known: the earlier run's card does not say"
    try:
        text = (Checkpoint.find(context.source.name, kind="Policy").folder / "README.md").read_text(encoding="utf-8")
    except (OSError, CapabilityError):
        return "not known: its folder has no card"
    head = text.split("---")[1] if text.startswith("---") else ""
    found = [line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("license:")]
    return found[0] if found and found[0] else "not stated by its card"


def _tasks(part: TaskSet | None, tasks: Sequence[Task]) -> str:
    if part is None:
        return "nothing held out"
    count = len(tasks)
    if part.files:
        return f"{count} tasks of {', '.join(part.files)}"
    levels = f", levels {', '.join(str(dict(row)) for row in part.levels)}" if part.levels else ""
    return f"{count} tasks of the gym: {', '.join(part.families)}; seeds {part.seed} to {part.seed + count - 1}{levels}"


def _measured(held: list[dict[str, Any]], blind: list[dict[str, Any]]) -> str:
    if not held:
        return "Nothing was held out, so nothing is claimed."
    first, last = held[0], held[-1]
    names = [*_FIGURES, *(n for n in last if n.startswith("accuracy/") and not n.endswith("_se"))]
    lines = [f"| figure | step {first['step']} | step {last['step']} |", "|---|---|---|"]
    for name in names:
        if name in first or name in last:
            label = _FIGURES.get(name, f"right answers, {name.removeprefix('accuracy/')}")
            lines.append(f"| {label} | {_with_error(first, name)} | {_with_error(last, name)} |")
    if blind:
        ends = [_with_error(row, "accuracy") for row in (blind[0], blind[-1])]
        lines.append(f"| right answers without tools | {ends[0]} | {ends[1]} |")
    return "\n".join(lines) + (
        f"\n\nMeans ± standard errors over {last['runs']:.0f} sampled runs (temperature 1), one a task. "
        "They hold for tasks like these; nothing else was measured."
    )


def _with_error(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        return "–"
    error = row.get(f"{name}_se")
    return f"{row[name]:.3f}" + (f" ± {error:.3f}" if error is not None else "")


def _samples(samples: Mapping[str, list[str]]) -> str:
    lines = [
        f"* {when}: " + ", ".join(f"[{n}](samples/{n})" for n in names) for when, names in samples.items() if names
    ]
    return "\n".join(lines) or "No sample runs."


def _base_note(context: TrainingContext) -> str:
    base = context.source.config.base
    return (
        f" The adapter needs its base, `{base}`; if that has moved: `--policy {context.folder.path}?base=FOLDER`."
        if base
        else ""
    )


def _table(rows: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def sample(context: TrainingContext, when: Literal["before", "after"]) -> None:
    """Run a few held-out tasks, of as many families as there are, and write `samples/<when>-<n>.html`."""
    if context.rank:
        return
    for number, task in enumerate(spread(context.held_out), 1):
        name = f"{when}-{number}"
        context.collect.trace(task, context.folder.samples / f"{name}.jsonl", seed=context.config.seed)
        page = context.folder.samples / f"{name}.html"
        write_report(page.with_suffix(".jsonl"), page, open_video=context.memory.open)


def spread(tasks: tuple[Task, ...]) -> list[Task]:
    """Take the first tasks of each family, or kind."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(family_of(task), []).append(task)
    turns = [group[k] for k in range(SAMPLES) for group in groups.values() if k < len(group)]
    return turns[:SAMPLES]
