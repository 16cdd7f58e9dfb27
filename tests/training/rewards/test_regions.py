"""Boxes and tracks on numbers worked by hand."""

from __future__ import annotations

import math

import pytest
from rewatch.memory import Box
from rewatch.training.rewards import box_reward, point_in_box, track_reward
from rewatch.training.rewards.extraction import track
from rewatch.training.rewards.regions import box_at, box_iou, matched, shaped, track_iou

from .runs import Run, task, uri

LEFT, RIGHT = Box(0.0, 0.0, 0.2, 0.2), Box(0.8, 0.8, 1.0, 1.0)
WHOLE = Box(0.0, 0.0, 1.0, 1.0)
TRACK = task("track", None, track=((4.0, LEFT), (7.0, RIGHT)))
SPATIAL = task("spatial", None, boxes=(LEFT,))


def test_box_iou():
    assert box_iou(LEFT, LEFT) == pytest.approx(1.0)
    assert box_iou(LEFT, Box(0.1, 0.0, 0.3, 0.2)) == pytest.approx(0.02 / 0.06)
    assert box_iou(LEFT, RIGHT) == 0.0
    assert box_iou(Box(0, 0, 0, 0), Box(0, 0, 0, 0)) == 0.0  # an empty union
    assert box_iou(Box(0.2, 0.2, 0.0, 0.0), LEFT) == 0.0  # reversed


def test_shaping_pulls_a_miss_nearer_but_not_the_whole_picture():
    near, far = Box(0.3, 0.0, 0.5, 0.2), RIGHT
    assert shaped(near, LEFT, 0.2) == pytest.approx(0.2 * (1 - 0.3))  # centres 0.3 apart
    assert shaped(far, LEFT, 0.2) == 0.0  # sqrt(2) * 0.8 apart
    assert math.dist((0.1, 0.1), (0.9, 0.9)) > 1
    middle = Box(0.4, 0.4, 0.6, 0.6)
    assert shaped(WHOLE, middle, 0.2) == pytest.approx(0.8 * 0.04 + 0.2 * 0.04)
    with pytest.raises(ValueError, match="shaping"):
        shaped(LEFT, LEFT, 1.0)


def test_boxes_are_matched_one_to_one():
    assert matched([LEFT, RIGHT], [RIGHT, LEFT]) == pytest.approx(1.0)
    assert matched([LEFT, LEFT, LEFT], [LEFT]) == pytest.approx(1 / 3)
    assert matched([LEFT], [LEFT, RIGHT]) == pytest.approx(1 / 2)
    assert matched([], []) == 0.0


def test_tracks():
    true = [(0.0, LEFT), (1.0, LEFT), (2.0, LEFT), (3.0, LEFT)]
    assert track_iou(true, true) == pytest.approx(1.0)
    assert track_iou([(0.0, LEFT), (3.0, LEFT)], true) == pytest.approx(1.0)  # in between by proportion
    assert track_iou([(0.0, LEFT), (1.0, LEFT)], true) == pytest.approx(2 / 4)
    assert track_iou([*true, (9.0, LEFT)], true) == pytest.approx(4 / 5)  # one moment outside
    assert track_iou([], true) == track_iou(true, []) == 0.0
    half = box_at([(0.0, LEFT), (2.0, Box(0.2, 0.0, 0.4, 0.2))], 1.0)
    assert half == pytest.approx(Box(0.1, 0.0, 0.3, 0.2))


