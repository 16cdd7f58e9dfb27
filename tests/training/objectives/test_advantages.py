"""Advantages against numbers worked by hand, and properties that hold for any rewards."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.training.objectives import by_task, dapo, dr_grpo, group_advantages, multi_task
from rewatch.training.objectives.advantages import TRL_EPS

NAN = float("nan")


def close(got: torch.Tensor, wanted: list, tol: float = 1e-5) -> None:
    torch.testing.assert_close(got.double(), torch.tensor(wanted).double(), atol=tol, rtol=0, equal_nan=True)


def test_ragged_groups_by_hand() -> None:
    # group 7: 1, 0, 0, 1: mean .5, unbiased variance 4 * .25 / 3 = 1/3, so A = ±.5 * sqrt(3) = ±.86603
    # group 2: 3, 1: mean 2, deviation sqrt(2), A = ±1 / sqrt(2); group 9: alone
    reward = torch.tensor([1.0, 3.0, 0.0, 2.0, 0.0, 1.0, 1.0])
    group = torch.tensor([7, 2, 7, 9, 7, 2, 7])
    made = group_advantages(reward, group)
    close(made.values, [0.86603, 0.70711, -0.86603, 0.0, -0.86603, -0.70711, 0.86603])
    close(made.mean, [0.5, 2, 0.5, 2, 0.5, 2, 0.5])
    close(made.std, [3**-0.5, 2**0.5, 3**-0.5, 0.0, 3**-0.5, 2**0.5, 3**-0.5])
    assert made.flat.tolist() == [False, False, False, True, False, False, False]
    assert made.flat_share == pytest.approx(1 / 7)


def test_epsilon_is_added_to_the_deviation() -> None:
    # 0.1 and 0: deviation .0707107, A = .05 / (.0707107 + eps)
    reward, group = torch.tensor([0.1, 0.0]), torch.tensor([0, 0])
    close(group_advantages(reward, group, eps=0.01).values, [0.05 / 0.0807107, -0.05 / 0.0807107])


def test_a_group_of_one_gets_nothing_or_as_in_verl_its_reward() -> None:
    reward, group = torch.tensor([2.0, 1.0, 0.0]), torch.tensor([1, 0, 0])
    assert group_advantages(reward, group).values[0] == 0
    made = group_advantages(reward, group, alone="reward")
    close(made.values, [2.0, 0.70711, -0.70711])
    close(made.mean, [0.0, 0.5, 0.5])
    assert not made.flat.any()


def test_equal_rewards_are_flat_although_their_float_mean_is_off() -> None:
    # In float32 the mean of seven 0.3 is not 0.3, and a deviation of 1e-8 over an epsilon of 1e-6 is no longer small.
    reward = torch.full((7,), 0.3)
    assert (reward - reward.sum() / 7).abs().max() > 0
    made = group_advantages(reward, torch.zeros(7, dtype=torch.long))
    assert made.flat.all() and not made.values.any()


def test_what_could_not_be_scored_takes_no_part() -> None:
    reward, group = torch.tensor([1.0, NAN, 0.0, NAN, NAN]), torch.tensor([0, 0, 0, 1, 1])
    made = group_advantages(reward, group)
    close(made.values, [0.70711, 0.0, -0.70711, 0.0, 0.0])
    assert made.flat.tolist() == [False, False, False, True, True]
    with pytest.raises(ValueError, match="finite"):
        group_advantages(torch.tensor([1.0, math.inf]), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match="One value and one group"):
        group_advantages(torch.tensor([1.0, 2.0]), torch.tensor([0]))


def test_no_rollouts_give_no_advantages() -> None:
    made = group_advantages(torch.zeros(0), torch.zeros(0, dtype=torch.long))
    assert len(made.values) == 0 and made.flat_share == 0.0


def test_scales() -> None:
    # Deviations ±1 and ±.1; the deviation of (2, 0, .2, 0) is sqrt(sum of squares / 3) about .55
    reward, group = torch.tensor([2.0, 0.0, 0.2, 0.0]), torch.tensor([0, 0, 1, 1])
    close(dr_grpo(reward, group).values, [1.0, -1.0, 0.1, -0.1])
    spread = math.sqrt((1.45**2 + 0.55**2 + 0.35**2 + 0.55**2) / 3)
    close(group_advantages(reward, group, scale="batch", eps=0).values, [x / spread for x in (1, -1, 0.1, -0.1)])
    close(dapo(reward, group).values, [0.70711, -0.70711, 0.70710, -0.70710])


def test_multi_task_normalises_each_column_by_itself() -> None:
    # column 0: 1, 0 → ±.70711 (weight 1); column 1: 10, 30 → ∓.70711 (weight .5); sum: ±.35355
    reward = torch.tensor([[1.0, 10.0], [0.0, 30.0]])
    group = torch.tensor([0, 0])
    made = multi_task(reward, group, torch.tensor([1.0, 0.5]), eps=0)
    close(made.values, [0.35355, -0.35355])
    assert made.mean[0] == pytest.approx((1 + 5 + 0 + 15) / 2)
    # Normalising the sum instead, the large column decides alone.
    assert group_advantages(reward.sum(1), group).values[0] < 0


def test_multi_task_over_the_task_keeps_small_differences_small() -> None:
    # One task, two groups: deviations ±1 and ±.1. Spread within groups: sqrt((1+1+.01+.01)/(4-2)) = sqrt(1.01)
    reward = by_task(torch.tensor([2.0, 0.0, 0.2, 0.0]), torch.tensor([1, 1, 1, 1]), 2)
    group = torch.tensor([0, 0, 1, 1])
    made = multi_task(reward, group, over="task", eps=0)
    close(made.values, [1 / math.sqrt(1.01), -1 / math.sqrt(1.01), 0.1 / math.sqrt(1.01), -0.1 / math.sqrt(1.01)])
    close(multi_task(reward, group, eps=0).values, [0.70711, -0.70711, 0.70711, -0.70711])


def test_multi_task_makes_tasks_of_unequal_scale_count_alike() -> None:
    # Task 0 pays 0 or 1, task 1 pays 0 or .1: after normalisation by task, both move the policy as far.
    reward = by_task(torch.tensor([1.0, 0.0, 0.1, 0.0]), torch.tensor([0, 0, 1, 1]), 2)
    assert torch.isnan(reward).tolist() == [[False, True], [False, True], [True, False], [True, False]]
    made = multi_task(reward, torch.tensor([0, 0, 1, 1]), over="task", eps=0)
    assert made.values[0] == pytest.approx(float(made.values[2]), rel=1e-5)


def test_multi_task_whitened() -> None:
    reward = torch.rand(8, 3, generator=torch.Generator().manual_seed(0))
    made = multi_task(reward, torch.arange(8) // 4, whiten=True, eps=TRL_EPS)
    assert float(made.values.mean()) == pytest.approx(0, abs=1e-6)
    assert float(made.values.std()) == pytest.approx(1, abs=1e-3)


REWARDS = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 4)), min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(REWARDS)
def test_advantages_of_a_group_sum_to_zero_and_have_deviation_one(rows: list[tuple[int, int]]) -> None:
    reward = torch.tensor([r / 8 for r, _ in rows], dtype=torch.float64)
    group = torch.tensor([g for _, g in rows])
    made = group_advantages(reward, group, eps=0)
    for name in group.unique():
        own = made.values[group == name]
        assert float(own.sum()) == pytest.approx(0, abs=1e-9)
        if made.flat[group == name][0]:
            assert not own.any()
        else:
            assert float(own.std()) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(REWARDS, st.integers(-5, 5), st.integers(1, 9), st.randoms(use_true_random=False))
def test_neither_order_nor_names_nor_shift_nor_scale_matter(rows, shift, factor, random) -> None:
    reward = torch.tensor([r / 8 for r, _ in rows], dtype=torch.float64)
    group = torch.tensor([g for _, g in rows])
    made = group_advantages(reward, group, eps=0).values
    order = list(range(len(rows)))
    random.shuffle(order)
    other = group_advantages(reward[order] * factor + shift, 1000 - 7 * group[order], eps=0).values
    torch.testing.assert_close(other, made[order], atol=1e-9, rtol=0)
