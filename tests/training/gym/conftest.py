"""Environments of every family, a memory over them, and what an expert makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory
from rewatch.training.gym import FAMILIES, Environment, Level, build_memory, make_environment
from rewatch.training.gym.evaluation import play
from rewatch.training.gym.expert import Expert
from rewatch.training.rollouts.rollout import Rollout

LEVELS = (Level(), Level.of(0.0), Level(options=True, crowd=3, duplicates=3), Level.of(0.2))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def environments() -> dict[str, list[Environment]]:
    """Seeds of each family in all levels; few where a tool is slow."""
    count = {"reading": 2, "tracking": 2, "crossing": 2}
    return {
        family: [make_environment(family, seed, LEVELS[seed % len(LEVELS)]) for seed in range(count.get(family, 8))]
        for family in FAMILIES
    }


@pytest.fixture(scope="session")
def memory(environments: dict[str, list[Environment]], tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    every = [one for members in environments.values() for one in members]
    return build_memory(every, tmp_path_factory.mktemp("gym") / "memory")


@pytest.fixture(scope="session")
def played(environments: dict[str, list[Environment]], memory: ClipMemory) -> Callable[..., list[Rollout]]:
    """Plays a family's environments; the settings are the expert's."""

    def run(family: str, **settings: float) -> list[Rollout]:
        tasks = [one.task for one in environments[family]]
        return play(memory, tasks, Expert.of(tasks, **settings))

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "memory"
