"""A million parameters from random weights: saved, loaded as any checkpoint is, and driven through the loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from rewatch.agent import load_policy
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.small_loop import DIALECT, small_loop
from rewatch.training.gym import build_memory, clips16, sample_environments
from rewatch.training.rollouts.collector import Collector
from rewatch.training.trainers.tiny import save_tiny_qwen


def test_it_is_saved_and_asked_as_any_checkpoint_is(tmp_path: Path):
    environments = sample_environments(3, families=["clips16.color"], seed=7)
    words = clips16.corpus(sample_environments(80, families=["clips16.clip"], seed=7))
    folder = save_tiny_qwen(tmp_path / "model", words)
    policy = VideoLMM.load(str(folder), dialect=DIALECT, max_tokens=8)
    size = sum(p.numel() for p in policy.engine.loaded.model.parameters())
    assert 0.8e6 < size < 1.3e6
    tokenizer = policy.engine.loaded.processor.tokenizer
    assert all(len(tokenizer.encode(str(n), add_special_tokens=False)) == 1 for n in range(10, 16))
    memory = build_memory(environments, tmp_path / "memory")
    rollouts = Collector(loop=small_loop(memory, policy))([one.task for one in environments], 2)
    assert len(rollouts) == 6 and all(r.answer.text for r in rollouts)
    assert isinstance(load_policy(str(folder)), VideoLMM)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path):
    one, same, other = (
        VideoLMM.load(str(save_tiny_qwen(tmp_path / str(n), ["a b c"], hidden=32, layers=1, seed=seed)))
        for n, seed in enumerate((3, 3, 4))
    )
    weights = [next(iter(p.engine.loaded.model.parameters())).detach() for p in (one, same, other)]
    assert (weights[0] == weights[1]).all() and not (weights[0] == weights[2]).all()


@pytest.mark.parametrize("text", ["<|im_end|>", "<tool_call>"])
def test_control_tokens_are_one_id_each(tmp_path: Path, text: str):
    folder = save_tiny_qwen(tmp_path, ["a"], hidden=32, layers=1)
    tokenizer = VideoLMM.load(str(folder)).engine.loaded.processor.tokenizer
    assert len(tokenizer.encode(text, add_special_tokens=False)) == 1
