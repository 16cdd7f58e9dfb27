"""Language models that only read are trained on their records as Video-LMMs are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_lm import LocalLM
from rewatch.tools import Toolbox, search_clips, view_clip
from rewatch.training.data.task import Task
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.rows import row_of
from rewatch.training.trainers.mini import MiniSettings, MiniTrainer
from rewatch.training.trainers.sft import SFTSettings, train_sft

from ...agent.models.local_lm import tiny
from ...agent.models.local_vlm.steering import steered
from .test_mini import LETTERS, gradients
from .test_sft import solved

MakeLoop = Callable[[Any], Loop]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("trl", reason="the chat templates are those that TRL bundles")
    return tiny.save_lm(tmp_path_factory.mktemp("llama"), "llama")


def test_supervised_learning(folder: Path, make_loop: MakeLoop, tasks: list[Task]) -> None:
    policy = LocalLM.load(str(folder))
    # beside a tool that only shows pictures, which is not offered, one that is of use to who reads
    loop = replace(make_loop(policy), toolbox=Toolbox([view_clip, search_clips]))
    rows = []
    for task in tasks[:2]:
        with steered(policy, solved(task.id)):  # it looks, and is told in words that there were pictures
            (rollout,) = Collector(loop=loop)([task], 1)
        rows.append(row_of(policy, rollout.messages, loop.pixels))
    assert all(row and not row.frames and 0 < row.written < len(row.ids) for row in rows)
    assert "not shown to you" in policy.engine.loaded.tokenizer.decode(rows[0].ids)
    curve = train_sft(policy, rows, steps=4, settings=SFTSettings(rows=2, learning_rate=1e-2, warmup=1))
    assert curve[-1]["loss"] < 0.9 * curve[0]["loss"]


def test_reinforcement_learning(folder: Path, make_loop: MakeLoop, tasks: list[Task], tmp_path: Path) -> None:
    policy = LocalLM.load(str(folder), max_tokens=10)
    settings = MiniSettings(group_size=4, tasks=2, learning_rate=3e-3, warmup=1, beta=0.01)
    trainer = MiniTrainer(Collector(loop=make_loop(policy)), LETTERS, "grpo", settings)
    before = [parameter.detach().clone() for parameter in trainer.parameters]
    told, gradient = gradients(trainer, trainer.collect(tasks[:2], 4, seed=3))
    assert gradient.norm() > 0 and told["off_sampling"] < 1e-4  # it is trained on what was sampled
    figures = trainer.step(tasks[:2])
    assert figures["off_sampling"] < 1e-4 and figures["used"] > 0
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.parameters, strict=True))
