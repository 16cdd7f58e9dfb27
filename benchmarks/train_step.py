"""A training step of `GraphGRPOTrainer` against TRL's own `environment_factory` loop: same model, tasks, tools, ids.

    python benchmarks/train_step.py [--threads 1] [--steps 5]

Both are TRL's GRPOTrainer with one configuration on two copies of a tiny Qwen3-VL, over the gym's clips16, and take
steps in turn. Every reply is forced to what an expert would say (search, view, answer; one answer in two is wrong), so
that both sample the same tokens by the same number of turns; all else is done as ever: prompts, sampling, tools,
pictures, rewards, log-probabilities, gradients. Exits 1 unless a step of ours costs at most 0.7 of a step of TRL's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--steps", type=int, default=5, help="that count, after two to warm up")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from PIL import Image  # noqa: E402
from rewatch.agent.models.local_vlm import VideoLMM  # noqa: E402
from rewatch.agent.models.local_vlm.generate import Sampler  # noqa: E402
from rewatch.agent.small_loop import SYSTEM, small_loop  # noqa: E402
from rewatch.agent.tool_formats.hermes import HERMES, hermes_call  # noqa: E402
from rewatch.memory import ClipMemory  # noqa: E402
from rewatch.training.data.task import Task  # noqa: E402
from rewatch.training.gym import build_memory, clips16, sample_environments  # noqa: E402
from rewatch.training.rewards import Mix, task_reward  # noqa: E402
from rewatch.training.rollouts.collector import Collector, draw  # noqa: E402
from rewatch.training.trainers.grpo import GraphGRPOTrainer, grpo_config  # noqa: E402
from rewatch.training.trainers.tiny import save_tiny_qwen  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from transformers.utils import get_json_schema  # noqa: E402
from trl import GRPOTrainer  # noqa: E402

MOST, WARM_UP, GROUP, GROUPS = 0.7, 2, 8, 8
FAMILIES = ("clips16.color", "clips16.shape", "clips16.clip")


class Script:
    """The scripted replies to a prompt, by the number of results in it; the k-th rollout of a task by k."""

    def __init__(self, tokenizer: Any, tasks: Sequence[Task]) -> None:
        self._tokenizer = tokenizer
        self._tasks = {task.question: task for task in tasks}
        self._answers: Counter[str] = Counter()

    def __call__(self, ids: Sequence[int]) -> list[int]:
        """The reply's ids, with the one that ends it."""
        asked = self._tokenizer.decode(ids).split("<|im_start|>user\n", 1)[1]
        question, _, behind = asked.partition("<|im_end|>")
        task, results = self._tasks[question], behind.count("<tool_response>")
        about = task.meta["about"]
        if results == 0:
            said = hermes_call("search_clips", {"query": about["query"]})
        elif results == 1 and task.meta["gym"]["family"] != "clips16.clip":
            said = hermes_call("view_clip", {"clip": int(about["clip"])})
        else:
            self._answers[question] += 1
            said = str(task.truth.answer) if self._answers[question] % 2 else "no"
        return [*self._tokenizer(said, add_special_tokens=False)["input_ids"], self._tokenizer.eos_token_id]


class Environment:
    """The gym's two tools as TRL takes them: a class whose methods they are, made once and reset for each rollout."""

    memory: ClipMemory

    def reset(self, video: str, **unused: Any) -> None:
        """Begin with another video."""
        self._video = self.memory.video(video).id

    def search_clips(self, query: str):  # type: ignore[no-untyped-def]  # TRL would put its type into the prompt
        """Find the clip in which a word is said.

        Args:
            query: the word.
        """
        hits = self.memory.search(query, videos=[self._video], channels=("speech",), k=1)
        return f"clip {self._spans().index(hits[0].span)}" if hits else "no clip"

    def view_clip(self, clip: int):  # type: ignore[no-untyped-def]
        """See a clip.

        Args:
            clip: its number, from 0.
        """
        start = self._spans()[clip].start
        (frame,) = self.memory.open(self._video).frames_at([start])
        words = f"clip {clip}<{start:.1f} seconds>"
        return [{"type": "text", "text": words}, {"type": "image", "image": Image.fromarray(frame.image)}]

    def _spans(self) -> list[Any]:
        return [clip.span for clip in self.memory.clips(self._video)]


