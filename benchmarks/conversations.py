"""CPU seconds of conversations of several turns in one batch: with prefix caching, and with prompts read whole.

python benchmarks/conversations.py MODEL [--rows 4] [--turns 3]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".typing"))

from rewatch.agent import load_policy  # noqa: E402
from rewatch.agent.models.local_vlm import LocalPolicy  # noqa: E402
from rewatch.agent.models.local_vlm.engine import Engine  # noqa: E402
from rewatch.agent.models.local_vlm.generate import Sampler, generate  # noqa: E402
from rewatch.agent.models.local_vlm.prefix_cache import PrefixCache  # noqa: E402
from rewatch.agent.models.local_vlm.request import Request

SHARED, FIRST, MORE, REPLY = 400, 600, 150, (8, 48)
"""Ids that all prompts begin with, of a first prompt, of an observation at most, and of a reply."""


def converse(engine: Engine, prefixes: PrefixCache | None, rows: int, turns: int) -> tuple[float, int]:
    """CPU seconds and sampled tokens of `rows` conversations."""
    chance = random.Random(0)
    size = min(20_000, len(engine.loaded.tokenizer))

    def ids(count: int) -> list[int]:
        return [chance.randrange(100, size) for _ in range(count)]

    shared = ids(SHARED)
    prompts = [[*shared, *ids(FIRST - SHARED)] for _ in range(rows)]
    past = [0] * rows
    began, tokens = time.process_time(), 0
    for turn in range(turns):
        batch = [
            Request(ids=[*prompt], past=past[n], limit=chance.randint(*REPLY), temperature=1.0, seed=1000 * turn + n)
            for n, prompt in enumerate(prompts)
        ]
        made = generate(engine.loaded, engine.vision, engine.bounds, batch, Sampler, prefixes)
        for n, written in enumerate(made):
            tokens += len(written.ids)
            prompts[n] += written.ids
            past[n] = len(prompts[n])
            prompts[n] += ids(chance.randint(MORE // 2, MORE))
    return time.process_time() - began, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    policy = load_policy(args.model, device="cpu")
    assert isinstance(policy, LocalPolicy) and policy.engine.prefixes is not None
    converse(policy.engine, policy.engine.prefixes, 2, 1)
    policy.engine.forget()
    cached, tokens = converse(policy.engine, policy.engine.prefixes, args.rows, args.turns)
    whole, _ = converse(policy.engine, None, args.rows, args.turns)
    print(f"{tokens} tokens: {cached:.2f} s CPU with prefix caching, {whole:.2f} s without: {whole / cached:.2f} times")


if __name__ == "__main__":
    main()
