"""Started twice by torchrun: trains two steps and writes down what the model has become."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(model: str, memory: str, out: str) -> None:
    import torch
    from rewatch.agent.graph import Loop
    from rewatch.agent.planner import plan_by_rules
    from rewatch.agent.policies.video_lmm import VideoLMM
    from rewatch.memory import ClipMemory
    from rewatch.tools import Toolbox, view_clip
    from rewatch.training.collect import Collector
    from rewatch.training.rewards import Mix, Reward
    from rewatch.training.task import Task, Truth
    from rewatch.training.trainer import GraphGRPOTrainer, grpo_config

    torch.set_num_threads(1)
    store = ClipMemory(memory, text_encoder="hashed", read_only=True)
    tasks = [
        Task(id=v.id, question="What colour?", kind="open", truth=Truth(answer="red"), videos=(v.id,))
        for v in store.videos()
    ]
    policy = VideoLMM.load(model, max_tokens=10, max_pixels=4096)
    loop = Loop(memory=store, policy=policy, planner=plan_by_rules, toolbox=Toolbox([view_clip]), system="Look.")
    letters = Reward(name="letters", score=lambda r: sum("a" <= c <= "m" for c in r.said) / max(len(r.said), 1))
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
    trainer = GraphGRPOTrainer(Collector(loop=loop), mix, tasks, args=args, objective="dgrpo_running")
    trainer.train()
    rank = trainer.accelerator.process_index
    told = {
        "processes": trainer.accelerator.num_processes,
        "weights": [float(p.detach().double().sum()) for p in trainer.model.parameters()],
        "samples": trainer.difficulty.samples,
        "said": [fact.reward for fact in trainer._facts],
    }
    Path(out, f"rank{rank}.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
