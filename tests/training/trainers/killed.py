"""Started to be killed, and then to go on: trains for a number of steps, and writes down each of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

NAMES = ("reward", "loss", "entropy", "flat_share", "length", "grad_norm")
"""Figures that must be the same."""


def main(kind: str, model: str, memory: str, out: str, steps: str) -> None:
    import torch
    from rewatch.agent.graph import Loop
    from rewatch.agent.models.local_vlm import VideoLMM
    from rewatch.agent.planning.planner import plan_by_rules
    from rewatch.memory import ClipMemory
    from rewatch.tools import Toolbox, view_clip
    from rewatch.training.data.task import Task, Truth
    from rewatch.training.rewards import Mix, Reward
    from rewatch.training.rollouts.collector import Collector

    torch.set_num_threads(1)
    store = ClipMemory(memory, text_encoder="hashed", read_only=True)
    tasks = [
        Task(id=v.id, question="What colour?", kind="open", truth=Truth(answer="red"), videos=(v.id,))
        for v in store.videos()
    ]
    policy = VideoLMM.load(model, max_tokens=6, max_pixels=4096)
    loop = Loop(memory=store, policy=policy, planner=plan_by_rules, toolbox=Toolbox([view_clip]), system="Look.")
    letters = Reward(name="letters", score=lambda r: sum("a" <= c <= "m" for c in r.said) / max(len(r.said), 1))
    mix, folder = Mix({"letters": (letters, 1.0)}), Path(out)
    folder.mkdir(parents=True, exist_ok=True)

    def tell(step: int, figures: dict[str, Any]) -> None:
        row = {"step": step, **{name: figures[name] for name in NAMES if name in figures}}
        with (folder / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    {"mini": mini, "trl": by_trl}[kind](Collector(loop=loop), mix, tasks, folder, int(steps), tell)


def mini(collect: Any, mix: Any, tasks: Any, folder: Path, steps: int, tell: Any) -> None:
    import torch
    from rewatch.training.trainers.mini import MiniSettings, MiniTrainer

    settings = MiniSettings(group_size=4, tasks=2, learning_rate=1e-2, warmup=5, beta=0.02, flat="resample")
    trainer = MiniTrainer(collect, mix, "dgrpo_running", settings)
    if (folder / "state.pt").exists():
        trainer.load_state_dict(torch.load(folder / "state.pt", weights_only=False))
    while trainer.steps < steps:
        trainer.train(tasks, trainer.steps + 1, on_step=tell)
        torch.save(trainer.state_dict(), folder / "state.part")
        os.replace(folder / "state.part", folder / "state.pt")


def by_trl(collect: Any, mix: Any, tasks: Any, folder: Path, steps: int, tell: Any) -> None:
    from rewatch.training.trainers.grpo import STATE, GraphGRPOTrainer, grpo_config
    from rewatch.training.trainers.trl_fit import last_checkpoint
    from transformers import TrainerCallback

    class Telling(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **unused: Any) -> None:
            if "reward" in logs:
                tell(state.global_step, logs)

    args = grpo_config(
        "dgrpo_running",
        folder,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=8,
        num_generations=4,
        max_steps=40,  # the same plan for all runs, however far each of them goes
        learning_rate=1e-2,
        logging_steps=1,
        save_steps=1,
        save_total_limit=3,
        report_to=[],
        disable_tqdm=True,
        beta=0.0,
    )
    trainer = GraphGRPOTrainer(collect, mix, tasks, args=args, objective="dgrpo_running", flat="resample")
    trainer.add_callback(Telling())
    trainer.add_callback(_Until(steps))
    trainer.train(resume_from_checkpoint=last_checkpoint(Path(folder), STATE))


def _Until(steps: int) -> Any:
    from transformers import TrainerCallback

    class Until(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **unused: Any) -> None:
            control.should_training_stop = state.global_step >= steps

    return Until()


if __name__ == "__main__":
    main(*sys.argv[1:])
