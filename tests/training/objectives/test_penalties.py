"""Penalties on reasoning and on retrieval, and advantages by segment, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from rewatch.training.objectives import (
    group_advantages,
    length_penalty,
    retrieval_cost,
    segment_advantages,
    with_cot_penalty,
    with_retrieval_penalty,
)

NAN = math.nan


def test_length_penalty_by_hand() -> None:
    length = torch.tensor([0, 100, 150, 200, 900])
    assert length_penalty(length, free=100, most=200).tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    reward = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0])
    got = with_cot_penalty(reward, length, free=100, most=200, weight=0.2)
    assert got.tolist() == pytest.approx([1, 1, 0.9, 0.8, -0.2])
    gated = with_cot_penalty(reward, length, free=100, most=200, weight=0.2, correct_R=reward)
    assert gated.tolist() == pytest.approx([1, 1, 0.9, 0.8, 0.0])
    with pytest.raises(ValueError, match="free"):
        length_penalty(length, free=200, most=200)


def test_a_penalty_that_all_share_changes_nothing() -> None:
    reward, group, length = torch.tensor([1.0, 0.0, 0.5]), torch.zeros(3).long(), torch.tensor([500, 500, 500])
    got = group_advantages(with_cot_penalty(reward, length, free=0, most=100), group)
    torch.testing.assert_close(got.values, group_advantages(reward, group).values)


def test_retrieval_cost_by_hand() -> None:
    # 2 free, all from 6 on; repeats count twice and are never free
    calls = torch.tensor([0, 2, 4, 9, 4, 1])
    assert retrieval_cost(calls[:4], free=2, most=6).tolist() == pytest.approx([0, 0, 0.5, 1])
    # 4 calls, 1 a repeat: 2 over + 1 = 3 of 4; 1 call that is a repeat: 2 of 4
    repeats = torch.tensor([0, 0, 0, 0, 1, 1])
    assert retrieval_cost(calls, free=2, most=6, repeats_R=repeats)[4:].tolist() == pytest.approx([0.75, 0.5])
    got = with_retrieval_penalty(torch.ones(2), torch.tensor([4, 0]), free=2, most=6, weight=0.1)
    assert got.tolist() == pytest.approx([0.95, 1.0])


def test_segments_get_their_own_advantages() -> None:
    # segment 0: 1, 0: ±.70711; segment 1: only the first rollout has one: nothing to compare with
    # segment 2: 0, 3: ∓.70711. Tokens of no segment get 0.
    reward = torch.tensor([[1.0, 5.0, 0.0], [0.0, NAN, 3.0]])
    segment = torch.tensor([[0, 0, -1, 1, 2], [0, -1, 2, 2, -1]])
    got = segment_advantages(reward, torch.tensor([0, 0]), segment)
    r = 2**-0.5
    wanted = [r, r, 0, 0, -r, -r, 0, r, r, 0]
    assert got.flatten().tolist() == pytest.approx(wanted, abs=1e-5)
