"""Means and their intervals against numbers worked out by hand."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.measures.accuracy import accuracy
from rewatch.evaluation.measures.intervals import clustered_error, mean_of, wilson

from ..judged_items import choice, item, task


def test_wilson_of_eight_in_ten():
    # z = 1.95996; (0.8 + z²/20 ± z·sqrt(0.8·0.2/10 + z²/400)) / (1 + z²/10)
    assert wilson(0.8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-4)
    assert wilson(0.0, 3) == pytest.approx((0.0, 0.56150), abs=1e-4)


def test_clustered_error_by_hand():
    # x̄ = 0.5, s² = 1/3; independent: 1/12. The pairs of {1, 1} and {0, 0} add 2·(2·0.25)/16 = 1/16.
    assert clustered_error({"a": [1, 1], "b": [0, 0]}) == pytest.approx(math.sqrt(1 / 12 + 1 / 16))
    # {1, 0} twice: each pair takes 2·0.25/16 away, 1/12 - 1/16.
    assert clustered_error({"a": [1, 0], "b": [0, 1]}) == pytest.approx(math.sqrt(1 / 12 - 1 / 16))
    # clusters of one: the usual s / sqrt(n)
    assert clustered_error({"a": [1], "b": [0], "c": [0]}) == pytest.approx(math.sqrt(1 / 3 / 3))


def test_the_interval_of_two_videos_knows_that_they_are_two():
    judged = [choice("1", True, video="a"), choice("2", True, video="a"), choice("3", False, video="b")]
    judged.append(choice("4", False, video="b"))
    found = mean_of(judged, [1.0, 1.0, 0.0, 0.0])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)  # t(1) = 12.7


def test_six_videos_of_two_items():
    right = [(1, 1), (1, 1), (1, 0), (0, 0), (1, 1), (0, 1)]
    judged = [choice(f"{v}{k}", bool(x), video=f"v{v}") for v, pair in enumerate(right) for k, x in enumerate(pair)]
    found = mean_of(judged, [float(one.right) for one in judged])
    # x̄ = 2/3, Σ(x-x̄)² = 8/3, sums by video 2/3, 2/3, -1/3, -4/3, 2/3, -1/3, squared 30/9;
    # error² = (8/3)/11/12 + (30/9 - 8/3)/144 = 0.024832; t(5) = 2.570582
    assert found.value == pytest.approx(2 / 3)
    assert found.low == pytest.approx(2 / 3 - 2.570582 * math.sqrt(0.0248316), abs=1e-5)
    assert found.high == 1.0


def test_items_that_all_agree_are_not_sure():
    judged = [choice(str(n), True, video=f"v{n % 3}") for n in range(9)]
    found = mean_of(judged, [1.0] * 9)
    assert (found.low, found.high) == pytest.approx((0.43850, 1.0), abs=1e-4)  # Wilson's of three videos


def test_one_video_has_no_interval():
    judged = [choice(str(n), n > 0, video="v") for n in range(4)]
    found = mean_of(judged, [float(one.right) for one in judged])
    assert (found.value, found.low, found.high) == (0.75, None, None)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.25, 1.0])), min_size=1, max_size=30))
def test_a_mean_lies_in_its_interval(drawn: list[tuple[int, float]]):
    judged = [choice(str(n), True, video=f"v{video}") for n, (video, _) in enumerate(drawn)]
    found = mean_of(judged, [value for _, value in drawn])
    if found.low is not None and found.high is not None:
        assert 0.0 <= found.low <= found.value + 1e-9 and found.value - 1e-9 <= found.high <= 1.0


def test_a_failed_item_is_wrong_and_chance_is_told_where_all_tasks_tell():
    right = choice("1", True, video="a")
    failed = item(task("2", video="b"), failed="the video is broken")
    found = accuracy([right, failed])
    assert found["accuracy"].value == 0.5
    assert found["chance"].value == 0.25
    other = item(task("3", video="c", kind="open", answer="tea"), text="tea")
    assert "chance" not in accuracy([right, failed, other])
    stated = item(task("4", video="d", kind="open", answer="tea", meta={"chance": 0.125}), text="tea")
    assert accuracy([right, stated])["chance"].value == pytest.approx((0.25 + 0.125) / 2)


def test_several_right_options_have_no_simple_chance():
    assert "chance" not in accuracy([item(task("1", answer="A,B"), option="A", text="A")])


def test_intervals_hold_the_truth_as_often_as_they_say_where_videos_differ():
    draw, runs = random.Random(0), 400
    judged = [choice(f"{video}-{n}", True, video=f"v{video}") for video in range(20) for n in range(4)]
    clustered = alone = 0
    for _ in range(runs):
        values = []
        for _ in range(20):
            share = 0.95 if draw.random() < 0.6 else 0.05  # of a video's questions are right
            values += [float(draw.random() < share) for _ in range(4)]
        found, naive = mean_of(judged, values), wilson(sum(values) / 80, 80)
        clustered += found.low <= 0.59 <= found.high  # 0.6 · 0.95 + 0.4 · 0.05
        alone += naive[0] <= 0.59 <= naive[1]
    assert clustered / runs == pytest.approx(0.95, abs=0.03)
    assert alone / runs < 0.8
