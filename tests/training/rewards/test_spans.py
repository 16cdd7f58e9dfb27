"""Temporal rewards on numbers worked by hand."""

from __future__ import annotations

import pytest
from rewatch.memory import Span
from rewatch.training.rewards import scaled, temporal, time_r1, tiou
from rewatch.training.rewards.extraction import ranges, spans
from rewatch.training.rewards.spans import iou, merged, shared, total

from .runs import VIDEO, Run, task, uri

TEMPORAL = task("temporal", None)


def says(answer: str):
    return Run(TEMPORAL).say(answer)


def test_iou_of_unions():
    assert merged([Span(5, 6), Span(0, 2), Span(1, 3), Span(3, 4), Span(9, 9)]) == [Span(0, 4), Span(5, 6)]
    assert total([Span(0, 2), Span(1, 3)]) == 3.0 and shared([Span(0, 4)], [Span(1, 2), Span(3, 9)]) == 2.0
    # 2 s + 2 s are shared; the union is 10 + 10 + 4 - … = [0, 12] and [20, 32] without the hole between them
    assert iou([Span(0, 10), Span(20, 30)], [Span(8, 12), Span(28, 32)]) == pytest.approx(4 / 24)
    assert iou([Span(0, 10), Span(0, 10)], [Span(0, 10)]) == 1.0  # the same span twice is one


def test_an_empty_union_has_a_defined_result():
    assert iou([], []) == 0.0 and iou([Span(3, 3)], []) == 0.0
    assert iou([], [], empty=1.0) == 1.0
    assert iou([], [Span(0, 1)], empty=1.0) == 0.0  # there is a union


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from 12.5 to 20 seconds", [(12.5, 20)]),
        ("12.5s - 20s", [(12.5, 20)]),
        ("[[3, 4], [7.5, 9]]", [(3, 4), (7.5, 9)]),
        ("between 1:05 and 1:10", [(65, 70)]),
        ("00:01:05–00:01:10", [(65, 70)]),
        ("20 to 12", [(20, 12)]),
        ("at 12.5 seconds", []),
        ("[0.1, 0.2, 0.3, 0.4]", []),  # a box
        ("a man", []),
    ],
)
def test_times_in_answers(text: str, found: list[tuple[float, float]]):
    assert ranges(text) == found


def test_tiou():
    assert tiou()(says("From 40 to 50 seconds.")) == 1.0
    assert tiou()(says("From 45 to 55 seconds.")) == pytest.approx(5 / 15)
    assert tiou()(says("[[40, 45], [60, 70]]")) == pytest.approx(5 / 20)
    assert tiou()(says("I do not know.")) == 0.0


def test_only_the_answer_is_read_and_of_the_last_tag():
    assert tiou()(Run(TEMPORAL).say("unclear", thought="It is from 40 to 50.")) == 0.0
    rollout = Run(TEMPORAL).end("<think>x</think> <answer>40 to 50</answer><answer>0 to 10</answer>")
    assert tiou()(rollout) == 0.0


def test_cited_spans_come_before_times_in_words():
    rollout = Run(TEMPORAL).view(40, 50).cite("from 0 to 100", (uri(40, 50), None))
    assert spans(rollout) == (Span(40, 50),)


def test_without_words_or_citations_it_is_what_was_last_looked_at():
    assert tiou()(Run(TEMPORAL).view(0, 10).view(40, 50).say("There.")) == 1.0


def test_spans_must_lie_in_the_video_that_is_meant():
    elsewhere = task("temporal", None, video="other.mp4", videos=("talk.mp4", "other.mp4"))
    here = task("temporal", None, video="talk.mp4", videos=("talk.mp4", "other.mp4"))
    assert tiou()(Run(elsewhere).view(40, 50).cite("there", (uri(40, 50), None))) == 0.0
    assert tiou()(Run(here).view(40, 50).cite("there", (uri(40, 50), None))) == 1.0
    by_id = task("temporal", None, video=VIDEO)
    assert tiou()(Run(by_id).view(40, 50).cite("there", (uri(40, 50), None))) == 1.0


def test_scaling():
    reward = scaled(tiou(), 0.2, 0.8)
    assert reward(says("40 to 50")) == 1.0
    assert reward(says("40 to 60")) == pytest.approx((0.5 - 0.2) / 0.6)
    assert reward(says("40 to 100")) == 0.0
    with pytest.raises(ValueError, match="low < high"):
        scaled(tiou(), 0.8, 0.8)


def test_time_r1():
    # tIoU 5/15, start and end off by 5 s of 100
    assert time_r1()(says("45 to 55")) == pytest.approx(5 / 15 * 0.95 * 0.95)
    assert time_r1()(says("40 to 50")) == 1.0
    assert time_r1()(says("50 to 40")) == 0.0  # a stale value in the released code


def test_the_surveys_temporal_reward():
    reward = temporal(weight=0.6, bonuses={0.5: 0.2, 0.7: 0.2}, length=0.2, missed=0.1)
    assert (reward.low, reward.high) == (pytest.approx(-0.3), pytest.approx(1.0))
    assert reward(says("40 to 50")) == pytest.approx(0.6 + 0.4 - 0.2 * 10 / 100)
    assert reward(says("40 to 56")) == pytest.approx(0.6 * 10 / 16 + 0.2 - 0.2 * 16 / 100)
    assert reward(says("0 to 100")) == pytest.approx(0.6 * 0.1 - 0.2)
    assert reward(says("42 to 43")) == pytest.approx(0.6 * 0.1 - 0.2 * 0.01 - 0.1 * 0.9)  # most of it missed
    assert reward(says("no idea")) == pytest.approx(-0.3)
