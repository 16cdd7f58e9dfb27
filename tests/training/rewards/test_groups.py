"""Group rewards on groups worked by hand."""

from __future__ import annotations

import pytest
from rewatch.training.rewards import agreement, curiosity, exact_option, look_penalty, temporal_order

from .runs import Run


def group(looking: int, of: int) -> list:
    return [Run().view(40, 50).say("B") if k < looking else Run().say("B") for k in range(of)]


def test_curiosity():
    # one of eight looks: RaPR = 0.125
    assert curiosity()(group(1, 8)) == pytest.approx([0.5 * 0.175] + [0.0] * 7)
    assert curiosity("code")(group(1, 8)) == pytest.approx([0.175 / 1.5 / 0.125 * 0.25] + [0.0] * 7)
    assert curiosity("code", image=True)(group(1, 8))[0] == pytest.approx(0.175 / 2 / 0.125 * 0.25)
    assert curiosity()(group(4, 8)) == [0.0] * 8  # more than 0.3 look
    assert curiosity()(group(0, 8)) == curiosity("code")(group(0, 8)) == [0.0] * 8
    assert curiosity()([]) == []


def test_failed_calls_are_no_looks():
    runs = [Run().view(40, 50, error=True).say("B"), *group(0, 7)]
    assert curiosity()(runs) == [0.0] * 8


def test_look_penalty():
    assert look_penalty()(Run().say("B")) == look_penalty()(Run().view(40, 50).say("B")) == 0.0
    assert look_penalty()(Run().view(40, 50).view(60, 70).view(60, 70).say("B")) == pytest.approx(-0.1)


def test_the_bonus_of_ordered_frames():
    def runs(ordered: str, shuffled: str) -> list:
        return [Run().say(a) for a in ordered] + [Run().say(a, meta={"shuffled": True}) for a in shuffled]

    bonus = temporal_order(exact_option())
    assert bonus(runs("BBCC", "BCCC")) == [0.3, 0.3, 0, 0, 0, 0, 0, 0]  # 0.5 >= 0.8 * 0.25
    assert bonus(runs("BCCC", "BBCC")) == [0.0] * 8  # 0.25 < 0.8 * 0.5
    assert bonus(runs("BBBB", "BBBB")) == [0.3] * 4 + [0.0] * 4  # 1 >= 0.8
    assert bonus(runs("CC", "CC")) == [0.0] * 4
    assert bonus(runs("BB", "")) == [0.0] * 2  # nothing to compare with


def test_agreement():
    runs = [Run().say("B"), Run().say("a blue cup"), Run().say("C"), Run().say("N/A")]
    assert agreement()(runs) == [0.5, 0.5, 0.25, 0.0]
