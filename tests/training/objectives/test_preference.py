"""DPO by hand, and the pairs that rollouts give."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.training.objectives import Pair, dpo_loss, pick_pairs, preference_loss, trajectory_logp


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_trajectory_leaves_out_what_tools_wrote() -> None:
    logp = torch.tensor([[-1.0, -2.0, -50.0, -0.5], [-1.0, math.nan, -math.inf, -1.0]])
    mask = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 1]])
    assert trajectory_logp(logp, mask).tolist() == pytest.approx([-3.5, -2.0])


def test_preference_by_hand() -> None:
    # -log sigmoid(.1 * (3 - 2)) = log(1 + e^-.1) = .644397; the survey's form of it
    got = preference_loss(torch.tensor([3.0]), torch.tensor([2.0]), beta=0.1)
    assert float(got) == pytest.approx(0.644397, abs=1e-6)
    assert float(got) == pytest.approx(-math.log(math.exp(0.3) / (math.exp(0.3) + math.exp(0.2))), abs=1e-6)
    # smoothing .2: .8 * .644397 + .2 * log(1 + e^.1) = .8 * .644397 + .2 * .744397
    smooth = preference_loss(torch.tensor([3.0]), torch.tensor([2.0]), smoothing=0.2)
    assert float(smooth) == pytest.approx(0.664397, abs=1e-6)


def test_dpo_by_hand() -> None:
    # scores: -10 + 12 = 2 and -8 + 7 = -1: margin .1 * 3 = .3: log(1 + e^-.3) = .554355
    # sft: 10 / 5 tokens = 2, times .1
    one = torch.tensor([-10.0]), torch.tensor([-8.0]), torch.tensor([-12.0]), torch.tensor([-7.0])
    loss = dpo_loss(*one, beta=0.1)
    assert float(loss.value) == pytest.approx(0.554355, abs=1e-6)
    assert float(loss.metrics["margin"]) == pytest.approx(0.3, abs=1e-6) and float(loss.metrics["preferred"]) == 1
    both = dpo_loss(*one, beta=0.1, sft=0.1, length_P=torch.tensor([5]))
    assert float(both.value) == pytest.approx(0.754355, abs=1e-6)
    with pytest.raises(ValueError, match="lengths"):
        dpo_loss(*one, sft=0.1)


def test_dpo_gradient_against_finite_differences() -> None:
    mask = torch.tensor([[1, 0, 1], [1, 1, 1]])

    def loss(good: torch.Tensor, bad: torch.Tensor) -> torch.Tensor:
        chosen, rejected = trajectory_logp(good, mask), trajectory_logp(bad, mask)
        return dpo_loss(
            chosen, rejected, numbers(2, seed=3), numbers(2, seed=4), sft=0.1, length_P=mask.sum(1), smoothing=0.1
        ).value

    assert torch.autograd.gradcheck(
        loss, (numbers(2, 3, seed=1).requires_grad_(), numbers(2, 3, seed=2).requires_grad_())
    )


def test_pairs_by_margin() -> None:
    reward = torch.tensor([0.2, 1.0, 0.0, 0.5, 0.55, 1.0, math.nan])
    group = torch.tensor([7, 7, 7, 3, 3, 3, 3])
    # by group in order: 3: best row 5 (1.0), worst row 3 (.5); 7: best row 1, worst row 2
    assert pick_pairs(reward, group) == [
        Pair(chosen=5, rejected=3, group=3, margin=0.5),
        Pair(chosen=1, rejected=2, group=7, margin=1.0),
    ]
    assert [pair.group for pair in pick_pairs(reward, group, margin=0.6)] == [7]
    with pytest.raises(ValueError, match="margin"):
        pick_pairs(reward, group, margin=0.0)


def test_pairs_by_verifier() -> None:
    reward = torch.tensor([1.0, 0.9, 0.2, 0.0, 0.8])
    group = torch.tensor([0, 0, 0, 0, 1])
    verified = torch.tensor([False, True, True, False, True])
    # Row 0 pays most but does not pass; row 3 fails and pays least. The next pair, row 2 against row 0, contradicts
    # the reward. Group 1 has nobody to reject.
    got = pick_pairs(reward, group, verified_R=verified, per_group=5)
    assert [(pair.chosen, pair.rejected) for pair in got] == [(1, 3)]


def test_equal_rollouts_make_no_pair() -> None:
    assert pick_pairs(torch.full((4,), 0.5), torch.tensor([0, 0, 0, 0]), per_group=4) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2), st.booleans()), max_size=16), st.booleans())
def test_pairs_always_keep_their_promises(rows: list[tuple[int, int, bool]], verify: bool) -> None:
    reward = torch.tensor([r / 8 for r, _, _ in rows])
    group = torch.tensor([g for _, g, _ in rows], dtype=torch.long)
    verified = torch.tensor([v for _, _, v in rows], dtype=torch.bool) if verify else None
    pairs = pick_pairs(reward, group, verified_R=verified, margin=0.2, per_group=3)
    used = [row for pair in pairs for row in (pair.chosen, pair.rejected)]
    assert len(used) == len(set(used))
    for pair in pairs:
        assert group[pair.chosen] == group[pair.rejected] == pair.group
        assert reward[pair.chosen] - reward[pair.rejected] >= 0.2
        assert verified is None or (verified[pair.chosen] and not verified[pair.rejected])