@dataclass(slots=True)
class Side:
    """One of the two trainers, with what its steps cost."""

    name: str
    policy: VideoLMM
    trainer: GRPOTrainer
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    tokens: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Of each step, by rollout: of the prompt, of the completion, sampled, and pictures."""

    def watch(self) -> None:
        """Time the generation and count what comes of it."""
        plain = self.trainer._generate

        def generate(prompts: list[Any]) -> tuple[Any, ...]:
            began = time.process_time()
            made = plain(prompts)
            self.phases["generation"].append(time.process_time() - began)
            given, written, mask, pictures = made[0], made[1], made[2], made[-1]
            count = len(given)
            sums = sum(map(len, given)), sum(map(len, written)), sum(map(sum, mask)), sum(map(len, pictures or ()))
            self.tokens.append(tuple(total / count for total in sums))  # type: ignore[arg-type]
            return made

        self.trainer._generate = generate


class Turns(TrainerCallback):
    """Lets the trainers take their steps in turn, and times them: only one of them runs at any moment."""

    def __init__(self, side: Side, mine: threading.Semaphore, others: threading.Semaphore) -> None:
        self._side, self._mine, self._others = side, mine, others

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self._mine.acquire()
        self._began = time.process_time(), time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self._side.cpu.append(time.process_time() - self._began[0])
        self._side.wall.append(time.perf_counter() - self._began[1])
        self._others.release()


def ours(folder: Path, memory: ClipMemory, tasks: list[Task], config: Callable[[str], Any]) -> Side:
    """The loop's rollouts."""
    policy = VideoLMM.load(str(folder), dialect=replace(HERMES, cites=False), max_tokens=40, rows=GROUP * GROUPS)
    script = Script(policy.engine.loaded.processor.tokenizer, tasks)

    class Forced(Sampler):
        def __init__(self, batch: Any, *more: Any) -> None:
            super().__init__(batch, *more)
            self.replies = [script(request.ids) for request in batch]

        def choose(self, allowed: Any) -> list[int]:
            super().choose(allowed)  # its work is done, and its outcome is not used
            return [
                reply[min(len(written.ids), len(reply) - 1)]
                for reply, written in zip(self.replies, self.completions, strict=True)
            ]

    policy.engine.sampler = Forced
    mix = Mix({"answer": (task_reward(), 1.0)})
    collect = Collector(loop=small_loop(memory, policy))
    return Side("ours", policy, GraphGRPOTrainer(collect, mix, tasks, args=config("ours"), objective="dgrpo"))


def peers(folder: Path, memory: ClipMemory, tasks: list[Task], config: Callable[[str], Any]) -> Side:
    """TRL's own loop."""
    policy = VideoLMM.load(str(folder))  # only for its model and its processor
    model, processor = policy.engine.loaded.model, policy.engine.loaded.processor
    script = Script(processor.tokenizer, tasks)
    processor.image_processor.size = {"shortest_edge": 64 * 64, "longest_edge": 64 * 64}  # as the loop shows pictures
    plain = model.generate

    def generate(**inputs: Any) -> Any:
        rows = inputs["input_ids"].tolist()
        pad = processor.tokenizer.pad_token_id
        replies = [script([i for i in row if i != pad]) for row in rows]

        def forced(ids: Any, scores: Any) -> Any:
            at = ids.shape[1] - len(rows[0])
            chosen = torch.tensor([reply[min(at, len(reply) - 1)] for reply in replies])
            return torch.full_like(scores, -torch.inf).scatter(1, chosen[:, None], 0.0)

        return plain(**inputs, logits_processor=[forced])

    model.generate = generate
    Environment.memory = memory

    def answered(completions: list[Any], answer: list[str], **unused: Any) -> list[float]:
        return [float(said[-1].get("content") == truth) for said, truth in zip(completions, answer, strict=True)]

    settings = config("peer")
    steps = range(settings.max_steps)
    asked = [task for step in steps for task in draw(tasks, GROUPS, seed=settings.seed, step=step)]  # as ours draws
    rows = [
        {
            "prompt": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": task.question}],
            "video": task.videos[0],
            "answer": str(task.truth.answer),
        }
        for task in asked
    ]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=answered,
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        environment_factory=Environment,
    )
    return Side("TRL's", policy, trainer)


def main() -> int:
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)

        def config(name: str) -> Any:
            return grpo_config(
                "dgrpo", place / name, use_cpu=True, bf16=False, gradient_checkpointing=False, beta=0.0, report_to=[],
                per_device_train_batch_size=16, gradient_accumulation_steps=GROUP * GROUPS // 16,
                num_generations=GROUP, max_completion_length=512, learning_rate=1e-5, save_strategy="no",
                disable_tqdm=True, logging_strategy="no", max_steps=WARM_UP + options.steps,
            )  # fmt: skip

        environments = sample_environments(64, families=FAMILIES, seed=0)
        memory, tasks = build_memory(environments, place / "memory"), [one.task for one in environments]
        tools = [
            *small_loop(memory, None).toolbox.schemas([]),
            *map(get_json_schema, (Environment.search_clips, Environment.view_clip)),
        ]
        texts = clips16.corpus(environments) + [json.dumps(tools)] * 20
        folder = save_tiny_qwen(place / "start", texts)
        sides = ours(folder, memory, tasks, config), peers(folder, memory, tasks, config)
        gates = threading.Semaphore(1), threading.Semaphore(0)
        threads = []
        for n, side in enumerate(sides):
            side.watch()
            side.trainer.add_callback(Turns(side, gates[n], gates[1 - n]))
            threads.append(threading.Thread(target=side.trainer.train))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told(sides)


def told(sides: Sequence[Side]) -> int:
    """Print what was measured; 1 if the limit is missed."""
    for side in sides:
        cpu, wall = side.cpu[WARM_UP:], side.wall[WARM_UP:]
        prompt, completion, sampled, pictures = map(statistics.mean, zip(*side.tokens[WARM_UP:], strict=True))
        generation = min(side.phases["generation"][WARM_UP:])
        print(
            f"{side.name}: CPU {min(cpu):.2f} s (median {statistics.median(cpu):.2f}), of which generation "
            f"{generation:.2f}; wall {min(wall):.2f} s (median {statistics.median(wall):.2f}). A rollout has "
            f"{prompt:.1f} ids of prompt, {completion:.1f} behind it, {sampled:.1f} of them sampled, {pictures:.2f} "
            "pictures."
        )
    ratios = [min(a) / min(b) for a, b in ((sides[0].cpu, sides[1].cpu), (sides[0].wall, sides[1].wall))]
    print(f"a step of ours costs {ratios[0]:.2f} of TRL's in CPU seconds and {ratios[1]:.2f} in wall time")
    return 0 if max(ratios) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
