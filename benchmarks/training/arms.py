"""Arms of a comparison as runs of `rewatch train`: one cold start a seed, and what is trained from it.

A run that lies in the folder already is not made again, so that a comparison can be stopped and gone on with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rewatch.training.experiments import RLRun, SFTRun, read_config, rl, sft

FAMILIES = ("clips16.color", "clips16.shape", "clips16.clip", "clips16.echo")
LIMITS = {"frames": 16, "calls": 4}
ANSWER = {"reward": "task_reward"}
GATED = {"answer": ANSWER, "tool": {"reward": "tool_bonus"}, "validity": {"reward": "validity"}}
"""Up to 3, as VITAL's: the answer, calls that helped, and the share of calls that worked."""
HELD_OUT = 240


def _common(families: Sequence[str], seed: int, calls: int, train: Sequence[str] | None = None) -> dict[str, Any]:
    first = 10_000 * seed
    return {
        "loop": {"preset": "clips16", "budget": {**LIMITS, "calls": calls}},
        "tasks": {"families": list(train or families), "count": 800, "seed": first},
        "held_out": {"families": list(families), "count": HELD_OUT, "seed": first + 500_000},
        "seed": seed,
    }


def cold_start(
    out: Path, seed: int, *, families: Sequence[str] = FAMILIES, steps: int = 300, guesses: float = 0.5
) -> Path:
    """A policy that learnt from traces, of which a share guesses; gives its run."""
    return _made(
        out / f"start-{'-'.join(f.split('.')[1] for f in families)}-{steps}-{guesses:g}-{seed}",
        SFTRun,
        {
            **_common(families, seed, LIMITS["calls"]),
            "policy": {"model": "tiny"},
            "rewards": {"components": GATED},
            "traces": {"expert": {"guesses": guesses}},
            "trainer": {"engine": "mini", "steps": steps, "evaluate_every": steps, "save_every": steps, "rows": 32},
        },
    )


def reinforced(
    start: Path,
    name: str,
    seed: int,
    *,
    objective: str,
    steps: int,
    families: Sequence[str] = FAMILIES,
    train: Sequence[str] | None = None,
    rewards: Mapping[str, Any] | None = None,
    calls: int = LIMITS["calls"],
    gate: Mapping[str, float] | None = None,
    evaluate_every: int = 20,
    **settings: Any,
) -> Path:
    """Train a start by reinforcement learning; return its run."""
    return _made(
        start.parent / f"{name}-{seed}",
        RLRun,
        {
            **_common(families, seed, calls, train),
            "policy": {"model": str(start)},
            "rewards": {"components": dict(rewards or GATED)},
            "objective": objective,
            "gate": gate,
            "trainer": {
                "engine": "mini",
                "steps": steps,
                "evaluate_every": evaluate_every,
                "save_every": steps,
                "learning_rate": 2e-4,
                "beta": 0.0,
                **settings,
            },
        },
    )


def _made(out: Path, kind: type, values: Mapping[str, Any]) -> Path:
    if not (out / "README.md").is_file():
        config = read_config(kind, dict(values))
        run = sft if kind is SFTRun else rl
        run(config, out, resume=(out / "config.yaml").is_file())  # type: ignore[operator]
    print(f"{out.name}: {short(held_out(out)[-1])}", flush=True)
    return out


def rows(run: Path, stage: str) -> list[dict[str, Any]]:
    """The rows of figures of a stage."""
    text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    return [row for row in map(json.loads, text.splitlines()) if row["stage"] == stage]


def held_out(run: Path) -> list[dict[str, Any]]:
    """Return what was measured on held-out tasks, in order."""
    return rows(run, "held-out")


SHOWN = ("accuracy", "tool_rate", "valid_call_rate", "right_clip", "calls", "reward")


def short(row: Mapping[str, Any]) -> str:
    """The main figures in a line."""
    families = {name: value for name, value in row.items() if name.startswith("accuracy/") and not name.endswith("_se")}
    some = {name: row[name] for name in SHOWN if name in row} | families
    return f"step {row['step']}, {row['s']:.0f} s, " + ", ".join(f"{k} {v:.2f}" for k, v in some.items())


def interval(values: Sequence[float]) -> str:
    """Mean and half of the 95 % interval (Student's t over seeds)."""
    from scipy.stats import t

    count, mean = len(values), sum(values) / len(values)
    if count < 2:
        return f"{mean:.3f}"
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (count - 1))
    return f"{mean:.3f} ± {t.ppf(0.975, count - 1) * spread / math.sqrt(count):.3f}"


def table(arms: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]) -> str:
    """Figures of the last rows of each arm, one run a seed, as a table for results.md."""
    lines = ["| arm | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for arm, last in arms.items():
        cells = [interval([row.get(name, 0.0) for row in last]) for name in names]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
