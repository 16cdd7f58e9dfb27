"""Ablations that the papers report, on policies of a million parameters.

    python benchmarks/training/ablations.py OUT tools|cold|reward|order [--seeds 0 1 2] [--steps 40]

`tools`: the same start and steps, with four calls and with none. `cold`: a start that has hardly learnt to call, which
the gate refuses, trained all the same. `reward`: that start, with the tool bonus paid only where it helped, and as
released, for calls of anything. `order`: T-GRPO and GRPO where only the order of two frames tells, and what either
policy does when the frames are swapped.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arms import ANSWER, FAMILIES, HELD_OUT, LIMITS, cold_start, held_out, interval, reinforced, rows, table

WEAK = 60
"""Steps after which most calls are well formed and lead nowhere: copying what a search found comes at about 130."""
UNGATED = {"answer": ANSWER, "tool": {"reward": "tool_bonus", "options": {"gated": False}}}
PAID = {"answer": ANSWER, "tool": {"reward": "tool_bonus"}}
FIRST = ("clips16.first",)


def tools(out: Path, seeds: Sequence[int], steps: int) -> None:
    """With and without tools."""
    starts = [cold_start(out, seed) for seed in seeds]
    arms = {
        "start": [held_out(start)[-1] for start in starts],
        **{
            name: [
                held_out(reinforced(start, f"{name}-{steps}", seed, objective="dgrpo", steps=steps, calls=calls))[-1]
                for seed, start in zip(seeds, starts, strict=True)
            ]
            for name, calls in (("dgrpo", LIMITS["calls"]), ("without-tools", 0))  # the first is that of objectives.py
        },
    }
    print(table(arms, ("accuracy", *(f"accuracy/{family}" for family in FAMILIES), "tool_rate")))


def cold(out: Path, seeds: Sequence[int], steps: int) -> None:
    """A cold start that is not ready: refused by the gate, and what becomes of it without the gate."""
    from rewatch.training.trainers.gate import GateError

    for seed in seeds:
        start = cold_start(out, seed, steps=WEAK)
        try:
            reinforced(start, "refused", seed, objective="dgrpo", steps=1, gate={})
            print("the gate let it pass")
        except GateError as refused:
            print(f"seed {seed}: {refused}")
        run = reinforced(start, f"cold-{steps}", seed, objective="dgrpo", steps=steps, rewards={"answer": ANSWER})
        curve = [row["tool_rate"] for row in rows(run, "rl")]
        before = held_out(start)[-1]
        print(f"  tool rate {before['tool_rate']:.2f} at the start; by steps of ten:", end=" ")
        print(", ".join(f"{sum(part) / len(part):.2f}" for n in range(0, steps, 10) if (part := curve[n : n + 10])))


def reward(out: Path, seeds: Sequence[int], steps: int) -> None:
    """The tool bonus gated and as released."""
    starts = [cold_start(out, seed, steps=WEAK) for seed in seeds]
    arms = {"start": [held_out(start)[-1] for start in starts]}
    for name, mix in (("gated", PAID), ("ungated", UNGATED)):
        runs = [
            reinforced(start, f"{name}-{steps}", seed, objective="grpo", steps=steps, rewards=mix)
            for seed, start in zip(seeds, starts, strict=True)
        ]
        arms[name] = [held_out(run)[-1] for run in runs]
    print(table(arms, ("reward", "accuracy", "tool_rate", "calls", "valid_call_rate", "right_clip")))


def order(out: Path, seeds: Sequence[int], steps: int) -> None:
    """T-GRPO and GRPO on frames in order and swapped."""
    figures: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        start = cold_start(out, seed, families=FIRST)
        figures.setdefault("start", []).append(_in_order_and_swapped(start, seed))
        for objective in ("grpo", "t_grpo"):
            run = reinforced(
                start,
                f"order-{objective}-{steps}",
                seed,
                objective=objective,
                steps=steps,
                families=FIRST,
                rewards={"answer": ANSWER},
            )
            figures.setdefault(objective, []).append(_in_order_and_swapped(run, seed))
    print(table(figures, ("in order", "swapped", "tool_rate")))
    for name in ("in order", "swapped"):
        pairs = zip(figures["t_grpo"], figures["grpo"], strict=True)
        print(f"  T-GRPO less GRPO, {name}: {interval([one[name] - other[name] for one, other in pairs])}")


def _in_order_and_swapped(run: Path, seed: int) -> dict[str, float]:
    """Accuracy on held-out tasks, and with the two frames of every clip swapped."""
    import tempfile

    from rewatch.agent.models.registry import load_policy
    from rewatch.agent.small_loop import small_loop
    from rewatch.tools import Budget
    from rewatch.training.gym import build_memory, sample_environments
    from rewatch.training.rewards import is_right
    from rewatch.training.rollouts.collector import Collector
    from rewatch.training.rollouts.frame_shuffling import Shuffled

    environments = sample_environments(HELD_OUT, families=FIRST, seed=10_000 * seed + 500_000)
    policy: Any = load_policy(str(run))
    made: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        loop = small_loop(build_memory(environments, folder), policy)
        swapped = replace(loop, policy=Shuffled(policy=policy))
        for name, one in (("in order", loop), ("swapped", swapped)):
            collect = Collector(loop=one, budget=Budget(**LIMITS, seconds=None))
            rollouts = collect([one.task for one in environments], 1, seed=seed)
            made[name] = sum(map(is_right, rollouts)) / len(rollouts)
            made.setdefault("tool_rate", sum(bool(r.calls) for r in rollouts) / len(rollouts))
    return made


ABLATIONS: Mapping[str, Any] = {"tools": tools, "cold": cold, "reward": reward, "order": order}


def main() -> None:
    """Run one, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("what", choices=ABLATIONS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    ABLATIONS[args.what](args.out, args.seeds, args.steps)


if __name__ == "__main__":
    main()
