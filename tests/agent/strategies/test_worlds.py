"""The rendered videos show what they say, and the rater reads it off their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import Span, TruncatedVideo, VideoSource
from rewatch.training.gym.render import COLORS, SHAPES, TONES
from worlds import PixelRater, World, WorldEncoder, look, make_world, scene, thing

from .driving import remember


def picture(world: World, time: float) -> np.ndarray:
    return next(iter(world.frames_at([time]))).image


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_rater_tells_every_thing_by_its_pixels(color: str, shape: str):
    world = make_world(10, [thing(f"{color} {shape}", Span(2, 4), at=(0.4, 0.6), size=0.25)], seed=1)
    assert look(picture(world, 3.0))[1] == [f"{color} {shape}"]
    assert look(picture(world, 1.9))[1] == [] and look(picture(world, 4.0))[1] == []


@pytest.mark.parametrize("tone", TONES)
def test_the_rater_tells_scenes_with_and_without_things(tone: str):
    things = [thing("red circle", Span(5, 10), at=(0.3, 0.5)), thing("blue square", Span(5, 10), at=(0.7, 0.5))]
    world = make_world(10, things, scenes=[scene(tone, Span(0, 10))])
    assert look(picture(world, 1)) == (tone, []) and look(picture(world, 6)) == (tone, ["red circle", "blue square"])


def test_a_world_is_a_video_of_any_length_that_holds_no_pictures(tmp_path: Path):
    hours = make_world(8 * 3600, [thing("red ring", Span(20000, 20002))], seed=3)
    assert isinstance(hours, VideoSource)
    assert [look(f.image)[1] for f in hours.frames_at([20001.3, 5.0])] == [[], ["red ring"]]  # in order of time
    assert (
        hours.content_id
        == make_world(8 * 3600, hours.things, seed=3).content_id
        != make_world(8 * 3600, seed=3).content_id
    )
    assert [f.time for f in hours.frames(Span(1, 2), 2)] == [1.0, 1.5]
    assert next(iter(TruncatedVideo(hours, 20001).frames_at([25000]))).time < 20001
    memory = remember(tmp_path, make_world(70, seed=3), WorldEncoder())
    assert memory.videos()[0].complete and len(memory.clips(memory.videos()[0].id)) >= 1


def test_the_rater_counts_what_it_is_shown_and_errs_only_with_noise():
    world = make_world(100, [thing("red circle", Span(50, 60))], seed=2)
    from rewatch.tools import VisualQuestion
    from rewatch.tools.builtin.ask_clip import RATING

    questions = [VisualQuestion(frames=(f,), text=RATING.format(question="?")) for f in world.frames(Span(0, 100), 1)]

    def ratings(noise: float) -> list[str]:
        rater = PixelRater("red circle", noise=noise, seed=1)
        said = [reply.text[8:9] for reply in rater.ask(questions)]
        assert rater.shown == 100
        return said

    assert ratings(0.0) == ["1"] * 50 + ["5"] * 10 + ["1"] * 40
    wrong = sum(a != b for a, b in zip(ratings(0.3), ratings(0.0), strict=True))
    assert 10 < wrong < 40 and ratings(0.3) == ratings(0.3)
