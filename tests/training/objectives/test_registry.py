"""Dispatch by name: every objective goes through the same two calls, and does what its name says."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from rewatch.training.objectives import (
    OBJECTIVES,
    RunningDifficulty,
    Scored,
    cot_objective,
    group_advantages,
    objective_named,
    retrieval_objective,
)

# Two groups of three on VITAL's scale: means 1.5 and .5.
REWARD = torch.tensor([2.0, 1.5, 1.0, 1.0, 0.5, 0.0])
GROUP = torch.tensor([0, 0, 0, 1, 1, 1])
MASK = torch.tensor([[1, 1, 0, 1, 0]] * 3 + [[1, 0, 0, 1, 1]] * 3)


def scored(**changes: object) -> Scored:
    difficulty = RunningDifficulty()
    difficulty.update(["easy"] * 3 + ["hard"] * 3, ["a"] * 3 + ["b"] * 3, torch.tensor([1.0, 1, 1, 0, 0, 0]))
    everything = Scored(
        reward=REWARD,
        group=GROUP,
        components=torch.stack([REWARD, torch.tensor([0.0, 1, 0, 1, 0, 0])], dim=1),
        component_weights=torch.tensor([1.0, 0.5]),
        tasks=["easy"] * 3 + ["hard"] * 3,
        samples=["a"] * 3 + ["b"] * 3,
        difficulty=difficulty,
        correct=torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 0.0]),
        shuffled=torch.tensor([0.0, 1.0, 1.0, 1.0]),
        shuffled_group=torch.tensor([0, 0, 1, 1]),
        lengths=torch.tensor([600, 100, 1024, 768, 100, 100]),
        calls=torch.tensor([2, 5, 8, 2, 2, 2]),
    )
    return dataclasses.replace(everything, **changes)


def test_names() -> None:
    wanted = "grpo dgrpo dgrpo_running dr_grpo dapo gspo t_grpo reg_grpo tw_grpo multi_task_grpo"
    assert {*wanted.split(), "retrieval_penalty", "cot_length"} <= set(OBJECTIVES)
    assert all(name == objective.name and objective.source for name, objective in OBJECTIVES.items())
    with pytest.raises(ValueError, match="'gpro'; there are .*dgrpo"):
        objective_named("gpro")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_both_calls_work_for_every_objective_and_can_be_learned_from(name: str) -> None:
    objective = objective_named(name)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 5, 9, generator=generator).requires_grad_()
    tokens = torch.randint(0, 9, (6, 5, 1), generator=generator)
    made = objective.advantages(scored())
    everything = logits.log_softmax(-1)
    advantage = objective.token_advantages(made, everything.detach(), MASK, GROUP)
    assert advantage.shape == (6, 5)
    if not objective.distributions:
        assert torch.equal(advantage[:, 0], made.values)
    logp = everything.gather(-1, tokens).squeeze(-1)
    given = made.values if objective.regression else advantage
    loss = objective.loss(logp, None, given, MASK, GROUP, ref_RT=logp.detach() - 0.1, length=5)
    loss.value.backward()
    assert torch.isfinite(loss.value) and torch.isfinite(logits.grad).all()
    # Where the policy did not sample, nothing is learned; the best rollout becomes likelier, the worst less likely.
    assert not logits.grad[MASK == 0].any()
    toward = -logits.grad.gather(-1, tokens).squeeze(-1).sum(1)
    assert toward[made.values.argmax()] > 0 > toward[made.values.argmin()]


@pytest.mark.parametrize("name", [name for name, objective in OBJECTIVES.items() if objective.needs])
def test_what_is_missing_is_named(name: str) -> None:
    for field in OBJECTIVES[name].needs:
        with pytest.raises(ValueError, match=f"{name} needs {field}"):
            OBJECTIVES[name].advantages(scored(**{field: None}))


def test_only_rewards_and_groups_are_needed_by_the_plain_ones() -> None:
    for name in ("grpo", "grpo_sequence", "dgrpo", "dr_grpo", "dapo", "gspo", "reg_grpo", "tw_grpo"):
        assert len(OBJECTIVES[name].advantages(Scored(reward=REWARD, group=GROUP)).values) == 6


def test_dgrpo_differs_from_grpo_by_its_weight_alone() -> None:
    grpo, dgrpo = OBJECTIVES["grpo"], OBJECTIVES["dgrpo"]
    assert grpo.surrogate == dgrpo.surrogate
    plain, weighted = grpo.advantages(scored()), dgrpo.advantages(scored())
    # means 1.5 and .5: weights .75 and 1
    assert weighted.weight.tolist() == pytest.approx([0.75] * 3 + [1.0] * 3)
    torch.testing.assert_close(weighted.values, plain.values * weighted.weight)
    assert not torch.allclose(weighted.values, plain.values)


def test_running_difficulty_holds_the_easy_task_down_and_is_not_changed_by_reading() -> None:
    given = scored()
    before = given.difficulty.state_dict()
    made = OBJECTIVES["dgrpo_running"].advantages(given)
    assert made.weight.tolist() == pytest.approx([0.5] * 3 + [1.0] * 3)
    assert given.difficulty.state_dict() == before


def test_t_grpo_pays_before_normalising() -> None:
    # group 0: ordered 2/3 >= .8 * 1/2: the two right ones get .3; group 1: 1/3 < .8 * 1: none
    made = OBJECTIVES["t_grpo"].advantages(scored())
    wanted = group_advantages(REWARD + torch.tensor([0.3, 0.3, 0, 0, 0, 0]), GROUP, eps=1e-4)
    torch.testing.assert_close(made.values, wanted.values)
    assert OBJECTIVES["t_grpo"].shuffled and not OBJECTIVES["grpo"].shuffled


def test_penalties_reach_the_advantages() -> None:
    # calls 2, 5, 8 of group 0: costs 0, .5, 1, times .1
    made = OBJECTIVES["retrieval_penalty"].advantages(scored())
    wanted = group_advantages(REWARD - torch.tensor([0, 0.05, 0.1, 0, 0, 0]), GROUP)
    torch.testing.assert_close(made.values, wanted.values)
    # lengths 600, 100 of the right ones of group 0, 768 in group 1: (600 - 512) / 512, 0, .5; 1024 was not right
    made = OBJECTIVES["cot_length"].advantages(scored())
    wanted = group_advantages(REWARD - torch.tensor([0.1 * 88 / 512, 0, 0, 0.05, 0, 0]), GROUP)
    torch.testing.assert_close(made.values, wanted.values)
    strict = retrieval_objective(free=0, most=2, weight=1.0).advantages(scored()).mean
    assert strict.tolist() == pytest.approx([0.5] * 3 + [-0.5] * 3)
    assert cot_objective(weight=0.0).advantages(scored()).mean.tolist() == pytest.approx([1.5] * 3 + [0.5] * 3)


def test_multi_task_uses_the_components() -> None:
    made = OBJECTIVES["multi_task_grpo"].advantages(scored())
    # column 0: 1, 0, -1 in both groups; column 1, weight .5: (0, 1, 0) is (-1, 2, -1) / sqrt(3)
    r = 0.5 / math.sqrt(3)
    wanted = [1 - r, 2 * r, -1 - r, 1 + 2 * r, -r, -1 - r]
    assert made.values.tolist() == pytest.approx(wanted, abs=1e-3)


def test_what_trainers_ask() -> None:
    assert [n for n, o in OBJECTIVES.items() if o.distributions] == ["tw_grpo"]
    assert [n for n, o in OBJECTIVES.items() if o.whole_groups] == ["reg_grpo"]
    assert [n for n, o in OBJECTIVES.items() if not o.trl_loss] == ["reg_grpo"]
    assert [n for n, o in OBJECTIVES.items() if o.drop_flat] == ["dapo"]
    with pytest.raises(ValueError, match="keep groups together"):
        OBJECTIVES["reg_grpo"].loss(
            REWARD[:, None], None, REWARD, MASK[:, :1], GROUP, ref_RT=REWARD[:, None], group_size=2
        )
    survey = dataclasses.replace(OBJECTIVES["reg_grpo"], regression={"form": "survey"})
    assert not survey.whole_groups and not survey.trl_loss
