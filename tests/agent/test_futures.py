"""Nothing of later is told, whatever was asked before and after: summaries, levels, habits, people, conversations."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from future_tries import Attacker
from futures import World, begun, build
from rewatch.memory import Moment


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = build(tmp_path_factory.mktemp("futures"))
    yield made
    made.memory.close()


def test_what_is_planted_is_told_without_a_limit(world: World) -> None:
    memory, late = world.memory, world.memory.until(Moment(2e9))
    for view in (memory, late):
        told = [text.text for record in view.videos() for text in view.texts(record.id)]
        told += [record.name for record in view.videos()] + view.people.names()
        there = [word for word in world.words if word in " ".join(told)]
        hidden = 0 if view is memory else sum(of != "main" for of, _ in world.words.values())
        assert len(there) >= len(world.words) - hidden, "else it is nothing that could leak"
        assert all(begun(length) in repr(view.videos()) for length, (of, _) in world.lengths.items() if of == "main")
    assert [habit.text for habit in memory.levels().habits("main")][0].startswith("watering the tomatoes")
    first = min(memory.videos(), key=lambda record: record.recorded or 2e9)
    assert any(name in world.words for name in memory.people.names(first.id)), "a voice is like one that is named later"


class Echo:
    """Writes all that it is told of an hour, a day or a week."""

    name = "echo"

    def summarize(self, title: str, lines: Sequence[str]) -> str:
        return f"It was written of {title}: {' '.join(lines)}"


def test_what_a_model_wrote_of_a_day_is_not_told_before_it_is_over(world: World) -> None:
    assert world.memory.summarize(Echo()) > 0
    rng, written = random.Random(4), 0
    for _ in range(20):
        now = rng.choice(world.moments()) + rng.choice([-1e-3, 0.0, 1e-3, 60.0, 3600.0])
        levels = world.memory.until(Moment(now)).levels()
        told = repr([levels.summaries(level) for level in ("hour", "day", "week")])
        written += "It was written of" in told
        assert not world.later(told, "main", now)
    assert written > 0, "what was over is as it was written"


def test_nothing_of_later_is_told(world: World, tmp_path: Path) -> None:
    leaks = Attacker(world, 1, tmp_path).run(40)
    assert not leaks, "\n".join(leaks[:10])


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [2, 3])
def test_nothing_of_later_is_told_in_a_thousand_tries(seed: int, tmp_path: Path) -> None:
    leaks = Attacker(build(tmp_path, seed), seed, tmp_path / "traces").run(1000)
    assert not leaks, "\n".join(leaks[:10])
