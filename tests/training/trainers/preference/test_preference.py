"""Pairs come from reward and verifier together; DPO on them is the formula, and moves what the policy does."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.training.data.task import Task
from rewatch.training.rewards import Mix, Reward, task_reward
from rewatch.training.rollouts.collector import Collector, grouped
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.rollouts.rows import row_of
from rewatch.training.trainers.mini import MiniSettings
from rewatch.training.trainers.preference import (
    DPOSettings,
    Preference,
    VerifierDPO,
    dpo_trainer,
    evidence_verifier,
    pairs_of,
    picked,
    train_dpo,
)
from rewatch.training.trainers.sft import SFTSettings, train_sft

from ....agent.models.local_vlm.steering import steered
from ...rollouts.test_collector import look, turn
from ..test_mini import LETTERS, gradient

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]
QUICK = DPOSettings(pairs=4, learning_rate=1e-2, warmup=1)


def cites(start: float, end: float, color: str) -> Callable[[str], str]:
    """Looks at 8 s to 12 s, and cites a place of the video that it was asked about."""

    def reply(prompt: str) -> str:
        if turn(prompt) == 0:
            return look(8, 12)
        video = prompt.split("Video ")[1].split(" ")[0]
        uri = f"video:{video}#t={start:g},{end:g}"
        return json.dumps({"answer": color, "evidence": [{"claim": color, "uri": uri}]})

    return reply


@pytest.fixture(scope="module")
def groups(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> list[list[Rollout]]:
    """For each of two tasks a run that looks and cites, one that cites what it never saw, and one that guesses."""
    made: list[list[Rollout]] = []
    for task in tasks[:2]:
        group = []
        for reply in (
            cites(8, 12, task.id),
            cites(0, 3, task.id),
            lambda prompt: '{"answer": "mauve"}',
        ):
            policy = make_policy(max_tokens=120)
            with steered(policy, reply):
                group += Collector(loop=make_loop(policy))([task], 1)
        made.append(group)
    return made


def preferences(policy: VideoLMM, make_loop: MakeLoop, groups: list[list[Rollout]]) -> list[Preference]:
    return pairs_of(groups, [[1.0, 0.5, 0.0]] * len(groups), policy, make_loop(policy).pixels)


def test_a_pair_needs_reward_and_verifier_to_agree(groups: list[list[Rollout]]) -> None:
    verifier = evidence_verifier()
    assert [[verifier(run) for run in group] for group in groups] == [[True, False, False]] * 2
    right = [[1.0, 0.5, 0.0]] * 2
    pairs = picked(groups, right, verifier=verifier)
    assert [(pair[0] is g[0], pair[1] is g[2], pair[2]) for pair, g in zip(pairs, groups, strict=True)] == [
        (True, True, 1.0)
    ] * 2
    assert picked(groups, [[0.0, 0.5, 1.0]] * 2, verifier=verifier) == []  # the reward likes what the verifier refuses
    without = picked(groups, [[0.0, 0.5, 1.0]] * 2)
    assert [pair[0] for pair in without] == [group[2] for group in groups]
    gone = replace(groups[0][0], meta={"failed": "VideoError: gone"})
    assert picked([[gone, *groups[0][1:]]], right[:1], verifier=verifier) == []
    assert picked(groups, [[1.0, math.nan, math.nan]] * 2) == [] == picked([], [])
    with pytest.raises(ValueError, match="one reward"):
        picked(groups, [[1.0]])


def test_pairs_are_rows_of_what_was_said(
    make_policy: MakePolicy, make_loop: MakeLoop, groups: list[list[Rollout]]
) -> None:
    pairs = preferences(make_policy(), make_loop, groups)
    assert [pair.task for pair in pairs] == [group[0].task.id for group in groups] and pairs[0].margin == 1.0
    assert all(pair.chosen.frames and not pair.rejected.frames for pair in pairs)
    assert pairs[0].chosen.written == sum(len(t["sampled"]) for t in groups[0][0].turns)
    same = [[groups[0][0], replace(groups[0][0], meta={"again": True})]]
    policy = make_policy()
    assert pairs_of(same, [[1.0, 0.0]], policy, make_loop(policy).pixels) == []  # two runs that wrote the same


def test_the_reference_is_the_policy_before_the_first_step(
    make_policy: MakePolicy, make_loop: MakeLoop, groups: list[list[Rollout]]
) -> None:
    policy = make_policy()
    pairs = preferences(policy, make_loop, groups)
    curve = train_dpo(policy, pairs, steps=6, settings=QUICK)
    assert curve[0]["loss"] == pytest.approx(math.log(2), abs=1e-5) and curve[0]["margin"] == pytest.approx(0, abs=1e-4)
    assert curve[-1]["margin"] > 1 and curve[-1]["preferred"] == 1 and curve[-1]["loss"] < 0.3
    with pytest.raises(ValueError, match="nothing to learn"):
        train_dpo(policy, [], steps=1)


SAYS_TOOL = Mix({"tool": (Reward(name="tool", score=lambda run: float(run.final == "tool")), 1.0)})


@pytest.fixture(scope="module")
def undecided(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> dict[str, torch.Tensor]:
    """Weights of a policy that answers `tool` or `video`, about as often."""
    policy = make_policy(max_tokens=12)
    loop = make_loop(policy)
    rows: list[Any] = []
    for word in ("tool", "video"):
        with steered(policy, lambda prompt, word=word: word):  # type: ignore[misc]
            rows += [row_of(policy, run.messages, loop.pixels) for run in Collector(loop=loop)(tasks, 1)]
    settings = SFTSettings(rows=10, learning_rate=3e-2, warmup=1, weight_decay=0.0)
    train_sft(policy, rows, steps=20, settings=settings)
    return {name: value.clone() for name, value in policy.engine.loaded.model.state_dict().items()}


@pytest.fixture
def make_undecided(
    make_policy: MakePolicy, make_loop: MakeLoop, undecided: dict[str, torch.Tensor]
) -> Callable[[], Collector]:
    def collector() -> Collector:
        policy = make_policy(max_tokens=12)
        policy.engine.loaded.model.load_state_dict(undecided)
        return Collector(loop=make_loop(policy))

    return collector


@pytest.mark.slow
def test_what_is_preferred_is_sampled_more_often(make_undecided: Callable[[], Collector], tasks: list[Task]) -> None:
    collect = make_undecided()
    policy: Any = collect.loop.policy

    def shares() -> list[float]:
        said = [run.final for run in collect(tasks, 8, seed=99)]
        return [said.count(word) / len(said) for word in ("tool", "video")]

    before = shares()
    groups = grouped(collect(tasks, 8, seed=1), 8)
    rewards = [[float(run.final == "tool") for run in group] for group in groups]
    pairs = pairs_of(groups, rewards, policy, collect.loop.pixels, per_group=4)
    assert len(pairs) > 8 and min(before) > 0.25
    settings = DPOSettings(pairs=8, sft=0.1, learning_rate=1e-2, warmup=1)
    curve = train_dpo(policy, pairs, steps=16, settings=settings)
    after = shares()
    assert curve[0]["margin"] == pytest.approx(0, abs=1e-3) and curve[-1]["margin"] > 0.2
    assert curve[-1]["preferred"] > 0.7  # of the last pairs; some differ by stray words only
    assert after[0] > before[0] + 0.2 and after[1] < before[1] - 0.2


@pytest.mark.slow
def test_rounds_of_grpo_verifier_and_dpo_raise_the_reward_and_go_on_where_they_were_stopped(
    make_undecided: Callable[[], Collector], tasks: list[Task]
) -> None:
    def rounds_of() -> VerifierDPO:
        return VerifierDPO(
            make_undecided(),
            SAYS_TOOL,
            tasks,
            verifier=lambda run: run.final == "tool" and not run.calls,
            rl_steps=1,
            dpo_steps=5,
            pair_tasks=3,
            per_group=3,
            settings=MiniSettings(group_size=8, tasks=2, learning_rate=1e-3, warmup=1),
            dpo=DPOSettings(pairs=8, sft=0.5, learning_rate=1e-2, warmup=1),
        )

    events: list[tuple[str, int]] = []
    whole = rounds_of()
    found = whole.train(3, on_event=lambda stage, step, figures: events.append((stage, step)))
    assert found[-1]["reward"] > found[0]["reward"] + 0.2 and found[0]["pairs"] > 0
    assert found[0]["verified"] == found[0]["reward"]
    assert events[:5] == [("rl", 1), ("verify", 1), ("dpo", 1), ("dpo", 2), ("dpo", 3)]
    first, second = rounds_of(), rounds_of()
    first.train(1)
    second.load_state_dict(first.state_dict())
    assert [f["reward"] for f in second.train(3)] == [f["reward"] for f in found[1:]]


def test_a_round_in_which_reward_and_verifier_disagree_learns_no_preference(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]
) -> None:
    collect = Collector(loop=make_loop(make_policy(max_tokens=8)))
    before = [p.detach().clone() for p in collect.loop.policy.engine.loaded.model.parameters()]  # type: ignore[attr-defined]
    given = {"rl_steps": 0, "pair_tasks": 2, "settings": MiniSettings(group_size=3)}
    (found,) = VerifierDPO(collect, LETTERS, tasks, verifier=lambda run: False, **given).train(1)
    assert found["pairs"] == 0 and found["verified"] == 0
    after = collect.loop.policy.engine.loaded.model.parameters()  # type: ignore[attr-defined]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.fixture
def trl_args(tmp_path: Any) -> Callable[..., Any]:
    pytest.importorskip("trl", reason="the trainer is TRL's")
    from trl import DPOConfig

    def made(**settings: Any) -> Any:
        given = {
            "output_dir": str(tmp_path),
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "per_device_train_batch_size": 2,
            "max_steps": 3,
            "learning_rate": 1e-2,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
        }
        return DPOConfig(**{**given, **settings})

    return made


def stepped(trainer: Any) -> tuple[list[float], torch.Tensor]:
    """The losses of all micro-batches, and their gradient, without a step."""
    losses = []
    trainer.model.train()
    for batch in trainer.get_train_dataloader():
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        losses.append(float(loss.detach()))
    trainer.parameters = [p for p in trainer.model.parameters() if p.requires_grad]
    return losses, gradient(trainer) / len(losses)


def by_hand(
    policy: VideoLMM, pairs: Sequence[Preference], reference_P2: torch.Tensor, *, smoothing: float, sft: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss at beta 0.05 and its gradient, from the policy's own teacher-forced pass: tools' words are left out."""
    loss = torch.zeros(())
    for n, pair in enumerate(pairs):
        good, bad = policy.engine.logprobs([(r.ids, r.mask, r.frames) for r in (pair.chosen, pair.rejected)])
        assert len(good) == pair.chosen.written < len(pair.chosen.completion)
        margin = 0.05 * ((good.sum() - reference_P2[n, 0]) - (bad.sum() - reference_P2[n, 1]))
        right, wrong = torch.log1p(torch.exp(-margin)), torch.log1p(torch.exp(margin))
        value = ((1 - smoothing) * right - smoothing * wrong) / (1 - 2 * smoothing) - sft * good.mean()
        loss = loss + value / len(pairs)
    parameters = [p for p in policy.engine.loaded.model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return loss.detach(), torch.cat([g.flatten() for g in gradients if g is not None])


@pytest.mark.parametrize(("cut", "smoothing", "sft"), [(2, 0.0, 0.0), (1, 0.0, 0.1), (2, 0.1, 0.2)])
def test_loss_and_gradient_are_those_of_the_formula_however_it_is_cut(
    cut: int,
    smoothing: float,
    sft: float,
    make_policy: MakePolicy,
    make_loop: MakeLoop,
    groups: list[list[Rollout]],
    trl_args: Callable[..., Any],
) -> None:
    policy = make_policy()
    pairs = preferences(policy, make_loop, groups)
    settings = DPOSettings(pairs=2, micro_batch=cut, beta=0.05, smoothing=smoothing, sft=sft)
    trainer = dpo_trainer(policy, pairs, trl_args(**settings.trl_arguments()))
    data = trainer.train_dataset
    theirs = torch.tensor([data["ref_chosen_logps"][:], data["ref_rejected_logps"][:]]).T
    with torch.no_grad():
        rows = [row for pair in pairs for row in (pair.chosen, pair.rejected)]
        reference_P2 = torch.stack([g.sum() for g in policy.engine.logprobs([(r.ids, r.mask, r.frames) for r in rows])])
        reference_P2 = reference_P2.view(-1, 2)
        for p in trainer.model.parameters():
            p.mul_(1.01)  # away from the reference
    written = torch.tensor([[p.chosen.written, p.rejected.written] for p in pairs])
    assert ((theirs - reference_P2) / written).abs().max() < 1e-4
    expected, gradient_by_hand = by_hand(policy, pairs, reference_P2, smoothing=smoothing, sft=sft)
    losses, gradient_of = stepped(trainer)
    assert len(losses) == 2 // cut
    assert sum(losses) / len(losses) == pytest.approx(float(expected), abs=1e-4)
    assert (gradient_by_hand - gradient_of).norm() < 1e-3 * gradient_by_hand.norm() and gradient_by_hand.norm() > 0


def test_trl_learns_the_preference_also_by_an_adapter(
    make_policy: MakePolicy, make_loop: MakeLoop, groups: list[list[Rollout]], trl_args: Callable[..., Any]
) -> None:
    from peft import LoraConfig

    policy = make_policy()
    pairs: list[Preference] = preferences(make_policy(), make_loop, groups)
    lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj"])
    trainer = dpo_trainer(policy, pairs, trl_args(max_steps=6, learning_rate=3e-2), peft_config=lora)
    trainer.train()
    logs = [log for log in trainer.state.log_history if "rewards/margins" in log]
    assert logs[0]["loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert logs[-1]["rewards/margins"] > logs[0]["rewards/margins"] + 0.1
    assert policy.engine.loaded.model is trainer.model


def test_what_trl_would_do_otherwise_is_refused(
    make_policy: MakePolicy, make_loop: MakeLoop, groups: list[list[Rollout]], trl_args: Callable[..., Any]
) -> None:
    from trl import DPOTrainer

    policy, pairs = make_policy(), preferences(make_policy(), make_loop, groups)

    def refused(match: str, pairs: Sequence[Preference], **how: Any) -> None:
        with pytest.raises(ValueError, match=match):
            dpo_trainer(policy, pairs, trl_args(**how))

    refused("nothing to learn", [])
    refused("label_smoothing", pairs, label_smoothing=0.1)
    refused("sigmoid", pairs, loss_type=["hinge"])
    # what is overridden and used of TRL, by name
    for name in ("_prepare_dataset", "_precompute_ref_logps", "_compute_loss"):
        assert callable(getattr(DPOTrainer, name))


def test_the_verifier_and_the_tasks_reward_are_two_judges(groups: list[list[Rollout]]) -> None:
    mix = Mix({"task": (task_reward(), 1.0), "said": (Reward(name="said", score=lambda r: float(bool(r.said))), 0.1)})
    verifier = evidence_verifier()
    totals = mix(groups[0]).totals
    assert totals[0] > totals[1] > totals[2] and verifier(groups[0][0]) and not verifier(groups[0][1])
    absent = replace(groups[0][2].task, truth=replace(groups[0][2].task.truth, absent=True))
    assert not verifier(replace(groups[0][0], task=absent))
