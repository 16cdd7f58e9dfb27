"""Where should DGRPO differ from GRPO? Easy tasks dominating, rewards above 1 (its weight) and below (no weight).

    python benchmarks/training/regimes.py OUT [--seeds 0 1 2] [--steps 40] [--regime easy] [--arm grpo]

`easy`: six tasks in eight are echo or clip, which are soon solved, and shape is rare; rewards up to 3.
`small`: the same with rewards within [0, 1], where the weight is 1 and both must be the same run, to the digit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from arms import FAMILIES, GATED, cold_start, held_out, interval, reinforced, table

EASY = ("clips16.echo", "clips16.clip", "clips16.echo", "clips16.color") + (
    "clips16.echo",
    "clips16.clip",
    "clips16.echo",
    "clips16.shape",
)
SMALL = {name: {**part, "weight": 1 / 3} for name, part in GATED.items()}
REGIMES = {"easy": GATED, "small": SMALL}
ARMS = ("grpo", "dgrpo")
FIGURES = ("accuracy", *(f"accuracy/{family}" for family in FAMILIES), "tool_rate")


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--regime", choices=REGIMES)
    parser.add_argument("--arm", choices=ARMS)
    args = parser.parse_args()
    for regime in [args.regime] if args.regime else REGIMES:
        last = {}
        for arm in [args.arm] if args.arm else ARMS:
            last[arm] = [
                held_out(
                    reinforced(
                        cold_start(args.out, seed),
                        f"{regime}-{arm}-{args.steps}",
                        seed,
                        objective=arm,
                        steps=args.steps,
                        train=EASY,
                        rewards=REGIMES[regime],
                    )
                )[-1]
                for seed in args.seeds
            ]
        if len(last) == len(ARMS):
            print(f"\n{regime}\n{table(last, FIGURES)}")
            for name in FIGURES:
                pairs = zip(last["dgrpo"], last["grpo"], strict=True)
                print(f"  {name}: {interval([one.get(name, 0.0) - other.get(name, 0.0) for one, other in pairs])}")


if __name__ == "__main__":
    main()
