"""Started twice by torchrun: trains two steps and writes down what the model has become."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rewatch.cli.terminal.exit import leave


def main(model: str, memory: str, out: str) -> None:
    import torch
    from rewatch.agent.graph import Loop
    from rewatch.agent.models.local_vlm import VideoLMM
    from rewatch.agent.planning.planner import plan_by_rules
    from rewatch.memory import ClipMemory
    from rewatch.tools import Toolbox, view_clip
    from rewatch.training.data.task import Task, Truth
    from rewatch.training.rewards import Mix, Reward
    from rewatch.training.rollouts.collector import Collector
    from rewatch.training.trainers.grpo import GraphGRPOTrainer, grpo_config

    torch.set_num_threads(1)
    store = ClipMemory(memory, text_encoder="hashed", read_only=True)
    tasks = [
        Task(id=v.id, question="What colour?", kind="open", truth=Truth(answer="red"), videos=(v.id,))
        for v in store.videos()
    ]
    policy = VideoLMM.load(model, max_tokens=10, max_pixels=4096)
    loop = Loop(memory=store, policy=policy, planner=plan_by_rules, toolbox=Toolbox([view_clip]), system="Look.")
    dull = {task.id for task in tasks[:2]}
    letters = Reward(
        name="letters",
        score=lambda r: 0.5 if r.task.id in dull else sum("a" <= c <= "m" for c in r.said) / max(len(r.said), 1),
    )
    tries: list[int] = []

    class Counted(Collector):
        """Tells how often it is asked in a step."""

        def __call__(self, *given: Any, **how: Any) -> Any:
            tries.append(1)
            return super().__call__(*given, **how)

    args = grpo_config(
        "dgrpo_running",
        out,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=4,
        num_generations=4,
        max_steps=2,
        learning_rate=1e-2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        beta=0.0,
    )
    mix = Mix({"letters": (letters, 1.0)})
    collect = Counted(loop=loop)
    trainer = GraphGRPOTrainer(collect, mix, tasks, args=args, objective="dgrpo_running", flat="resample", most_tries=2)
    trainer.train()
    rank = trainer.accelerator.process_index
    told = {
        "processes": trainer.accelerator.num_processes,
        "weights": [float(p.detach().double().sum()) for p in trainer.model.parameters()],
        "samples": trainer.difficulty.samples,
        "said": [one.reward for one in trainer.stats],
        "tries": tries,
        **{
            name: [row[name] for row in trainer.state.log_history if name in row]
            for name in ("resampled", "flat_share")
        },
    }
    Path(out, f"rank{rank}.json").write_text(json.dumps(told), encoding="utf-8")
    trainer.accelerator.end_training()  # threads of the process group that outlive the interpreter abort it


if __name__ == "__main__":
    main(*sys.argv[1:])
    leave(0)  # as the command does: threads inside C++ do not survive Python's shutdown
