"""How well a policy does on held-out tasks: means over sampled runs, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..rewards import Mix
from ..rollouts.collector import failure
from ..rollouts.rollout import Rollout
from ..trainers.gate import Gate
from ..trainers.scoring import figures, judge

Measured = dict[str, float]
"""The figures of one run; one that it does not have (the validity of no calls) is left out."""


def measure(rollouts: Sequence[Rollout], mix: Mix) -> list[Measured]:
    """The figures of each run, under the names of `judge.figures`; of the gym's families; and of the gate's looks.

    A run that failed is a wrong one in every accuracy.
    """
    made = []
    for rollout in rollouts:
        row = figures([rollout], judge([rollout], mix, 1))
        row[f"accuracy/{family_of(rollout)}"] = row["accuracy"]
        if failure(rollout) is None:
            found = Gate().measure([rollout])
            if found.runs:
                row |= {"looks": found.looks, "right_clip": found.looks * found.right_clip}
        made.append(row)
    return made


def family_of(rollout: Rollout) -> str:
    """What a task is counted under: its family in the gym, or its kind."""
    made = rollout.task.meta.get("gym")
    return str(made["family"]) if isinstance(made, Mapping) else rollout.task.kind


def summary(rows: Sequence[Measured]) -> dict[str, float]:
    """Means and, as `<name>_se`, standard errors over runs; `runs` says how many there were.

    The validity of calls is over all calls, as in training; its error is that of a ratio.
    """
    told: dict[str, float] = {"runs": float(len(rows))}
    for name in dict.fromkeys(name for row in rows for name in row):
        some = [row for row in rows if name in row]
        weights = [row["calls"] if name == "valid_call_rate" else 1.0 for row in some]
        total = sum(weights)
        mean = sum(w * row[name] for w, row in zip(weights, some, strict=True)) / total
        told[name] = mean
        if len(some) > 1 and name not in ("failed", "truncated", "turns"):
            off = sum((w * (row[name] - mean)) ** 2 for w, row in zip(weights, some, strict=True))
            told[f"{name}_se"] = math.sqrt(off * len(some) / (len(some) - 1)) / total
    kinds = [name for name in told if name.startswith("accuracy/") and not name.endswith("_se")]
    if len(kinds) == 1:
        told = {name: value for name, value in told.items() if not name.startswith("accuracy/")}
    return told
