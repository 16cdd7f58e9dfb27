"""At `now`, nothing can be known that only later pictures, sound or subtitles show: secrets that come late."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from lookahead import World, build, run_tries
from painted import Painted
from rewatch.memory import ClipMemory


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("lookahead"))


def test_what_comes_later_is_found_without_a_limit(world: World) -> None:
    for name, secrets in world.secrets.items():
        texts = " ".join(text.text for text in world.memory.texts(name))
        told = [secret for secret in secrets if world.leaks(texts, 0.0, [name])]
        assert len(told) == len(secrets), "else it is nothing that could leak"


def test_nothing_leaks_from_later(world: World, tmp_path: Path) -> None:
    leaks = run_tries(world, 40, 1, tmp_path)
    assert not leaks, "\n".join(leaks[:10])


def test_a_memory_that_does_not_tell_when_it_was_read_is_cut_with_care(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.memory.folder, tmp_path / "memory")
    with sqlite3.connect(tmp_path / "memory" / "memory.sqlite") as db:
        db.execute("DROP TABLE logs")
    old = World(ClipMemory(tmp_path / "memory", detector=Painted()), tmp_path, world.secrets)
    leaks = run_tries(old, 16, 2, tmp_path / "traces")
    assert not leaks, "\n".join(leaks[:10])
    texts = [text.text for text in old.memory.until(15.5).texts("growing.mp4", channel="screen_text")]
    assert any("PRESENTS" in text for text in texts), "what was gone for long is known"


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [11, 12])
def test_nothing_leaks_in_five_hundred_tries(seed: int, tmp_path: Path) -> None:
    leaks = run_tries(build(tmp_path, seed), 250, seed, tmp_path / "traces")
    assert not leaks, "\n".join(leaks[:10])
