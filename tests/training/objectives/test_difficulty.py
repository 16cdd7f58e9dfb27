"""DGRPO in the range where it differs from GRPO, running difficulty, and the log that tells when it never did."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.training.objectives import (
    RunningDifficulty,
    WeightLog,
    dgrpo,
    dgrpo_weight,
    group_advantages,
    linear_weight,
)


def test_weight_by_hand() -> None:
    # (clamp(2 - m, 0, 1) + 1) / 2
    mean = torch.tensor([-1.0, 0.0, 1.0, 1.25, 1.5, 2.0, 2.7])
    assert dgrpo_weight(mean).tolist() == pytest.approx([1, 1, 1, 0.875, 0.75, 0.5, 0.5])


def test_dgrpo_above_a_mean_of_one() -> None:
    # group 0: 1.8, 1.2: mean 1.5, weight .75; group 1: 3, 2.4: mean 2.7, weight .5; group 2: 1, .2: mean .6, weight 1
    reward = torch.tensor([1.8, 1.2, 3.0, 2.4, 1.0, 0.2])
    group = torch.tensor([0, 0, 1, 1, 2, 2])
    made = dgrpo(reward, group)
    root = 2**-0.5
    wanted = [0.75 * root, -0.75 * root, 0.5 * root, -0.5 * root, root, -root]
    assert made.values.tolist() == pytest.approx(wanted, abs=1e-5)
    assert made.weight.tolist() == pytest.approx([0.75, 0.75, 0.5, 0.5, 1, 1])
    plain = group_advantages(reward, group).values
    assert not torch.allclose(made.values[:4], plain[:4]) and torch.equal(made.values[4:], plain[4:])


def test_up_to_a_mean_of_one_it_is_grpo() -> None:
    reward, group = torch.tensor([1.0, 1.0, 0.0, 0.4, 1.6]), torch.tensor([0, 0, 0, 1, 1])
    assert torch.equal(dgrpo(reward, group).values, group_advantages(reward, group).values)


def test_the_weight_on_the_reward_would_cancel() -> None:
    # The paper's text has R <- R * w: with w constant in the group, normalisation undoes it.
    reward, group = torch.tensor([1.8, 1.2]), torch.tensor([0, 0])
    on_reward = group_advantages(reward * dgrpo_weight(torch.tensor([1.5, 1.5])), group)
    torch.testing.assert_close(on_reward.values, group_advantages(reward, group).values, atol=1e-5, rtol=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 3)), min_size=1, max_size=20))
def test_weights_stay_in_range_and_fall_with_the_mean(rows: list[tuple[int, int]]) -> None:
    reward, group = torch.tensor([r / 8 for r, _ in rows]), torch.tensor([g for _, g in rows])
    made, plain = dgrpo(reward, group), group_advantages(reward, group)
    assert ((made.weight >= 0.5) & (made.weight <= 1)).all()
    order = made.mean.argsort()
    assert (made.weight[order].diff() <= 1e-6).all()
    assert (made.values.sign() == plain.values.sign()).all()


def test_running_difficulty_by_hand() -> None:
    state = RunningDifficulty(decay=0.5, top=2.0)
    assert state.difficulty("read", "a") == (1.0, 1.0)  # never seen: hard
    # a: rates 1, .5 (rewards 2, 1 of 2); b: 0. Task: mean of the three, .5.
    state.update(["read"] * 3, ["a", "a", "b"], torch.tensor([2.0, 1.0, 0.0]))
    assert state.difficulty("read", "a") == pytest.approx((0.5, 0.25))
    assert state.difficulty("read", "c") == pytest.approx((0.5, 0.5))  # a new sample is as hard as its task
    # second batch: rates .5 and 0, mean .25: a .5 * .75 + .5 * .25 = .5; task .5 * .5 + .5 * .25 = .375
    state.update(["read", "read"], ["a", "a"], torch.tensor([1.0, -1.0]))
    assert state.difficulty("read", "a") == pytest.approx((0.625, 0.5))
    # .5 + .5 * (.625 + .5) / 2
    assert state.weights(["read"], ["a"]).tolist() == pytest.approx([0.78125])


def test_rewards_above_the_top_and_unscored_ones() -> None:
    state = RunningDifficulty()
    state.update(["t", "t", "u"], ["a", "a", "b"], torch.tensor([3.0, float("nan"), float("nan")]))
    assert state.difficulty("t", "a") == (0.0, 0.0)
    assert state.difficulty("u", "b") == (1.0, 1.0)


def test_easy_tasks_are_held_down_and_g_is_monotone() -> None:
    state = RunningDifficulty()
    state.update(
        ["easy"] * 2 + ["hard"] * 2,
        ["a", "b", "c", "d"],
        torch.tensor([1.0, 1.0, 0.0, 0.0]),
    )
    weights = state.weights(["easy", "hard"], ["a", "c"])
    assert weights.tolist() == pytest.approx([0.5, 1.0])
    grid = [i / 4 for i in range(5)]
    for a in grid:
        for b in grid:
            assert 0.5 <= linear_weight(a, b) <= 1
            assert linear_weight(a, b) <= linear_weight(min(a + 0.25, 1), b)
            assert linear_weight(a, b) <= linear_weight(a, min(b + 0.25, 1))


def test_the_order_of_rollouts_does_not_matter() -> None:
    tasks, samples = ["x", "y", "x", "x", "y"], ["1", "2", "1", "3", "2"]
    reward = torch.tensor([0.1, 0.7, 0.4, 0.9, 0.2])
    order = [3, 0, 4, 2, 1]
    one, other = RunningDifficulty(), RunningDifficulty()
    for _ in range(3):
        one.update(tasks, samples, reward)
        other.update([tasks[i] for i in order], [samples[i] for i in order], reward[order])
    assert one.state_dict() == other.state_dict()


def test_state_survives_json_and_goes_on_the_same() -> None:
    one = RunningDifficulty(decay=0.7)
    one.update(["x", "y"], ["1", "2"], torch.tensor([0.3, 0.8]))
    other = RunningDifficulty(decay=0.7)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    for state in (one, other):
        state.update(["x", "y"], ["1", "9"], torch.tensor([0.6, 0.1]))
    assert one.state_dict() == other.state_dict()
    other.tasks["x"] = 0.0
    assert one.tasks["x"] != 0.0
    with pytest.raises(ValueError, match="decay"):
        RunningDifficulty(decay=1.0)


def test_log_warns_only_while_all_weights_are_one() -> None:
    log = WeightLog()
    assert log.warning() is None  # nothing seen yet
    log.add(dgrpo(torch.tensor([1.0, 0.0]), torch.tensor([0, 0])))
    warning = log.warning()
    assert warning is not None and "plain GRPO" in warning and "0.50" in warning
    again = WeightLog()
    again.load_state_dict(json.loads(json.dumps(log.state_dict())))
    assert again.warning() == warning
    again.add(dgrpo(torch.tensor([2.0, 1.0]), torch.tensor([0, 0])))
    assert again.left_one and again.warning() is None
    assert (again.rollouts, again.below_one, again.lowest) == (4, 2, 0.75)
