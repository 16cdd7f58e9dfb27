"""The mini trainer: its gradient is the formula's, its curve rises, and it goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.training.data.task import Task
from rewatch.training.objectives import OBJECTIVES, Surrogate, objective_named
from rewatch.training.rewards import Mix, Reward
from rewatch.training.rollouts.collector import Collector, draw
from rewatch.training.rollouts.frame_shuffling import collect_shuffled, out_of_order
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.rollouts.rows import row_of
from rewatch.training.trainers.mini import MiniSettings, MiniTrainer

from ...agent.models.local_vlm.steering import observation, steered
from ..rollouts.test_collector import looks_once, turn

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]
SMALL = MiniSettings(group_size=4, tasks=2, learning_rate=3e-3, warmup=1, beta=0.0)


def letters(rollout: Rollout) -> float:
    """Share of letters a to m among all that was written: a reward that a random model can climb."""
    return sum("a" <= c <= "m" for c in rollout.said) / max(len(rollout.said), 1)


LETTERS = Mix({"letters": (Reward(name="letters", score=letters), 1.0)})


@pytest.fixture(scope="module")
def make_trainer(make_policy: MakePolicy, make_loop: MakeLoop) -> Callable[..., MiniTrainer]:
    def trainer(
        objective: Any = "grpo", settings: MiniSettings = SMALL, mix: Mix = LETTERS, words: int = 10
    ) -> MiniTrainer:
        collect = Collector(loop=make_loop(make_policy(max_tokens=words)))
        return MiniTrainer(collect, mix, objective, settings)

    return trainer


def gradients(trainer: MiniTrainer, rollouts: Sequence[Rollout]) -> tuple[dict[str, float], torch.Tensor]:
    trainer.optimizer.zero_grad()
    _, made, group = trainer.advantages(rollouts)
    rows = [row_of(trainer.policy, r.messages, trainer.collect.loop.pixels) for r in rollouts]
    told = trainer.backward(rows, made, group, {})
    return told, gradient(trainer)


def gradient(trainer: MiniTrainer) -> torch.Tensor:
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trainer.parameters])


def looks_or_not() -> Callable[[str], str]:
    """Every other run looks at four frames, and all answer in words of their own."""
    asked = count()

    def reply(prompt: str) -> str:
        number = next(asked)
        return looks_once(prompt) if turn(prompt) == 0 and number % 2 else f'{{"answer": "{number}"}}'

    return reply


def test_the_gradient_is_that_of_the_formula_however_it_is_cut(
    make_trainer: Callable[..., MiniTrainer], tasks: list[Task]
) -> None:
    trainer = make_trainer()
    rollouts = trainer.collect(tasks[:2], 4, seed=3)
    told, whole = gradients(trainer, rollouts)
    trainer.settings = replace(SMALL, micro_batch=3)
    told_3, parts = gradients(trainer, rollouts)
    assert (whole - parts).norm() < 1e-4 * whole.norm() and told["loss"] == pytest.approx(told_3["loss"], abs=1e-6)

    # By hand: the mean over all sampled tokens of -A * log p, A = (r - mean) / std in the group.
    reward = torch.tensor([letters(r) for r in rollouts]).view(2, 4)
    advantage = ((reward - reward.mean(1, True)) / (reward.std(1, keepdim=True) + 1e-6)).flatten()
    trainer.optimizer.zero_grad()
    rows = [trainer.policy.turns.row(r.messages, trainer.collect.loop.pixels) for r in rollouts]
    logp = trainer.policy.engine.logprobs(rows)
    loss = -sum(a * p.sum() for a, p in zip(advantage, logp, strict=True)) / sum(len(p) for p in logp)
    loss.backward()
    hand = gradient(trainer)
    assert (whole - hand).norm() < 1e-4 * hand.norm()


def test_flat_groups_count_or_are_dropped_and_cost_no_pass(
    make_trainer: Callable[..., MiniTrainer], tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tasks[0].id
    reward = Reward(name="first", score=lambda r: letters(r) if r.task.id == first else 0.5)
    trainer = make_trainer(mix=Mix({"first": (reward, 1.0)}))
    rollouts = trainer.collect(tasks[:2], 4, seed=3)
    told, counted = gradients(trainer, rollouts)
    assert told["used"] == 0.5
    trainer.settings = replace(SMALL, flat="drop")
    _, dropped = gradients(trainer, rollouts)
    written = [sum(len(t["sampled"]) for t in r.turns) for r in rollouts]
    assert torch.allclose(dropped, counted * sum(written) / sum(written[:4]), atol=1e-7)
    told = trainer.learn(rollouts)
    assert told["flat_share"] == 0.5 and told["reward"] < 1


def test_reward_rises(make_trainer: Callable[..., MiniTrainer], tasks: list[Task]) -> None:
    curve = make_trainer(settings=replace(SMALL, learning_rate=3e-2, group_size=8)).train(tasks, 10)
    assert curve[-1]["reward"] > curve[0]["reward"] + 0.15
    assert curve[-1]["entropy"] < curve[0]["entropy"]
    assert max(figures["off_sampling"] for figures in curve) < 1e-4


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    make_trainer: Callable[..., MiniTrainer], tasks: list[Task]
) -> None:
    settings = replace(SMALL, beta=0.05)
    whole = make_trainer("dgrpo_running", settings)
    curve = whole.train(tasks, 4)
    first = make_trainer("dgrpo_running", settings)
    first.train(tasks, 2)
    state = first.state_dict()
    second = make_trainer("dgrpo_running", settings)
    second.load_state_dict(state)
    rest = second.train(tasks, 4)
    assert [f["reward"] for f in rest] == [f["reward"] for f in curve[2:]] and second.steps == 4
    assert rest[-1]["kl"] == pytest.approx(curve[-1]["kl"], rel=1e-3) and rest[-1]["kl"] > 0
    for a, b in zip(whole.parameters, second.parameters, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.fixture(scope="module")
def looked(make_trainer: Callable[..., MiniTrainer], tasks: list[Task]) -> tuple[list[Rollout], list[Rollout]]:
    """Rollouts of which half look at frames, and others out of order."""
    collect = make_trainer(words=48).collect
    with steered(collect.loop.policy, looks_or_not()):  # type: ignore[arg-type]
        found = collect(tasks[:2], 4), collect_shuffled(collect, tasks[:2], 4, 0)
    assert 0 < sum(bool(r.looked) for r in found[0]) < 8
    return found


def test_every_objective_trains(
    make_trainer: Callable[..., MiniTrainer], looked: tuple[list[Rollout], list[Rollout]]
) -> None:
    rollouts, shuffled = looked
    spread = iter([0.1, 0.9, 0.4, 0.2, 1.9, 2.4, 1.1, 1.2] * 20)
    mix = Mix({"said": (Reward(name="said", score=lambda r: next(spread), high=3.0), 1.0)})
    moved: dict[str, torch.Tensor] = {}
    for name in OBJECTIVES:
        trainer = make_trainer(name, replace(SMALL, beta=None), mix)
        before = torch.cat([p.detach().flatten().clone() for p in trainer.parameters])
        told = trainer.learn(rollouts, shuffled)
        moved[name] = torch.cat([p.detach().flatten() for p in trainer.parameters]) - before
        assert torch.isfinite(moved[name]).all() and moved[name].abs().max() > 0, name
        assert ("kl" in told) == bool(objective_named(name).surrogate.beta), name
    assert not torch.equal(moved["dgrpo"], moved["grpo"])  # the second group's mean is above 1
    assert not torch.equal(moved["tw_grpo"], moved["grpo"])


def test_dual_clip_and_old_log_probabilities_take_part(
    make_trainer: Callable[..., MiniTrainer], tasks: list[Task]
) -> None:
    objective = replace(objective_named("grpo"), surrogate=Surrogate(low=0.2, high=0.2))
    trainer = make_trainer(objective, replace(SMALL, updates=4, learning_rate=2e-2))
    told = trainer.learn(trainer.collect(tasks[:2], 4, seed=3))
    assert told["clipped_low"] + told["clipped_high"] > 0 and told["ratio"] != pytest.approx(1, abs=1e-3)


def test_frames_out_of_order_keep_their_times_and_change_what_is_seen(
    make_trainer: Callable[..., MiniTrainer], tasks: list[Task]
) -> None:
    uris = [f"video:0a1b2c3d#t={t}" for t in (1, 2, 3)]
    mixed = out_of_order(observation("Three frames.", uris))
    assert [b["text"] for b in mixed.content[1::2]] == ["<1.0 seconds>", "<2.0 seconds>", "<3.0 seconds>"]
    shown = [b["url"] for b in mixed.content[2::2]]
    assert sorted(shown) == uris and shown != uris
    alone = observation("One.", uris[:1])
    assert out_of_order(alone) is alone

    collect = make_trainer(words=48).collect
    policy = collect.loop.policy
    with steered(policy, looks_once):  # type: ignore[arg-type]
        rollouts, others = collect(tasks[:1], 2), collect_shuffled(collect, tasks[:1], 4, 0)
    assert len(others) == 2 and all(r.meta["shuffled"] for r in others)
    straight, crooked = rollouts[0].turns[1], others[0].turns[1]
    assert straight["given"] == crooked["given"] and straight["pictures"] != crooked["pictures"]
    assert sorted(straight["pictures"]) == sorted(crooked["pictures"])
    assert straight["logprobs"] != crooked["logprobs"]


def test_tasks_are_drawn_by_weight_and_the_same_for_a_step(tasks: list[Task]) -> None:
    assert draw(tasks, 3, seed=1, step=5) == draw(tasks, 3, seed=1, step=5)
    assert len({t.id for t in draw(tasks, 5, seed=1, step=5)}) == 5
    heavy = [replace(tasks[0], weight=20.0), *tasks[1:]]
    drawn = [draw(heavy, 1, seed=1, step=k)[0].id for k in range(200)]
    assert 140 < drawn.count(tasks[0].id) < 200
