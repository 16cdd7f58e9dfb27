"""Mixing: weights, gates, normalisation."""

from __future__ import annotations

import pytest
from rewatch.training.rewards import GroupReward, Mix, Reward, curiosity

from .runs import Run

RUNS = [Run().say("B", meta={"a": a, "b": b}) for a, b in ((0.2, 1.0), (0.6, 0.0), (1.0, -1.0))]
A = Reward(name="a", score=lambda r: r.meta["a"])
B = Reward(name="b", score=lambda r: r.meta["b"], low=-1.0, high=1.0)


def test_weights():
    mixed = Mix({"a": (A, 2.0), "b": (B, 0.5)})(RUNS)
    assert mixed.totals == pytest.approx((0.9, 1.2, 1.5))
    assert mixed.parts == {"a": (0.2, 0.6, 1.0), "b": (1.0, 0.0, -1.0)}
    assert Mix({"a": (A, 2.0), "b": (B, 0.5)}).bounds == (-0.5, 2.5)


def test_gates_look_at_raw_values():
    mix = Mix({"a": (A, 1.0), "b": (B, 1.0)}, gates={"a": "b"}, normalise="range")
    mixed = mix(RUNS)
    assert mixed.parts["a"] == (0.2, 0.0, 0.0)  # b is above 0 only for the first
    assert mixed.raw["a"] == (0.2, 0.6, 1.0) and mixed.raw["b"] == (1.0, 0.0, -1.0)
    own = Mix({"a": (A, 1.0)}, gates={"a": lambda r: r.meta["a"] - 0.5})
    assert own(RUNS).totals == (0.0, 0.6, 1.0)


def test_range_and_batch_normalisation():
    assert Mix({"b": (B, 1.0)}, normalise="range")(RUNS).totals == (1.0, 0.5, 0.0)
    assert Mix({"a": (A, 1.0)}, normalise="batch")(RUNS).totals == pytest.approx((0.0, 0.5, 1.0))
    first, second = Mix({"a": (A, 1.0)}, normalise="batch").over([RUNS[:2], RUNS[2:]])  # over all groups
    assert first.totals + second.totals == pytest.approx((0.0, 0.5, 1.0))
    assert Mix({"a": (A, 1.0)}, normalise="batch")(RUNS[1:2]).totals == (0.6,)  # all the same: its own range


def test_temperatures_lift_what_is_in_between():
    mixed = Mix({"a": (A, 1.0)}, normalise="batch", temperatures={"a": 2.0})(RUNS)
    assert mixed.totals == pytest.approx((0.0, 0.5**0.5, 1.0))


def test_group_rewards_see_their_own_group():
    looks, idle = Run().view(40, 50).say("B"), Run().say("B")
    mix = Mix({"curiosity": (curiosity(), 1.0)})
    first, second = mix.over([[looks] + [idle] * 7, [idle] * 8])
    assert first.totals[0] == pytest.approx(0.5 * 0.175) and second.totals == (0.0,) * 8


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="'c'"):
        Mix({"a": (A, 1.0)}, gates={"a": "c"})
    with pytest.raises(ValueError, match="temperature"):
        Mix({"a": (A, 1.0)}, temperatures={"a": 2.0})
    with pytest.raises(ValueError, match="weight"):
        Mix({"a": (A, float("nan"))})
    endless = GroupReward(name="x", score=lambda group: [0.0] * len(group), high=float("inf"))
    with pytest.raises(ValueError, match="bounded"):
        Mix({"x": (endless, 1.0)}, normalise="range")
