"""Figures of a step's rollouts, and of held-out tasks: means over sampled runs, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..data.task import Task
from ..objectives import Advantages, Objective
from ..rewards import Mix, is_right, tiou
from ..rewards.presets import reply_tokens
from ..rollouts.collector import failure
from ..rollouts.rollout import Rollout
from .gate import Gate
from .scoring import ScoredBatch, judge

_iou = tiou()
Measured = dict[str, float]
"""The figures of one run; one that it does not have (the validity of no calls) is left out."""


def figures(rollouts: Sequence[Rollout], judged: ScoredBatch) -> dict[str, float]:
    """Means over the rollouts of a step; a figure that no rollout has (the validity of no calls) is left out.

    A run that failed teaches nothing, so it has no reward, and it answered nothing, so it is not right: `accuracy` is
    over all runs, `failed` says how many of them failed, and everything else is over those that did not.
    """
    kept = [n for n, total in enumerate(judged.totals) if not math.isnan(total)]
    able = [rollouts[n] for n in kept]
    is_true = {id(rollout): is_right(rollout) for rollout in able}
    values_of: dict[str, list[float]] = {
        "reward": [judged.totals[n] for n in kept],
        **{f"reward/{name}": [values[n] for n in kept] for name, values in judged.parts.items()},
        "task_reward": [judged.correct[n] for n in kept],
        "accuracy": [float(is_true.get(id(r), False)) for r in rollouts],
        "tool_rate": [float(bool(r.calls)) for r in able],
        "valid_call_rate": [float(call.valid) for r in able for call in r.calls],
        "calls": [float(len(r.calls)) for r in able],
        "calls_when_right": [float(len(r.calls)) for r in able if is_true[id(r)]],
        "clip_iou": [_iou(r) for r in able if r.task.truth.spans],
        "turns": [float(len(r.turns)) for r in able],
        "length": [float(reply_tokens(r)) for r in able],
        "truncated": [float(_is_cut(r)) for r in able],
        "failed": [float(failure(r) is not None) for r in rollouts],
    }
    by_kind: dict[str, list[float]] = {}
    for rollout in rollouts:
        by_kind.setdefault(f"accuracy/{rollout.task.kind}", []).append(float(is_true.get(id(rollout), False)))
    values_of |= by_kind if len(by_kind) > 1 else {}
    return {name: sum(values) / len(values) for name, values in values_of.items() if values}


def advantage_figures(made: Advantages, objective: Objective) -> dict[str, float]:
    """The share of groups without advantages, the spread of rewards, and the mean difficulty weight."""
    found = {"flat_share": made.flat_share, "group_std": float(made.std.nanmean())}
    return found | ({"weight": float(made.weight.mean())} if objective.weigh else {})


def _is_cut(rollout: Rollout) -> bool:
    return any(message.response_metadata.get("finish_reason") == "length" for message in rollout.own)


def measure(rollouts: Sequence[Rollout], mix: Mix) -> list[Measured]:
    """The figures of each run, under the names of `judge.figures`; of the gym's families; and of the gate's looks.

    A run that failed is a wrong one in every accuracy.
    """
    made = []
    for rollout in rollouts:
        row = figures([rollout], judge([rollout], mix, 1))
        row[f"accuracy/{family_of(rollout.task)}"] = row["accuracy"]
        if failure(rollout) is None:
            found = Gate().measure([rollout])
            if found.runs:
                row |= {"looks": found.looks, "right_clip": found.looks * found.right_clip}
        made.append(row)
    return made


def family_of(task: Task) -> str:
    """The name that a task is counted under: its family in the gym, or its kind."""
    made = task.meta.get("gym")
    return str(made["family"]) if isinstance(made, Mapping) else task.kind


def summary(rows: Sequence[Measured]) -> dict[str, float]:
    """Means and, as `<name>_se`, standard errors over runs; `runs` says how many there were.

    The validity of calls is over all calls, as in training; its error is that of a ratio.
    """
    means: dict[str, float] = {"runs": float(len(rows))}
    for name in dict.fromkeys(name for row in rows for name in row):
        some = [row for row in rows if name in row]
        weights = [row["calls"] if name == "valid_call_rate" else 1.0 for row in some]
        total = sum(weights)
        mean = sum(w * row[name] for w, row in zip(weights, some, strict=True)) / total
        means[name] = mean
        if len(some) > 1 and name not in ("failed", "truncated", "turns"):
            off = sum((w * (row[name] - mean)) ** 2 for w, row in zip(weights, some, strict=True))
            means[f"{name}_se"] = math.sqrt(off * len(some) / (len(some) - 1)) / total
    kinds = [name for name in means if name.startswith("accuracy/") and not name.endswith("_se")]
    if len(kinds) == 1:
        means = {name: value for name, value in means.items() if not name.startswith("accuracy/")}
    return means
