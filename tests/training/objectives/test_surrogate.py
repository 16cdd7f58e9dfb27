"""Clipping, aggregation, KL and entropy by hand; gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from rewatch.training.objectives import Surrogate, aggregate, clipped, entropy, kl, log_ratio, policy_loss


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


MASK = torch.tensor([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 0, 0]])


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.0, 2.0, -2.0),
        (1.5, 2.0, -2.4),  # clipped above at 1.2
        (0.5, 2.0, -1.0),  # not clipped below while A > 0
        (0.5, -1.0, 0.8),  # clipped below at .8
        (1.5, -1.0, 1.5),  # not clipped above while A < 0
        (2.9, -1.0, 2.9),
        (5.0, -1.0, 3.0),  # dual clip at 3
        (5.0, -2.0, 6.0),
        (5.0, 2.0, -2.4),  # no dual clip while A > 0
    ],
)
def test_clip_by_hand(ratio: float, advantage: float, loss: float) -> None:
    got = clipped(torch.tensor([[ratio]]), torch.tensor([[advantage]]), low=0.2, high=0.2, dual=3.0)
    assert float(got) == pytest.approx(loss)


def test_asymmetric_clip_and_none() -> None:
    ratio, advantage = torch.tensor([[1.5, 0.5]]), torch.tensor([[1.0, -1.0]])
    assert clipped(ratio, advantage, low=0.2, high=0.28).tolist() == [pytest.approx([-1.28, 0.8])]
    assert clipped(ratio, advantage, low=None, high=None).tolist() == [pytest.approx([-1.5, 0.5])]


def test_dual_clip_is_trl_delta() -> None:
    # TRL: min(min(r, delta) A, clip(r) A)
    ratio, advantage = numbers(40, 5, seed=1).exp() ** 2, numbers(40, 5, seed=2)
    trl = -torch.min(ratio.clamp(max=3.0) * advantage, ratio.clamp(0.8, 1.2) * advantage)
    torch.testing.assert_close(clipped(ratio, advantage, low=0.2, high=0.2, dual=3.0), trl)
    assert (ratio > 3).any() and (ratio < 0.8).any()


def test_ratio_levels_by_hand() -> None:
    # differences .1, .3, (masked), .2: by sequence their mean .2
    old = torch.zeros(1, 4)
    new = torch.tensor([[0.1, 0.3, 9.0, 0.2]])
    mask = torch.tensor([[1, 1, 0, 1]])
    assert log_ratio(new, old, mask).tolist() == [pytest.approx([0.1, 0.3, 0.0, 0.2])]
    assert log_ratio(new, old, mask, "sequence").tolist() == [[pytest.approx(0.2)]]
    assert log_ratio(new, old, torch.zeros(1, 4), "sequence").tolist() == [[0.0]]


def test_aggregates_by_hand() -> None:
    loss = torch.tensor([[1.0, 2.0, 3.0], [4.0, 7.0, 7.0]])
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
    assert float(aggregate(loss, mask, "token")) == 10 / 4
    assert float(aggregate(loss, mask, "sequence")) == (2 + 4) / 2
    assert float(aggregate(loss, mask, "constant", length=5)) == 10 / (2 * 5)
    with pytest.raises(ValueError, match="longest"):
        aggregate(loss, mask, "constant")
    # one loss a rollout stands for all its tokens
    assert float(aggregate(torch.tensor([[1.0], [5.0]]), mask, "token")) == (3 * 1 + 5) / 4


@pytest.mark.parametrize("how", ["token", "sequence", "constant"])
def test_micro_batches_add_up_with_the_total(how: str) -> None:
    loss, mask = numbers(3, 4), MASK
    total = mask.sum() if how == "token" else 3
    parts = [aggregate(loss[i : i + 1], mask[i : i + 1], how, total=total, length=4) for i in range(3)]
    torch.testing.assert_close(sum(parts), aggregate(loss, mask, how, length=4))


def test_empty_rollouts_add_nothing() -> None:
    loss, mask = torch.ones(2, 2), torch.tensor([[1, 1], [0, 0]])
    assert float(aggregate(loss, mask, "sequence")) == 0.5
    assert float(aggregate(loss, torch.zeros(2, 2), "token")) == 0


def test_kl_by_hand() -> None:
    # d = log 2: k1 = -.6931, k2 = .2402, k3 = 2 - .6931 - 1
    logp, ref, mask = torch.tensor([[0.0]]), torch.tensor([[math.log(2)]]), torch.ones(1, 1)
    assert float(kl(logp, ref, mask, "k1")) == pytest.approx(-0.693147)
    assert float(kl(logp, ref, mask, "k2")) == pytest.approx(0.2402265)
    assert float(kl(logp, ref, mask, "k3")) == pytest.approx(0.306853)
    assert float(kl(logp, ref + 50, mask, clamp=10)) == pytest.approx(math.exp(10) - 11)


def test_k1_and_k3_are_unbiased_and_k3_is_never_negative() -> None:
    p, q = numbers(1, 9, seed=3).log_softmax(-1), numbers(1, 9, seed=4).log_softmax(-1)
    exact = (p.exp() * (p - q)).sum()
    mask = torch.ones_like(p)
    for kind in ("k1", "k3"):
        torch.testing.assert_close((p.exp() * kl(p, q, mask, kind)).sum(), exact)
    assert (kl(p, q, mask, "k3") >= 0).all() and (kl(p, q, mask, "k1") < 0).any()


def test_entropy_by_hand() -> None:
    logits = torch.tensor([[[3.0, 3, 3, 3], [0, 0, -math.inf, -math.inf], [50, 0, 0, 0]]], requires_grad=True)
    got = entropy(logits)
    assert got.tolist() == [pytest.approx([math.log(4), math.log(2), 0.0], abs=1e-5)]
    got.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_entropy_lowers_the_loss_and_kl_raises_it() -> None:
    # ratio 1, A = 1: -1; mean entropy (.5 + 1.5) / 2, weight .1: -.1; k3 of d = log 2 is .306853 twice, weight .5
    logp, mask = torch.zeros(1, 2), torch.ones(1, 2)
    chosen = Surrogate(beta=0.5, entropy=0.1)
    got = policy_loss(
        logp,
        None,
        torch.ones(1),
        mask,
        chosen,
        ref_RT=logp + math.log(2),
        entropy_RT=torch.tensor([[0.5, 1.5]]),
    )
    assert float(got.value) == pytest.approx(-1 - 0.1 + 0.1534265, abs=1e-6)
    assert {name: float(figure) for name, figure in got.metrics.items()} == pytest.approx(
        {"policy_loss": -1, "kl": 0.306853, "entropy": 1, "ratio": 1, "clipped_low": 0, "clipped_high": 0}, abs=1e-6
    )


@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("how", ["token", "sequence", "constant"])
def test_gradients_against_finite_differences(level: str, how: str) -> None:
    chosen = Surrogate(level=level, high=0.3, dual=3.0, aggregate=how, beta=0.1, entropy=0.05, kl_clamp=10.0)
    old, ref, advantage = numbers(3, 4, seed=1, scale=0.3) - 1, numbers(3, 4, seed=2, scale=0.3) - 1, numbers(3, seed=3)

    def loss(logp: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
        return policy_loss(logp, old, advantage, MASK, chosen, ref_RT=ref, entropy_RT=spread, length=4).value

    logp = (numbers(3, 4, seed=5, scale=0.3) - 1).requires_grad_()
    spread = numbers(3, 4, seed=6).abs().requires_grad_()
    assert torch.autograd.gradcheck(loss, (logp, spread))
    loss(logp, spread).backward()
    assert logp.grad is not None and not logp.grad[MASK == 0].any()


def test_on_the_first_update_the_gradient_is_reinforce() -> None:
    # ratio 1: the gradient of the token mean is -A / tokens, whatever the clip.
    logp, advantage = numbers(3, 4).requires_grad_(), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    policy_loss(logp, None, advantage, MASK, Surrogate(dual=3.0)).value.backward()
    torch.testing.assert_close(logp.grad, -advantage[:, None] * MASK / MASK.sum())


def test_clipped_tokens_have_no_gradient() -> None:
    logp = torch.tensor([[0.5, -0.5]], dtype=torch.float64, requires_grad=True)
    old = torch.zeros(1, 2, dtype=torch.float64)
    loss = policy_loss(logp, old, torch.tensor([1.0]), torch.ones(1, 2), Surrogate())
    loss.value.backward()
    assert logp.grad[0, 0] == 0 and logp.grad[0, 1] != 0
    assert float(loss.metrics["clipped_high"]) == 0.5 and float(loss.metrics["clipped_low"]) == 0


@pytest.mark.parametrize("junk", [math.nan, math.inf, -math.inf])
def test_what_is_masked_never_matters(junk: float) -> None:
    chosen = Surrogate(beta=0.1, level="sequence", aggregate="sequence")
    values, grads = [], []
    for filling in (0.0, junk):
        logp, old, ref = (numbers(3, 4, seed=s).masked_fill(MASK == 0, filling) for s in (1, 2, 3))
        logp.requires_grad_()
        loss = policy_loss(logp, old, numbers(3, seed=4), MASK, chosen, ref_RT=ref)
        loss.value.backward()
        values.append(loss.value.detach())
        grads.append(logp.grad)
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(grads[0], grads[1])


def test_far_ratios_do_not_overflow() -> None:
    logp = torch.tensor([[0.0, 0.0]], requires_grad=True)
    old = torch.tensor([[-500.0, 500.0]])
    policy_loss(logp, old, torch.tensor([1.0]), torch.ones(1, 2), Surrogate(beta=0.1), ref_RT=old).value.backward()
    assert torch.isfinite(logp.grad).all()


def test_missing_inputs_and_wrong_settings_say_so() -> None:
    logp, mask, advantage = numbers(1, 2), torch.ones(1, 2), torch.ones(1)
    with pytest.raises(ValueError, match="reference"):
        policy_loss(logp, None, advantage, mask, Surrogate(beta=0.1))
    with pytest.raises(ValueError, match="entrop"):
        policy_loss(logp, None, advantage, mask, Surrogate(entropy=0.1))
    with pytest.raises(ValueError, match="both sides"):
        Surrogate(low=None)
    with pytest.raises(ValueError, match="dual"):
        Surrogate(dual=1.1)
