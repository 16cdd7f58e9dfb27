"""The model card of a run: what was trained on what, what was measured, how to load it; no claim beyond that."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ...agent.models.policy_config import saved_policy
from ...memory import CapabilityError
from ...memory.checkpoints import Checkpoint
from .building import TINY
from .config import TaskSet
from .context import TrainingContext
from .curves import HELD_OUT
from .reading import as_yaml

VERBS = {"sft": "supervised learning on traces", "rl": "reinforcement learning", "dpo": "preference learning"}
_LICENSE = "licence of what it started from"
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


def card(bench: TrainingContext, facts: Mapping[str, Any], samples: Mapping[str, list[str]]) -> str:
    """The card as Markdown.

    Args:
        bench: the run at its end.
        facts: what the verb tells of itself, by name.
        samples: names of the sample pages, by when they were made.
    """
    config, rows = bench.config, bench.folder.rows
    held = [row for row in rows if row["stage"] == HELD_OUT]
    parts = [
        f"# {bench.folder.path.name}: a tool-calling video policy",
        f"Trained by `rewatch train {bench.stage}` ({VERBS[bench.stage]}), {config.trainer.steps} steps with the "
        f"engine `{config.trainer.engine}`, seed {config.seed}, {bench.folder.seconds / 60:.1f} minutes.",
        "## What was trained",
        _table(
            {
                "started from": _start(bench),
                _LICENSE: license(bench),
                "parameters": f"{bench.size:,}, of which {bench.trained:,} were trained",
                "saved as": "a LoRA adapter" if bench.source.config.base else "whole weights",
                "dialect": bench.source.config.dialect,
                "tools": ", ".join(tool.name for tool in bench.loop.toolbox),
                "reward": ", ".join(f"{weight:g} × {name}" for name, (_, weight) in bench.mix.components.items()),
                **{name.replace("_", " "): str(value) for name, value in facts.items()},
                "trained on": _tasks(config.tasks, len(bench.tasks)),
                "measured on": _tasks(config.held_out, len(bench.held_out)) if config.held_out else "nothing held out",
            }
        ),
        "## Measured on held-out tasks",
        _measured(held, [row for row in rows if row["stage"] == "no-tools"]),
        "## Load it",
        f'```\nrewatch ask VIDEO "QUESTION" --policy {bench.folder.path}\n```\n\n'
        f'From Python: `rewatch.agent.load_policy("{bench.folder.path}")`, or `VideoAgent(memory, policy=…)`. '
        "The folder says its dialect, tools, loop and lengths (`policy/rewatch.json`)." + _base_note(bench),
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


def _start(bench: TrainingContext) -> str:
    model = bench.config.policy.model
    if model == TINY:
        return f"random weights (seed {bench.config.seed}), the architecture of Qwen3-VL"
    return f"`{model}`" + (f", an adapter of `{bench.source.name}`" if bench.source.adapter else "")


def license(bench: TrainingContext) -> str:
    """The licence that the base model's own card states; else that it is not known."""
    if bench.config.policy.model == TINY:
        return "none: random weights"
    run = Path(bench.config.policy.model) / "README.md"
    if saved_policy(bench.config.policy.model) and run.is_file():
        lines = run.read_text(encoding="utf-8").splitlines()
        told = [line.split("|")[2].strip() for line in lines if line.startswith(f"| {_LICENSE} |")]
        return told[0] if told else "not known: the earlier run's card does not say"
    try:
        text = (Checkpoint.find(bench.source.name, kind="Policy").folder / "README.md").read_text(encoding="utf-8")
    except (OSError, CapabilityError):
        return "not known: its folder has no card"
    head = text.split("---")[1] if text.startswith("---") else ""
    found = [line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("license:")]
    return found[0] if found and found[0] else "not stated by its card"


def _tasks(asked: TaskSet, count: int) -> str:
    if asked.files:
        return f"{count} tasks of {', '.join(asked.files)}"
    levels = f", levels {', '.join(str(dict(row)) for row in asked.levels)}" if asked.levels else ""
    return (
        f"{count} tasks of the gym: {', '.join(asked.families)}; seeds {asked.seed} to {asked.seed + count - 1}{levels}"
    )


def _measured(held: list[dict[str, Any]], blind: list[dict[str, Any]]) -> str:
    if not held:
        return "Nothing was held out, so nothing is claimed."
    first, last = held[0], held[-1]
    names = [*_FIGURES, *(n for n in last if n.startswith("accuracy/") and not n.endswith("_se"))]
    lines = [f"| figure | step {first['step']} | step {last['step']} |", "|---|---|---|"]
    for name in names:
        if name in first or name in last:
            told = _FIGURES.get(name, f"right answers, {name.removeprefix('accuracy/')}")
            lines.append(f"| {told} | {_with_error(first, name)} | {_with_error(last, name)} |")
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


def _base_note(bench: TrainingContext) -> str:
    base = bench.source.config.base
    return (
        f" The adapter needs its base, `{base}`; if that has moved: `--policy {bench.folder.path}?base=FOLDER`."
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
