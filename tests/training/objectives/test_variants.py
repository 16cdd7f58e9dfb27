"""T-GRPO, Reg-GRPO and TW-GRPO by hand and against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from rewatch.training.objectives import (
    Surrogate,
    group_advantages,
    reg_loss,
    regression,
    sequence_log_ratio,
    temporal_bonus,
    token_weights,
)

NAN = math.nan


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


# ---- T-GRPO


def test_temporal_bonus_as_released() -> None:
    # group 3: ordered .5, shuffled 1: .5 < .8, none; group 5: ordered .5, shuffled .6: .5 >= .48, the right one gets .3
    # group 8: ordered .05 only, shuffled 0: the gate is open, but .05 is not right; group 9: none shuffled (image)
    correct = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.05, 1.0])
    group = torch.tensor([3, 5, 3, 5, 8, 9])
    shuffled, shuffled_group = torch.tensor([0.2, 1.0, 1.0, 1.0, 0.0]), torch.tensor([5, 3, 5, 3, 8])
    bonus = temporal_bonus(correct, group, shuffled, shuffled_group)
    assert bonus.tolist() == pytest.approx([0, 0.3, 0, 0, 0, 0])


def test_the_gate_opens_at_the_ratio() -> None:
    correct, group = torch.tensor([0.8]), torch.tensor([0])
    for shuffled, wanted in ((1.0, 0.3), (1.01, 0.0)):
        got = temporal_bonus(correct, group, torch.tensor([shuffled]), torch.tensor([0]))
        assert float(got) == pytest.approx(wanted)


def test_temporal_bonus_of_the_survey() -> None:
    # shares of right ones: group 0: 2/4 against 1/2, less margin: none; group 1: 1/2 against 0/2: .5 - .1, times .3
    correct = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.4, 0.0])
    group = torch.tensor([0, 0, 0, 0, 1, 1])
    shuffled, shuffled_group = torch.tensor([1.0, 0.0, 0.0, 0.1]), torch.tensor([0, 0, 1, 1])
    bonus = temporal_bonus(correct, group, shuffled, shuffled_group, form="survey", margin=0.1)
    assert bonus.tolist() == pytest.approx([0, 0, 0, 0, 0.12, 0])
    # The released form pays both groups: the two differ where shuffling makes no difference.
    assert temporal_bonus(correct, group, shuffled, shuffled_group).tolist() == pytest.approx([0.3, 0.3, 0, 0, 0.3, 0])


def test_temporal_bonus_without_anything_shuffled_or_scored() -> None:
    empty = torch.zeros(0)
    assert not temporal_bonus(torch.ones(2), torch.tensor([0, 1]), empty, empty.long()).any()
    bonus = temporal_bonus(torch.tensor([NAN, 1.0]), torch.tensor([0, 0]), torch.tensor([0.0]), torch.tensor([0]))
    assert bonus.tolist() == pytest.approx([0.0, 0.3])


# ---- Reg-GRPO


def test_regression_by_hand() -> None:
    # rho 1, -1: deviation sqrt(2), so ±.70711; A = ±.5: (.5 - .70711)^2 = .042893
    rho, advantage = torch.tensor([1.0, -1.0, 4.0]), torch.tensor([0.5, -0.5, 0.0])
    group = torch.tensor([0, 0, 1])
    assert regression(rho, advantage, group).tolist() == pytest.approx([0.042893, 0.042893, 0.0], abs=1e-6)
    # survey: (rho - eta A)^2 with eta 2: (1 - 1)^2, (-1 + 1)^2, 4^2
    assert regression(rho, advantage, group, form="survey", eta=2.0).tolist() == pytest.approx([0, 0, 16])


def test_sequence_ratio_is_the_sum_over_what_was_sampled() -> None:
    new, old = torch.tensor([[0.1, 0.3, NAN]]), torch.tensor([[0.0, 0.1, math.inf]])
    assert sequence_log_ratio(new, old, torch.tensor([[1, 1, 0]])).tolist() == pytest.approx([0.3])


@pytest.mark.parametrize("form", ["paper", "survey"])
def test_reg_gradient_against_finite_differences(form: str) -> None:
    mask, group = torch.tensor([[1, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]), torch.tensor([1, 0, 1, 0])
    old, ref = numbers(4, 3, seed=1), numbers(4, 3, seed=2)
    advantage = group_advantages(numbers(4, seed=3), group).values

    def loss(logp: torch.Tensor) -> torch.Tensor:
        chosen = Surrogate(low=None, high=None, beta=0.1)
        weight = torch.tensor([1.0, 0.5, 0.75, 1.0])
        return reg_loss(logp, old, advantage, mask, group, chosen, ref_RT=ref, weight_R=weight, form=form).value

    logp = numbers(4, 3, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(loss, (logp,))


@pytest.mark.parametrize("form", ["paper", "survey"])
def test_the_first_update_has_a_finite_gradient_that_points_where_grpo_does(form: str) -> None:
    logp, mask, group = numbers(4, 3).requires_grad_(), torch.ones(4, 3), torch.tensor([0, 0, 1, 1])
    advantage = group_advantages(torch.tensor([1.0, 0.0, 0.3, 0.4]).double(), group).values
    reg_loss(logp, None, advantage, mask, group, Surrogate(), form=form).value.backward()
    assert logp.grad is not None and torch.isfinite(logp.grad).all()
    toward = -advantage[:, None].expand(4, 3)
    cosine = torch.nn.functional.cosine_similarity(logp.grad.flatten(), toward.flatten(), dim=0)
    assert float(cosine) == pytest.approx(1.0, abs=1e-6)


def test_reg_loss_is_least_where_the_policy_says_what_the_advantage_says() -> None:
    advantage, group, mask = torch.tensor([0.70711, -0.70711]), torch.tensor([0, 0]), torch.ones(2, 1)
    fits = reg_loss(torch.tensor([[3.0], [1.0]]), torch.zeros(2, 1), advantage, mask, group, Surrogate())
    against = reg_loss(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1), advantage, mask, group, Surrogate())
    assert float(fits.value) == pytest.approx(0, abs=1e-6) and float(against.value) == pytest.approx(2.0, abs=1e-3)


def test_the_kl_and_the_weights_of_the_regression_by_hand() -> None:
    # rho 0: errors .25 and .25, weights 1 and .5: mean .1875; k3 of d = log 2 .306853, weight .1
    logp, advantage, group = torch.zeros(2, 1), torch.tensor([0.5, -0.5]), torch.tensor([0, 0])
    weight = torch.tensor([1.0, 0.5])
    chosen = Surrogate(beta=0.1)
    got = reg_loss(logp, None, advantage, torch.ones(2, 1), group, chosen, ref_RT=logp + math.log(2), weight_R=weight)
    assert float(got.value) == pytest.approx(0.1875 + 0.0306853, abs=1e-6)
    with pytest.raises(ValueError, match="reference"):
        reg_loss(logp, None, advantage, torch.ones(2, 1), group, chosen)


def test_groups_cut_apart_are_refused() -> None:
    logp, mask, group = numbers(3, 2), torch.ones(3, 2), torch.tensor([0, 0, 1])
    advantage = torch.zeros(3, dtype=torch.float64)
    with pytest.raises(ValueError, match="keep groups together"):
        reg_loss(logp, None, advantage, mask, group, Surrogate(), group_size=2)
    reg_loss(logp, None, advantage, mask, group, Surrogate(), group_size=2, form="survey")


# ---- TW-GRPO


def logs(*rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows).log()


def test_token_weights_by_hand() -> None:
    # position 0: both (.5, .5): divergence 0, weight 1. Position 1: (.8, .2) and (.2, .8): the mean of the logs is
    # log .4 twice, d = (log .5, log 2) and back: (.5 + .6931 - 1) + (2 - .6931 - 1) = .5, the largest: weight 1.7.
    # position 2: (.6, .4), (.4, .6): mean log sqrt(.24); e^d = .8165 and 1.2247, sum .8165 + 1.2247 - 0 - 2 = .04124:
    # 1 + .7 * .04124 / .5 = 1.05774
    logp = logs([[0.5, 0.5], [0.8, 0.2], [0.6, 0.4]], [[0.5, 0.5], [0.2, 0.8], [0.4, 0.6]])
    got = token_weights(logp, torch.ones(2, 3), torch.tensor([4, 4]), alpha=1.7)
    for row in got.tolist():
        assert row == pytest.approx([1.0, 1.7, 1.05774], abs=1e-4)


def test_token_weights_equal_the_released_formula_written_out() -> None:
    # Three rollouts: with two, d and -d would give the same.
    logp = numbers(3, 4, 5, seed=8, scale=2).log_softmax(-1)
    divergence = []
    for t in range(4):
        total = 0.0
        for i in range(3):
            for v in range(5):
                mean = sum(float(logp[j, t, v]) for j in range(3)) / 3
                d = min(max(mean - float(logp[i, t, v]), -11), 11)
                total += math.exp(d) - d - 1
        divergence.append(total / 3)
    low, high = min(divergence), max(divergence)
    wanted = [1 + 0.4 * (x - low) / (high - low) for x in divergence]
    got = token_weights(logp, torch.ones(3, 4), torch.zeros(3).long(), alpha=1.4)
    assert got[1].tolist() == pytest.approx(wanted, abs=1e-4)


def test_absent_rollouts() -> None:
    # Position 1 was sampled by the first rollout only. As released the other one is uniform there, which looks like
    # disagreement; ignored, there is nothing to disagree with.
    logp = logs([[0.5, 0.5], [0.99, 0.01]], [[0.4, 0.6], [0.99, 0.01]])
    mask, group = torch.tensor([[1, 1], [1, 0]]), torch.tensor([0, 0])
    released = token_weights(logp, mask, group, alpha=2.0)
    assert released[0].tolist() == pytest.approx([1.0, 2.0]) and released[1].tolist() == pytest.approx([1.0, 0.0])
    ignored = token_weights(logp, mask, group, alpha=2.0, absent="ignore")
    assert ignored[0].tolist() == pytest.approx([2.0, 1.0]) and ignored[1].tolist() == pytest.approx([2.0, 0.0])


def test_token_weights_range_chunks_and_groups() -> None:
    logp = numbers(6, 7, 11, seed=5, scale=2).log_softmax(-1).float()
    group = torch.tensor([1, 0, 1, 0, 0, 1])
    mask = (torch.arange(7) < torch.tensor([7, 5, 6, 7, 3, 7])[:, None]).long()
    for absent in ("uniform", "ignore"):
        got = token_weights(logp, mask, group, absent=absent)
        torch.testing.assert_close(got, token_weights(logp, mask, group, absent=absent, chunk=2))
        assert ((got == 0) == (mask == 0)).all()
        assert (got[mask == 1] >= 1).all() and (got <= 1.7 + 1e-6).all()
        for name in (0, 1):  # one group's weights do not depend on the other's
            rows = group == name
            torch.testing.assert_close(got[rows], token_weights(logp[rows], mask[rows], group[rows], absent=absent))
    assert (token_weights(logp, mask, group, alpha=1.0)[mask == 1] == 1).all()
    with pytest.raises(ValueError, match="alpha"):
        token_weights(logp, mask, group, alpha=0.5)


def test_impossible_tokens_do_not_make_weights_nan() -> None:
    # Log-probabilities of -1e9 (suppressed tokens): d is held to ±11.
    logp = torch.tensor([[[0.0, -1e9]], [[-0.7, -0.7]]])
    assert torch.isfinite(token_weights(logp, torch.ones(2, 1), torch.tensor([0, 0]))).all()