@pytest.mark.parametrize(
    "said",
    [
        '{"4": [0.0, 0.0, 0.2, 0.2], "7": [0.8, 0.8, 1.0, 1.0]}',
        '{"4": [[0.0, 0.0, 0.2, 0.2]], "7.0": [[0.8, 0.8, 1.0, 1.0]]}',
        '[{"time": 4.0, "bbox_2d": [0, 0, 0.2, 0.2]}, {"time": 7.0, "bbox_2d": [0.8, 0.8, 1, 1]}]',
        "At 00:04 it is at (0, 0, 0.2, 0.2), at 00:07 at (0.8, 0.8, 1, 1).",
        "4 s: [0.0, 0.0, 0.2, 0.2]\n4.0 s: [0.5, 0.5, 0.6, 0.6]\n7 seconds: [0.8, 0.8, 1.0, 1.0]",
        "[4, [0.0, 0.0, 0.2, 0.2]], [7, [0.8, 0.8, 1.0, 1.0]]",
    ],
)
def test_boxes_named_with_their_times_are_a_track(said: str):
    assert track(Run(TRACK).say(said)) == ((4.0, LEFT), (7.0, RIGHT))


@pytest.mark.parametrize(
    "said",
    ["frame 4: [0.0, 0.0, 0.2, 0.2]", "[0.0, 0.0, 0.2, 0.2], [0.8, 0.8, 1.0, 1.0]", "4 s: [0.2, 0.0, 0.1, 0.2]"],
)
def test_boxes_without_a_time_are_none(said: str):
    assert track(Run(TRACK).say(said)) == ()


def test_cited_boxes_come_before_named_ones():
    cited = Run(TRACK).cite("at 9 s: [0, 0, 0.2, 0.2]", (uri(4, box=RIGHT), None))
    assert track(cited) == ((4.0, RIGHT),)


def test_rewards_of_boxes():
    assert box_reward()(Run(SPATIAL).say("[0.0, 0.0, 0.2, 0.2]")) == pytest.approx(1.0)
    assert box_reward()(Run(SPATIAL).cite("here", (uri(42, box=LEFT), None))) == pytest.approx(1.0)
    assert box_reward()(Run(SPATIAL).say("[0.2, 0.2, 0.0, 0.0]")) == 0.0  # reversed
    assert box_reward()(Run(SPATIAL).say("[0, 0, 400, 300]")) == 0.0  # pixels, of a picture of unknown size
    assert point_in_box()(Run(SPATIAL).say("[0.05, 0.05, 0.1, 0.1]")) == 1.0
    assert point_in_box()(Run(SPATIAL).say("[0.0, 0.0, 1.0, 1.0]")) == 0.0
    assert point_in_box()(Run(SPATIAL).say("[0.0, 0.0, 0.2, 0.2] [0.5, 0.5, 0.6, 0.6]")) == 0.0  # two points


def test_reward_of_a_track():
    true = task("track", None, track=((40.0, LEFT), (41.0, LEFT), (42.0, RIGHT)))
    rollout = Run(true).cite("it", (uri(40, box=LEFT), None), (uri(41, box=LEFT), None), (uri(42, box=LEFT), None))
    assert track_reward()(rollout) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("eyes", "written", "earns"),
    [
        ({"side": 320, "scale": ""}, "[0, 0, 64, 36]", 0.5625),  # read as per cent: too large
        ({"side": 320, "scale": "pixels"}, "[0, 0, 64, 36]", 1.0),
        ({"side": 320, "scale": "grid"}, "[0, 0, 200, 200]", 1.0),
        ({"side": 320, "scale": "grid"}, "[200, 200, 0, 0]", 0.0),
        ({"side": 320, "scale": "grid"}, "[0, 0, 4000, 200]", 0.0),
        ({"side": 320, "scale": "grid"}, "[0.0, 0.0, 0.2, 0.2]", 1.0),
        ({"side": 320, "scale": "grid"}, "[0.0, 0.0, 1.2, 1.2]", 0.0),
    ],
)  # fmt: skip
def test_boxes_on_the_scale_on_which_the_policy_sees(eyes, written, earns):
    run = Run(SPATIAL)
    run.messages[1].additional_kwargs["eyes"] = eyes
    said = run.say(written)
    got = box_reward()(said)
    assert got == pytest.approx(earns) if earns in (0.0, 1.0) else 0 < got < 1
