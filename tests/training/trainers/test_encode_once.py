"""Pictures go through the vision tower once, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.memory import CapabilityError
from rewatch.training.data.task import Task
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rows import Row, row_of, score
from rewatch.training.trainers.encode_once import EncodeOnce, tower_of

from ...agent.models.local_vlm.steering import steered
from ..rollouts.test_collector import looks_once

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]


@pytest.fixture(scope="module")
def rows(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> list[Row]:
    """Two groups of three runs that look at the same four frames each."""
    policy = make_policy()
    loop = make_loop(policy)
    with steered(policy, looks_once):
        rollouts = Collector(loop=loop)(tasks[:2], 3)
    return [row for r in rollouts if (row := row_of(policy, r.messages, loop.pixels))]


def gradients(policy: VideoLMM, rows: list[Row]) -> torch.Tensor:
    policy.engine.loaded.model.zero_grad()
    score(policy.engine, rows).logp_RT.sum().backward()
    return torch.cat([p.grad.flatten() for p in policy.engine.loaded.model.parameters() if p.grad is not None])


def test_each_picture_is_encoded_once_with_the_same_outcome_and_gradient(
    make_policy: MakePolicy, rows: list[Row]
) -> None:
    policy = make_policy()
    with torch.no_grad():
        plain = score(policy.engine, rows).logp_RT
    wanted = gradients(policy, rows)
    once = EncodeOnce(policy.engine.loaded.model)
    with torch.no_grad():
        for _ in range(2):
            assert (score(policy.engine, rows).logp_RT - plain).abs().max() < 1e-5
    assert once.requested == 2 * 6 * 4 and once.encoded == 2 * 4  # the second pass needed none
    got = gradients(policy, rows)
    assert once.encoded == 4 * 4  # a gradient needs the tower, but each picture once
    assert (got - wanted).norm() < 1e-4 * wanted.norm()
    once.remove()
    assert torch.equal(gradients(policy, rows), wanted)


def test_what_is_kept_is_forgotten_when_the_tower_learns(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    model = policy.engine.loaded.model
    once = EncodeOnce(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        before = score(policy.engine, rows[:1]).logp_RT
    gradients(policy, rows[:1])
    optimizer.step()
    with torch.no_grad():
        after = score(policy.engine, rows[:1]).logp_RT
    once.remove()
    with torch.no_grad():
        plain = score(policy.engine, rows[:1]).logp_RT
    assert (after - plain).abs().max() < 1e-5 < (after - before).abs().max()


def test_a_frozen_tower_is_asked_once_for_rollouts_and_loss(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    model = policy.engine.loaded.model
    tower_of(model).requires_grad_(False)
    once = EncodeOnce(model)
    assert EncodeOnce.before(model) is once
    with torch.no_grad():
        score(policy.engine, rows)
    gradients(policy, rows)
    assert once.encoded == 2 * 4


def test_little_room_keeps_little_and_changes_nothing(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    with torch.no_grad():
        plain = score(policy.engine, rows).logp_RT
        once = EncodeOnce(policy.engine.loaded.model, keep=1)
        for _ in range(2):
            assert (score(policy.engine, rows).logp_RT - plain).abs().max() < 1e-5
    assert once.encoded == 2 * 2 * 4


def test_pictures_that_differ_in_one_bit_are_two(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    once = EncodeOnce(policy.engine.loaded.model)
    first = rows[0].frames[0]
    other = first.inputs.clone()
    other[3, 5] = torch.nextafter(other[3, 5], torch.tensor(9.0))
    grids = torch.tensor([first.grid] * 3)
    with torch.no_grad():
        tower_of(policy.engine.loaded.model)(
            torch.cat([first.inputs, other, first.inputs]), grid_thw=grids, return_dict=True
        )
    assert once.requested == 3 and once.encoded == 2


def test_a_model_without_such_a_tower_is_refused() -> None:
    class Blind(torch.nn.Module):
        config = type("Config", (), {"model_type": "blind"})()
        base_model = torch.nn.Linear(1, 1)

    with pytest.raises(CapabilityError, match="blind has no vision tower"):
        EncodeOnce(Blind())
