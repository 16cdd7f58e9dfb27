"""Question only: nobody does better than chance on the gym, not even who knows where to look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from rewatch.agent import load_policy
from rewatch.agent.small_loop import DIALECT
from rewatch.evaluation.controls import CONTROLS
from rewatch.memory import ClipMemory
from rewatch.training.data.task import Task
from rewatch.training.gym import ALL_FAMILIES, Environment, build_memory, clips16, sample_environments
from rewatch.training.gym.evaluation import collector
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards import is_right

_SIGMAS = 3.5


def expert_of(task: Task, family: str) -> BaseChatModel:
    """The gym's expert, who knows the clip that holds the answer, and the tools that show it."""
    settings = {"dialect": DIALECT, "solvers": clips16.SOLVERS} if family in clips16.FAMILIES else {}
    return Expert.of([replace(task, videos=("video",))], **settings)


def right_of(own: Sequence[Environment], memory: ClipMemory, policy: BaseChatModel | None) -> int:
    right = 0
    for one in own:
        view, task = CONTROLS["question_only"].apply(memory, one.task, 0)
        player = policy or expert_of(task, one.family)
        (rollout,) = collector([one], view, player)([task], 1, seed=0)
        right += is_right(replace(rollout, task=one.task))
    return right


def limit(own: Sequence[Environment]) -> float:
    """What chance alone exceeds once in a thousand times, in items."""
    chance = sum(float(one.task.meta["chance"]) for one in own) / len(own)
    return len(own) * chance + _SIGMAS * math.sqrt(len(own) * chance * (1 - chance)) + 1


def play(tmp_path: Path, count: int, policy: BaseChatModel | None) -> None:
    environments = sample_environments(count * len(ALL_FAMILIES), families=tuple(ALL_FAMILIES))
    memory = build_memory(environments, tmp_path / "memory")
    beyond = {}
    for family in ALL_FAMILIES:
        own = [one for one in environments if one.family == family]
        right = right_of(own, memory, policy)
        if not own[0].task.truth.absent and right > limit(own):
            beyond[family] = f"{right} of {len(own)}"
    assert not beyond


def test_who_knows_where_to_look_is_not_better_than_chance(tmp_path: Path) -> None:
    play(tmp_path, 2, None)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ["expert", "heuristic"])
def test_nobody_is_better_than_chance_in_any_family(name: str, tmp_path: Path) -> None:
    play(tmp_path, 8, None if name == "expert" else load_policy(name))
