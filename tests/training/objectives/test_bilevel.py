"""GAE over turns and tokens, by hand."""

from __future__ import annotations

import pytest
import torch
from rewatch.training.objectives import bilevel_gae

# tokens: two of turn 1, an observation, two of turn 2. Turn 1 earns nothing, turn 2 earns 1.
MASK = torch.tensor([[1, 1, 0, 1, 1]])
END = torch.tensor([[0, 1, 0, 0, 1]])
REWARD = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0]])
VALUE = torch.tensor([[0.1, 0.2, 9.0, 0.3, 0.4]])


def test_two_levels_by_hand() -> None:
    # turns: 2: 1 - .4 = .6, return 1. 1: 0 + .9 * .4 - .2 = .16, + .9 * .6 = .70, return .9
    # tokens: 4: 1 - .4 = .6; 3: .4 - .3 + .6 = .7; 1: .9 - .2 = .7 (starts anew); 0: .2 - .1 + .7 = .8
    advantage, returns = bilevel_gae(REWARD, VALUE, MASK, END, gamma_turn=0.9, whiten=False)
    assert advantage[0].tolist() == pytest.approx([0.8, 0.7, 0, 0.7, 0.6])
    assert returns[0].tolist() == pytest.approx([0.9, 0.9, 0, 1.0, 1.0])


def test_lambda_and_token_discount_by_hand() -> None:
    # lambda .5: turn 1: .16 + .9 * .5 * .6 = .43, return .63
    # tokens, gamma .8: 4: .6; 3: .8 * .4 - .3 + .8 * .5 * .6 = .26; 1: .63 - .2 = .43; 0: .16 - .1 + .4 * .43 = .232
    advantage, _ = bilevel_gae(REWARD, VALUE, MASK, END, gamma_turn=0.9, gamma_token=0.8, lam=0.5, whiten=False)
    assert advantage[0].tolist() == pytest.approx([0.232, 0.43, 0, 0.26, 0.6])


def test_one_turn_is_plain_gae() -> None:
    value, reward = torch.tensor([[0.5, 0.1, 0.2]]), torch.tensor([[0.0, 0.0, 1.0]])
    # gamma 1, lambda 1: the return is 1 everywhere
    _, returns = bilevel_gae(reward, value, torch.ones(1, 3), torch.zeros(1, 3), whiten=False)
    assert returns[0].tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_later_rewards_reach_a_turn_that_earned_nothing() -> None:
    # In the released code such a turn has no end, and is merged into the next one: gamma_turn then never acts.
    low, _ = bilevel_gae(REWARD, VALUE * 0, MASK, END, gamma_turn=0.5, whiten=False)
    high, _ = bilevel_gae(REWARD, VALUE * 0, MASK, END, gamma_turn=1.0, whiten=False)
    assert low[0].tolist() == pytest.approx([0.5, 0.5, 0, 1, 1]) and high[0].tolist() == pytest.approx([1, 1, 0, 1, 1])


def test_whitened_over_what_was_written() -> None:
    mask = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 0, 0, 0]])
    end = torch.tensor([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]])
    reward, value = torch.cat([REWARD, REWARD * 0]), torch.cat([VALUE, VALUE])
    advantage, _ = bilevel_gae(reward, value, mask, end)
    own = advantage[mask.bool()]
    assert float(own.mean()) == pytest.approx(0, abs=1e-6) and float(own.std()) == pytest.approx(1, abs=1e-4)
    assert not advantage[~mask.bool()].any()


def test_rewards_out_of_place_are_refused_and_empty_rollouts_are_not() -> None:
    with pytest.raises(ValueError, match="token 3"):
        bilevel_gae(torch.tensor([[0, 0, 0, 1.0, 0]]), VALUE, MASK, END)
    advantage, returns = bilevel_gae(REWARD * 0, VALUE, MASK * 0, END)
    assert not advantage.any() and not returns.any()
