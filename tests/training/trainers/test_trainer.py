"""The contract with TRL: what was sampled is what it scores, and its loss is that of the mini trainer."""

from __future__ import annotations

import inspect
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.memory import CapabilityError, ClipMemory
from rewatch.training.data.task import Task
from rewatch.training.objectives import OBJECTIVES
from rewatch.training.rewards import Mix, Reward
from rewatch.training.rollouts.collector import CollectError, Collector
from rewatch.training.rollouts.frame_shuffling import collect_shuffled
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.rollouts.rows import row_of
from rewatch.training.trainers.mini import MiniSettings, MiniTrainer

from ...agent.models.local_vlm.steering import steered
from .test_mini import LETTERS, gradient, looks_or_not

pytest.importorskip("trl", reason="the trainer is TRL's")
MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]
MakeCollect = Callable[..., Collector]
Looked = tuple[list[Rollout], list[Rollout]]


def arguments(folder: Path, objective: str, **settings: Any) -> Any:
    from rewatch.training.trainers.grpo import grpo_config

    given = {
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_steps": 2,
        "learning_rate": 1e-3,
        "max_completion_length": 1024,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "beta": 0.0,
    }
    return grpo_config(objective, folder, **{**given, **settings})


class Replayed:
    """A collector that brings rollouts which were made before."""

    def __init__(self, collect: Collector, rollouts: Sequence[Rollout]) -> None:
        self.loop, self.temperature, self.rollouts = collect.loop, 1.0, list(rollouts)

    def __call__(self, tasks: Sequence[Task], group_size: int, **unused: Any) -> list[Rollout]:
        assert len(tasks) * group_size == len(self.rollouts)
        return self.rollouts


@pytest.fixture(scope="module")
def make_collect(make_policy: MakePolicy, make_loop: MakeLoop) -> MakeCollect:
    return lambda words=48: Collector(loop=make_loop(make_policy(max_tokens=words)))


@pytest.fixture(scope="module")
def looked(make_collect: MakeCollect, tasks: list[Task]) -> Looked:
    """Eight rollouts of two tasks: some look at four frames, some at none; and runs out of order."""
    collect = make_collect()
    with steered(collect.loop.policy, looks_or_not()):  # type: ignore[arg-type]
        return collect(tasks[:2], 4), collect_shuffled(collect, tasks[:2], 4, 0)


def trl_trainer(collect: Any, mix: Mix, tasks: Sequence[Task], args: Any, objective: str, **more: Any) -> Any:
    from rewatch.training.trainers.grpo import GraphGRPOTrainer

    return GraphGRPOTrainer(collect, mix, tasks, args=args, objective=objective, **more)


