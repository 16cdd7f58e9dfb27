"""What rows begin with is read once, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.training.data.task import Task
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rows import Row, row_of, score
from rewatch.training.trainers.read_once import ReadOnce

from ...agent.models.local_vlm.steering import steered
from ..rollouts.test_collector import looks_once

MakePolicy = Callable[..., VideoLMM]


@pytest.fixture(scope="module")
def rows(make_policy: MakePolicy, make_loop: Callable[[Any], Loop], tasks: list[Task]) -> list[Row]:
    """Runs with pictures and one without, of unlike length."""
    policy = make_policy()
    loop = make_loop(policy)
    with steered(policy, looks_once):
        rollouts = Collector(loop=loop)(tasks[:2], 2)
    with steered(policy, lambda prompt: '{"answer": "red", "evidence": []}'):
        rollouts += Collector(loop=loop)(tasks[2:3], 1)
    return [row for r in rollouts if (row := row_of(policy, r.messages, loop.pixels))]


def scored(policy: VideoLMM, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities, and the gradient of their sum."""
    policy.engine.loaded.model.zero_grad()
    logp_RT = score(policy.engine, rows).logp_RT
    logp_RT.sum().backward()
    gradients = [p.grad.flatten() for p in policy.engine.loaded.model.parameters() if p.grad is not None]
    return logp_RT.detach(), torch.cat(gradients)


def test_the_same_outcome_and_gradient_with_less_read(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    assert len({len(row.ids) for row in rows}) > 1 and {bool(row.frames) for row in rows} == {True, False}
    bare = [row for row in rows if not row.frames] * 2
    wanted = scored(policy, rows), scored(policy, bare)
    once = ReadOnce(policy.engine.loaded.model)
    for some, (logp_RT, gradient) in zip((rows, bare), wanted, strict=True):
        got = scored(policy, some)
        assert (got[0] - logp_RT).abs().max() < 1e-5
        assert (got[1] - gradient).norm() < 1e-4 * gradient.norm()
    assert once.read < 0.8 * once.requested
    assert ReadOnce.before(policy.engine.loaded.model) is once
    once.remove()
    assert torch.equal(scored(policy, rows)[1], wanted[0][1])


def test_padding_on_both_sides_and_rows_that_share_nothing(make_policy: MakePolicy, rows: list[Row]) -> None:
    policy = make_policy()
    model, pad = policy.engine.loaded.model, policy.engine.bounds.pad
    some = [list(row.ids) for row in rows if not row.frames] * 3
    some[1], some[2] = [*some[1], 7, 8, 9], some[2][:-2]
    width = 4 + max(map(len, some))
    ids, mask = torch.full((3, width), pad), torch.zeros((3, width), dtype=torch.long)
    for n, row in enumerate(some):
        ids[n, n : n + len(row)], mask[n, n : n + len(row)] = torch.tensor(row), 1

    def logits() -> torch.Tensor:
        with torch.no_grad():
            return model(input_ids=ids, attention_mask=mask).logits[mask.bool()]

    wanted = logits()
    once = ReadOnce(model)
    assert (logits() - wanted).abs().max() < 1e-4
    assert once.read < once.requested
    ids[:, 3:5] = torch.tensor([[20, 21], [22, 23], [24, 25]])
    once.requested = once.read = 0
    other = logits()
    assert once.read == once.requested
    once.remove()
    assert torch.equal(logits(), other)


def test_what_it_cannot_share_passes(make_policy: MakePolicy, rows: list[Row]) -> None:
    model = make_policy().engine.loaded.model
    once = ReadOnce(model)
    ids = torch.tensor([list(rows[-1].ids)] * 2)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    assert model(**given, use_cache=True).past_key_values.get_seq_length() == ids.shape[1]
    assert model(**given, output_hidden_states=True).hidden_states is not None
    assert once.requested == 0
    model.gradient_checkpointing_enable()
    model.train()
    model(**given).logits.sum().backward()
    assert once.requested == 0
