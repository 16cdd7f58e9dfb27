"""Train a tool-calling Video-LMM of a million parameters from random weights on a CPU: SFT, gate, DGRPO.

    python examples/train_tool_policy.py [--out train-out] [--sft-steps 500] [--rl-steps 60] [--objective dgrpo]

The gym's `clips16`: sixteen clips say a word each and show a shape each; what is asked takes a search for the word, and
mostly a look at the clip. The loop, the tools, the memory and the policy are those of `rewatch ask`. The folder gets
the checkpoint, `metrics.jsonl` and `curve.png`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads gain nothing with so small a model

from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.policy_config import PolicyConfig
from rewatch.agent.small_loop import DIALECT, SYSTEM, small_loop
from rewatch.tools import Budget
from rewatch.training.gym import build_memory, clips16, sample_environments
from rewatch.training.gym.evaluation import play
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards import Mix, is_right, task_reward, tool_bonus, validity
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.recording import recorded_row
from rewatch.training.trainers.gate import Gate
from rewatch.training.trainers.mini import MiniSettings, MiniTrainer
from rewatch.training.trainers.sft import SFTSettings, train_sft
from rewatch.training.trainers.tiny import save_tiny_qwen
from transformers.utils.logging import disable_progress_bar

SHOWN = "stage step s loss epoch reward accuracy tool_rate validity valid_call_rate right_clip clip_iou weight".split()
"""Figures that are printed; all are in metrics.jsonl."""
BUDGET = Budget(frames=16, calls=4, seconds=None)
FAMILIES = ("clips16.color", "clips16.shape", "clips16.clip")


def evaluate(collect: Collector, tasks: list[Any], seed: int) -> dict[str, float]:
    """Sampled runs of held-out tasks: share right, calls that are valid, tools used, the right clip viewed."""
    rollouts = collect(tasks, 1, seed=seed)
    found = Gate().measure(rollouts)
    figures = {
        "accuracy": sum(map(is_right, rollouts)) / len(rollouts),
        "validity": found.validity,
        "tool_rate": sum(bool(r.calls) for r in rollouts) / len(rollouts),
        "right_clip": found.right_clip * found.looks,  # of the tasks that want a look
    }
    for family in FAMILIES:
        its = [r for r in rollouts if r.task.meta["gym"]["family"] == family]
        figures[family] = sum(map(is_right, its)) / max(len(its), 1)
    return figures


def main() -> None:
    """Train, and write what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("train-out"))
    parser.add_argument("--traces", type=int, default=1600)
    parser.add_argument("--guesses", type=float, default=0.5, help="share of traces that answer without looking")
    parser.add_argument("--sft-steps", type=int, default=500)
    parser.add_argument("--rl-steps", type=int, default=60)
    parser.add_argument("--held-out", type=int, default=128)
    parser.add_argument("--objective", default="dgrpo")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    disable_progress_bar()
    began = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    log = (args.out / "metrics.jsonl").open("w", encoding="utf-8")

    def tell(stage: str, step: int, figures: dict[str, float]) -> None:
        row = {"stage": stage, "step": step, "s": round(time.monotonic() - began, 1)}
        row |= {k: round(v, 4) for k, v in figures.items()}
        log.write(json.dumps(row) + "\n")
        log.flush()
        if stage != "sft" or step % 20 == 0:
            print(" ".join(f"{k}={v}" for k, v in row.items() if k in SHOWN), flush=True)

    environments = sample_environments(args.traces, families=FAMILIES, seed=1000 * args.seed)
    fresh = sample_environments(args.held_out, families=FAMILIES, seed=1000 * args.seed + 500_000)
    memory = build_memory([*environments, *fresh], args.out / "memory")
    tasks, held_out = [one.task for one in environments], [one.task for one in fresh]
    folder = save_tiny_qwen(args.out / "start", clips16.corpus(environments), seed=args.seed)
    policy = VideoLMM.load(str(folder), dialect=DIALECT, max_tokens=32, rows=64)
    loop = small_loop(memory, policy)
    collect = Collector(loop=loop, budget=BUDGET)
    size = sum(p.numel() for p in policy.engine.loaded.model.parameters())
    print(f"{size / 1e6:.2f}M parameters, {len(environments)} environments, {time.monotonic() - began:.0f} s")

    expert = Expert.of(tasks, dialect=DIALECT, solvers=clips16.SOLVERS, guess=args.guesses, seed=args.seed)
    rows = [row for rollout in play(loop, tasks, expert) if (row := recorded_row(policy, loop, rollout))]
    print(f"{len(rows)} traces, {time.monotonic() - began:.0f} s")
    settings = SFTSettings(rows=32, seed=args.seed)
    train_sft(policy, rows, steps=args.sft_steps, settings=settings, on_step=lambda step, row: tell("sft", step, row))
    blind = replace(collect, budget=replace(BUDGET, calls=0))
    tell("no tools", 0, evaluate(blind, held_out, seed=1))
    tell("held-out", 0, evaluate(collect, held_out, seed=1))
    ready = Gate(right_clip=0.8).require(collect(held_out, 1, seed=2))
    print(f"gate passed: {ready}")

    mix = Mix({"answer": (task_reward(), 1.0), "tool": (tool_bonus(), 1.0), "validity": (validity(), 1.0)})
    rl_settings = MiniSettings(learning_rate=2e-4, beta=0.0, seed=args.seed)
    trainer = MiniTrainer(collect, mix, args.objective, rl_settings)
    for step in range(1, args.rl_steps + 1):
        trainer.train(tasks, step, on_step=lambda step, figures: tell("rl", step, figures))
        if step % 20 == 0 or step == args.rl_steps:
            tell("held-out", step, evaluate(collect, held_out, seed=1))
    shutil.copytree(folder, args.out / "trained", dirs_exist_ok=True)  # tokenizer, pictures, template
    policy.engine.loaded.model.save_pretrained(args.out / "trained")
    config = PolicyConfig(dialect="short", system=SYSTEM, loop="clips16", settings={"max_tokens": 32, "rows": 64})
    config.save(args.out / "trained")  # so that `rewatch ask --policy train-out/trained` speaks as it was trained
    log.close()
    draw(args.out)


def draw(out: Path) -> None:
    """The curve as a picture."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    held = [row for row in rows if row["stage"] == "held-out"]
    figure, axis = pyplot.subplots(figsize=(7, 4))
    for name in ("accuracy", "tool_rate", "validity", "right_clip"):
        axis.plot([row["step"] for row in held], [row[name] for row in held], marker="o", label=name)
    axis.set(xlabel="RL step", ylabel="held-out, sampled", ylim=(0, 1.02))
    axis.legend()
    figure.tight_layout()
    figure.savefig(out / "curve.png", dpi=120)


if __name__ == "__main__":
    main()
