"""Worlds: videos that are drawn as they are watched, the same each time, and as long as a day."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import FrameReader, Span, VideoSource
from rewatch.training.data.task import Task, TaskError, Truth
from rewatch.training.gym import (
    FAMILIES,
    Level,
    World,
    build_memory,
    environment_of,
    make_environment,
    sample_environments,
)
from rewatch.training.gym.clips16 import FAMILIES as CLIPS16
from rewatch.training.gym.oracle import pattern, things
from rewatch.training.gym.render import COLORS, PATTERNS, SHAPES, plate
from rewatch.training.gym.world import Line, Plate, Sign, Thing, WorldScene


def test_a_world_is_a_video_source_with_frames_where_they_belong() -> None:
    thing = Thing(color="red", shape="circle", span=Span(2, 4))
    world = World(name="w", span=Span(0, 6), things=(thing,), fps=4.0)
    assert isinstance(world, VideoSource)
    assert world.info.frames == len(world.times()) == 24
    assert [frame.time for frame in world.frames_at([5.99, 0.1, 99])] == [0.0, 5.75, 5.75]
    before, shown, after = (things(frame.image) for frame in world.frames_at([1.99, 2.0, 4.0]))
    assert (before, after) == ([], []) and [(one.color, one.shape) for one in shown] == [("red", "circle")]
    assert shown[0].box == pytest.approx(thing.box(2.0), abs=0.03)
    assert next(world.frames_at([2], size=32)).image.shape == (32, 32, 3)


def test_things_move_on_their_lines_and_are_gone_outside() -> None:
    thing = Thing(color="blue", shape="square", span=Span(10, 14), at=(-0.2, 0.5), to=(1.2, 0.5), size=0.2)
    world = World(name="w", span=Span(8, 16), things=(thing,), fps=8.0)
    lefts = [things(world.frame(at).image)[0].box.left for at in (11, 12, 13)]
    assert lefts == sorted(lefts) and lefts[2] - lefts[0] == pytest.approx(0.7, abs=0.05)
    assert thing.box(10) is None and things(world.frame(10).image) == []
    assert thing.box(9) is None and thing.box(14) is None


@pytest.mark.parametrize("size", [0.2, 0.3, 0.6])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_and_color_can_be_told_from_pixels(shape: str, size: float) -> None:
    for n, color in enumerate(COLORS):
        at = (0.4 + 0.03 * n, 0.55 - 0.02 * n)
        shown = Thing(color=color, shape=shape, span=Span(0, 1), at=at, size=size)
        world = World(name="w", span=Span(0, 1), things=(shown,), scenes=(WorldScene(tone="sand", span=Span(0, 1)),))
        assert [(one.color, one.shape) for one in things(world.draw(0.0))] == [(color, shape)]


def test_a_plate_can_be_told_close_up_and_not_at_all_from_afar() -> None:
    worlds = [
        World(name=p, span=Span(0, 1), plates=(Plate(pattern=p, span=Span(0, 1), at=(0.3, 0.7)),), side=256)
        for p in PATTERNS
    ]
    box = worlds[0].plates[0].box
    for world in worlds:
        image = world.draw(0.0)
        left, top, right, bottom = (round(edge * 256) for edge in box)
        assert pattern(image[top:bottom, left:right]) == world.plates[0].pattern
    far = [next(world.frames_at([0], size=64)).image.astype(int) for world in worlds]
    assert max(np.abs(one - far[0]).max() for one in far) <= 1
    means = [plate(p, 32, 4).mean() for p in PATTERNS]
    assert max(means) - min(means) <= 0.5


def test_equal_worlds_are_one_video_and_any_change_makes_another() -> None:
    world = World(name="w", span=Span(0, 4), lines=(Line(text="a fox", span=Span(1, 2)),))
    assert world.content_id == World(name="w", span=Span(0, 4), lines=(Line(text="a fox", span=Span(1, 2)),)).content_id
    others = [
        World(name="w", span=Span(0, 4)),
        World(name="w", span=Span(0, 4), lines=(Line(text="a box", span=Span(1, 2)),)),
        World(name="w", span=Span(0, 4), signs=(Sign(text="A", span=Span(1, 2)),)),
    ]
    assert len({one.content_id for one in [world, *others]}) == 4


@pytest.mark.parametrize("family", [*FAMILIES, *CLIPS16])
def test_environments_are_made_again_from_their_tasks_and_differ_by_seed(family: str) -> None:
    one = make_environment(family, 3)
    assert environment_of(one.task) == one == make_environment(family, 3)
    assert environment_of(one.task).world.content_id == one.world.content_id
    assert len({make_environment(family, seed).world.content_id for seed in range(20)}) == 20
    assert all(one.world.span.start <= s.start and s.end <= one.world.span.end for s in one.task.truth.spans)


def test_a_task_from_elsewhere_has_no_world() -> None:
    with pytest.raises(TaskError, match="cannot be made"):
        environment_of(Task(id="t", question="What?", kind="open", truth=Truth(answer="x")))


def test_levels_are_mixed_as_told_and_grow_harder() -> None:
    easy, hard = Level.of(0.0), Level.of(1.0)
    assert easy.seconds < 20 and hard.seconds > 2000 and hard.size < easy.size and hard.crowd > easy.crowd
    drawn = sample_environments(400, families=["retrieval"], levels={easy: 1, Level.of(0.5): 3}, seed=5)
    assert sum(one.task.difficulty == 0.5 for one in drawn) == pytest.approx(300, abs=40)
    with pytest.raises(ValueError, match="difficulty"):
        Level.of(1.5)
    with pytest.raises(ValueError, match="4 clips"):
        Level(clips=2)
    with pytest.raises(ValueError, match="begin with a frame"):
        Level(clip_seconds=2.1)


def test_hours_take_no_memory_and_a_day_is_built_in_seconds(folder: Path) -> None:
    one = make_environment("day", 1, Level(clips=1440, duplicates=4))
    assert one.world.span.duration == 12 * 3600
    tracemalloc.start()
    for frame in one.world.frames_at(np.linspace(one.world.span.start, one.world.span.end, 200)):
        assert frame.image.shape == (64, 64, 3)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()
    memory = build_memory([one], folder)
    assert len(memory.clips(one.world.name)) == 1440
    assert len(memory.texts(one.world.name, channel="speech")) == len(one.world.lines)


def test_hundreds_of_short_worlds_are_built_in_well_under_a_minute(folder: Path) -> None:
    environments = sample_environments(24, families=["retrieval", "viewing", "listening", "two_hops"])
    began = time.process_time()
    memory = build_memory(environments, folder)
    assert time.process_time() - began < 60 / 300 * len(environments)
    assert len(memory.videos()) == 24
    began = time.process_time()
    build_memory([one.task for one in environments], folder)  # nothing is made again
    assert time.process_time() - began < 5


def test_screen_text_is_read_where_it_is_asked_for(folder: Path) -> None:
    sign = Sign(text="GATE 417", span=Span(1, 3))
    one = make_environment("nothing", 0, Level(clips=4))
    from dataclasses import replace

    world = World(name=one.world.name, span=Span(0, 4), signs=(sign,), side=256)
    memory = build_memory([replace(one, world=world)], folder, channels=("screen_text",))
    (text,) = {text.text for text in memory.texts(world.name, channel="screen_text")}
    assert "417" in text
    assert FrameReader(memory).read([f"video:{memory.videos()[0].id}#t=2"])[0].shape == (256, 256, 3)
