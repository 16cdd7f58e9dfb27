"""Where should DGRPO differ from GRPO? Where easy tasks dominate and rewards go above 1, so that its weight acts.

    python benchmarks/training/regimes.py OUT [--seeds 0 1 2] [--steps 40] [--regime rare] [--arm grpo]

`easy`: six tasks in eight are echo or clip, which are soon solved; colour and shape are one each.
`rare`: seven tasks in eight are echo or clip, and colour, which is harder and can be learnt, is one.
Rewards are up to 3 in both; with rewards within [0, 1] the weight is 1 and the two objectives are one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from arms import FAMILIES, cold_start, held_out, interval, reinforced, table

_EASY = ("clips16.echo", "clips16.clip", "clips16.echo")
REGIMES = {
    "easy": (*_EASY, "clips16.color", *_EASY, "clips16.shape"),
    "rare": (*_EASY, "clips16.color", *_EASY, "clips16.clip"),
}
"""Families of the training tasks, which take turns; all are measured on the same ones."""
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
                        train=REGIMES[regime],
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
