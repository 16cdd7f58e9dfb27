"""DGRPO, GRPO and SFT alone from the same cold starts, the same number of steps: accuracy by difficulty.

    python benchmarks/training/objectives.py OUT [--seeds 0 1 2] [--steps 40] [--arm grpo]

With --arm only that arm is trained (so that several processes share the work); the table needs all of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from arms import FAMILIES, cold_start, held_out, interval, reinforced, table

ARMS = ("sft", "grpo", "dgrpo")
FIGURES = ("accuracy", *(f"accuracy/{family}" for family in FAMILIES), "tool_rate", "valid_call_rate", "right_clip")


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--arm", choices=ARMS)
    args = parser.parse_args()
    last = {}
    for arm in [args.arm] if args.arm else ARMS:
        runs = []
        for seed in args.seeds:
            start = cold_start(args.out, seed)
            if arm == "sft":  # as many steps more of what it learnt from
                start = cold_start(args.out, seed, steps=300 + args.steps)
            else:
                start = reinforced(start, f"{arm}-{args.steps}", seed, objective=arm, steps=args.steps)
            runs.append(held_out(start)[-1])
        last[arm] = runs
    if args.arm:
        return
    starts = [held_out(cold_start(args.out, seed))[-1] for seed in args.seeds]
    print(table({"start": starts, **last}, FIGURES))
    print("\nDGRPO less GRPO, seed by seed:")
    for name in FIGURES:
        pairs = zip(last["dgrpo"], last["grpo"], strict=True)
        print(f"  {name}: {interval([one.get(name, 0.0) - other.get(name, 0.0) for one, other in pairs])}")


if __name__ == "__main__":
    main()