def generated(trainer: Any, size: int = 8) -> list[dict[str, Any]]:
    """The micro-batches of one generation, shuffled and split as TRL does it."""
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = trainer.args.gradient_accumulation_steps
    inputs = [dict(row) for row in trainer.train_dataset.select(range(2)) for _ in range(size // 2)]
    trainer._prepare_inputs(inputs)
    return trainer._buffered_inputs


def rescored(trainer: Any, batch: dict[str, Any]) -> torch.Tensor:
    """Log-probabilities as TRL makes them for its loss, less those of sampling, where something was sampled."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    names = ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")
    given = {name: batch.get(name) for name in names}
    with torch.no_grad():
        logps, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, attention, batch["completion_ids"].shape[1], **given
        )
    mask = (batch["completion_mask"] * batch["tool_mask"]).bool()
    return (logps - batch["sampling_per_token_logps"])[mask]


def spread(rollouts: Sequence[Rollout]) -> Mix:
    """Rewards that differ within groups, and of which the second group's mean is above 1."""
    given = {id(r): v for r, v in zip(rollouts, [0.1, 0.9, 0.4, 0.2, 1.9, 2.4, 1.1, 1.2], strict=True)}
    return Mix({"spread": (Reward(name="spread", score=lambda r: given.get(id(r), 0.0), high=3.0), 1.0)})


def test_what_was_sampled_is_what_trl_scores_through_shuffling_and_micro_batches(
    make_collect: MakeCollect,
    looked: Looked,
    tasks: list[Task],
    tmp_path: Path,
) -> None:
    rollouts, _ = looked
    replayed = Replayed(make_collect(), rollouts)
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    trainer = trl_trainer(replayed, spread(rollouts), tasks, arguments(tmp_path, "grpo", **settings), "grpo")
    batches = generated(trainer)
    assert len(batches) == 4 and sum(b["image_grid_thw"].shape[0] for b in batches) == sum(
        len(t["pictures"]) for r in rollouts for t in r.turns
    )
    assert {len(b["image_grid_thw"]) for b in batches} != {4 * 2}  # rows with and without pictures lie mixed
    off = torch.cat([rescored(trainer, batch) for batch in batches])
    assert len(off) == sum(len(t["sampled"]) for r in rollouts for t in r.turns)
    assert off.abs().max() < 1e-4
    # what a mistake costs: pictures of other rows
    batch = next(b for b in batches if len(b["image_grid_thw"]) > 1)
    wrong = rescored(trainer, {**batch, "pixel_values": batch["pixel_values"].flip(0)})
    assert wrong.abs().max() > 1e-3


NAMES = ["grpo", "dgrpo", "grpo_sequence", "dr_grpo", "gspo", "tw_grpo", "reg_grpo", "t_grpo"]
CUT = ["grpo", "grpo_sequence", "dr_grpo", "tw_grpo"]


@pytest.mark.parametrize(("name", "cut"), [*((name, 1) for name in NAMES), *((name, 2) for name in CUT)])
def test_loss_and_gradient_are_those_of_the_mini_trainer(
    name: str,
    cut: int,
    make_collect: MakeCollect,
    looked: Looked,
    tasks: list[Task],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rollouts, shuffled = looked
    monkeypatch.setattr("rewatch.training.trainers.grpo.collect_shuffled", lambda *given: shuffled)
    mix = spread(rollouts)
    mini = MiniTrainer(make_collect(), mix, name, MiniSettings(group_size=4, beta=0.0, longest=1024))
    _, made, group = mini.advantages(rollouts, shuffled)
    mini.optimizer.zero_grad()
    rows = [row_of(mini.policy, r.messages, mini.collect.loop.pixels) for r in rollouts]
    told = mini.backward(rows, made, group, {})

    settings = {"per_device_train_batch_size": 8 // cut, "gradient_accumulation_steps": cut}
    trainer = trl_trainer(Replayed(make_collect(), rollouts), mix, tasks, arguments(tmp_path, name, **settings), name)
    loss = 0.0
    for batch in generated(trainer):
        part = trainer._compute_loss(trainer.model, batch)
        part.backward()
        loss += float(part.detach())
    trainer.parameters = [p for p in trainer.model.parameters() if p.requires_grad]
    ours, theirs = gradient(mini), gradient(trainer)
    assert loss == pytest.approx(told["loss"], abs=1e-5, rel=1e-4)
    assert (ours - theirs).norm() < 1e-4 * ours.norm() and ours.norm() > 0


def test_training_logs_what_the_loop_did_and_warns_where_dgrpo_was_plain_grpo(
    make_collect: MakeCollect, tasks: list[Task], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = trl_trainer(make_collect(10), LETTERS, tasks, arguments(tmp_path, "dgrpo"), "dgrpo")
    before = [p.detach().clone() for p in trainer.model.parameters()]
    trainer.train()
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
    logs = [log for log in trainer.state.log_history if "reward" in log]
    assert len(logs) == 2 and all(math.isfinite(log["loss"]) for log in logs)
    wanted = {"tool_rate", "calls", "length", "turns", "accuracy", "flat_share", "weight", "entropy", "failed"}
    assert wanted <= set(logs[0]) and logs[0]["rewards/letters/mean"] == pytest.approx(logs[0]["reward/letters"])
    assert logs[0]["weight"] == 1 and "plain GRPO" in caplog.text
    assert logs[0]["num_tokens"] < logs[1]["num_tokens"]


def test_flat_groups_are_left_out_of_the_mean(
    make_collect: MakeCollect,
    looked: Looked,
    tasks: list[Task],
    tmp_path: Path,
) -> None:
    rollouts, _ = looked
    first = rollouts[0].task.id
    score = {id(r): k / 4 for k, r in enumerate(rollouts)}
    mix = Mix({"first": (Reward(name="first", score=lambda r: score[id(r)] if r.task.id == first else 0.5), 1.0)})
    trainer = trl_trainer(
        Replayed(make_collect(), rollouts), mix, tasks, arguments(tmp_path, "grpo"), "grpo", flat="drop"
    )
    (batch,) = generated(trainer)
    written = sum(len(t["sampled"]) for r in rollouts[:4] for t in r.turns)
    assert batch["num_items_in_batch"] == written == (batch["completion_mask"] * batch["tool_mask"]).sum()
    assert trainer._metrics["train"]["flat_share"] == [0.5]


def test_a_run_that_failed_teaches_nothing_and_a_step_of_failures_is_an_error(
    make_collect: MakeCollect,
    looked: Looked,
    tasks: list[Task],
    tmp_path: Path,
) -> None:
    rollouts = list(looked[0])
    gone = replace(rollouts[1], messages=(), meta={"failed": "VideoError: gone"})
    mix = spread([*rollouts[:1], gone, *rollouts[2:]])
    collect = Replayed(make_collect(), [*rollouts[:1], gone, *rollouts[2:]])
    trainer = trl_trainer(collect, mix, tasks, arguments(tmp_path, "grpo"), "grpo")
    (batch,) = generated(trainer)
    empty = (batch["completion_mask"] * batch["tool_mask"]).sum(1) == 0
    assert empty.sum() == 1 and batch["advantages"][empty] == 0 and (batch["advantages"] != 0).sum() == 7
    assert torch.isfinite(trainer._compute_loss(trainer.model, batch))
    collect.rollouts = [replace(r, meta={"failed": "VideoError: gone"}) for r in rollouts]
    trainer._buffered_inputs = None
    with pytest.raises(CollectError, match="All 8 rollouts failed.*gone"):
        generated(trainer)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    make_collect: MakeCollect, tasks: list[Task], tmp_path: Path
) -> None:
    def trainer(folder: str) -> Any:
        settings = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2, "learning_rate": 1e-2}
        args = arguments(tmp_path / folder, "dgrpo_running", **settings)
        return trl_trainer(make_collect(10), LETTERS, tasks, args, "dgrpo_running")

    whole = trainer("whole")
    whole.train()
    rest = trainer("rest")
    rest.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    curves = [[log["reward"] for log in t.state.log_history if "reward" in log] for t in (whole, rest)]
    assert curves[0] == pytest.approx(curves[1]) and len(curves[0]) == 4
    assert whole.difficulty.samples == pytest.approx(rest.difficulty.samples)
    assert whole.weights.rollouts == rest.weights.rollouts
    for a, b in zip(whole.model.parameters(), rest.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_lora_and_kl(make_collect: MakeCollect, tasks: list[Task], tmp_path: Path) -> None:
    from peft import LoraConfig

    collect = make_collect(10)
    lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj"])
    args = arguments(tmp_path, "dgrpo", beta=0.05, learning_rate=5e-2)
    trainer = trl_trainer(collect, LETTERS, tasks, args, "dgrpo", peft_config=lora)
    trainer.train()
    logs = [log for log in trainer.state.log_history if "kl" in log]
    assert logs[0]["kl"] == pytest.approx(0, abs=1e-6) and logs[1]["kl"] > 1e-6
    assert collect.loop.policy.engine.loaded.model is trainer.model  # type: ignore[attr-defined]


def test_kl_of_a_whole_model_is_to_the_model_on_disk(
    make_collect: MakeCollect, tasks: list[Task], tmp_path: Path
) -> None:
    args = arguments(tmp_path, "grpo", beta=0.05, learning_rate=1e-2)
    trainer = trl_trainer(make_collect(10), LETTERS, tasks, args, "grpo")
    trainer.train()
    logs = [log["kl"] for log in trainer.state.log_history if "kl" in log]
    assert logs[0] == pytest.approx(0, abs=1e-6) and logs[1] > 1e-6


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights(folder: Path, colors: ClipMemory, tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    given = [str(folder), str(colors.folder), str(tmp_path)]
    with (tmp_path / "log").open("w") as log:
        torchrun = subprocess.Popen([*command, *given], stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
        try:
            assert torchrun.wait(timeout=280) == 0, (tmp_path / "log").read_text()[-3000:]
        finally:
            if torchrun.poll() is None:
                os.killpg(torchrun.pid, signal.SIGKILL)  # its workers too
    one, two = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert one["processes"] == 2 and one["weights"] == two["weights"]
    assert one["samples"] == two["samples"] and len(one["samples"]) >= 2
    assert one["said"] != two["said"]  # each has collected runs of its own
    # tasks whose runs are all worth the same were drawn anew, by each process as often as it needed
    assert sum(one["tries"]) != sum(two["tries"]) and len(one["tries"]) + len(two["tries"]) > 4
    assert one["flat_share"] == two["flat_share"] and one["resampled"] == two["resampled"] and sum(one["resampled"]) > 0


def test_what_would_train_on_something_else_is_refused(
    make_collect: MakeCollect,
    make_policy: MakePolicy,
    make_loop: MakeLoop,
    tasks: list[Task],
    tmp_path: Path,
) -> None:
    def refused(
        message: str, collect: Any = None, objective: str = "grpo", error: Any = ValueError, **how: Any
    ) -> None:
        with pytest.raises(error, match=message):
            trl_trainer(collect or make_collect(), LETTERS, tasks, arguments(tmp_path, objective, **how), objective)

    refused("temperature 1", temperature=0.7)
    refused("ds3_gather_for_generation", ds3_gather_for_generation=False)
    refused("temperature 1", collect=replace(make_collect(), temperature=0.5))
    refused(
        "steps_per_generation to 1", objective="reg_grpo", per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    video = Collector(loop=make_loop(make_policy(frames_as="video")))
    refused("frames_as=images", collect=video, error=CapabilityError)


def test_the_private_surface_of_trl_is_as_it_was() -> None:
    from trl import GRPOTrainer

    def names(method: Any) -> list[str]:
        return list(inspect.signature(method).parameters)[1:]

    assert names(GRPOTrainer._generate) == ["prompts"]
    assert names(GRPOTrainer._generate_and_score_completions) == ["inputs"]
    assert names(GRPOTrainer._compute_loss) == ["model", "inputs"]
    assert names(GRPOTrainer._get_per_token_logps_and_entropies)[:6] == [
        "model",
        "input_ids",
        "attention_mask",
        "logits_to_keep",
        "batch_size",
        "compute_entropy",
    ]
    returned = inspect.getsource(GRPOTrainer._generate).rsplit("return ", 1)[1]
    assert returned.replace("\n", " ").split(",")[0] == "prompt_ids" and returned.count(",") == 7
    assert set(OBJECTIVES) >= {"dgrpo", "reg_grpo"}
