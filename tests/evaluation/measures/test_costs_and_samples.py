"""Costs, pass@k and the majority against numbers worked out by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.measures.costs import costs
from rewatch.evaluation.measures.samples import pass_at, samples

from ..judged_items import choice, item, task


def test_costs_of_items_and_of_right_answers():
    judged = [
        choice("1", True, video="a", seconds=1.0),
        choice("2", False, video="b", seconds=3.0),
        item(task("3", video="c"), failed="broken", seconds=5.0),
    ]
    found = {name: figure.value for name, figure in costs(judged).items()}
    assert found["frames"] == pytest.approx(8 / 3)
    assert found["frames_per_right"] == 8
    assert found["tokens_per_right"] == 200
    assert found["seconds"] == 3.0  # what failed took time too
    assert found["seconds_per_right"] == 9.0
    assert found["seconds_p95"] == 5.0
    assert "price" not in found


def test_no_right_answer_has_no_cost():
    found = costs([choice("1", False)])
    assert "frames" in found and not any(name.endswith("_per_right") for name in found)


def test_price_where_there_is_one():
    spend = {"frames": 0, "calls": 0, "tokens": 10, "seconds": 1.0, "price": 0.5}
    assert costs([choice("1", True, spend=spend), choice("2", True)])["price_per_right"].value == 0.25


def test_the_slowest_twentieth_is_left_out():
    judged = [choice(str(n), True, seconds=float(n)) for n in range(1, 101)]
    assert costs(judged)["seconds_p95"].value == 95.0


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(n: int, data: st.DataObject):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations([i < right for i in range(n)], k))
    assert pass_at(k, n, right) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_and_majority_over_four_samples():
    judged = [choice("1", right, video="a", sample=n) for n, right in enumerate([True, False, False, False])]
    judged += [choice("2", right, video="b", sample=n) for n, right in enumerate([True, True, True, False])]
    found = {name: figure.value for name, figure in samples(judged).items()}
    # pass@2: 1 - C(3,2)/C(4,2) = 1/2, and 1
    assert found == pytest.approx({"pass@1": 0.5, "pass@2": 0.75, "pass@4": 1.0, "majority": 0.5})


def test_samples_as_frequent_share_the_majority():
    judged = [choice("1", right, sample=n) for n, right in enumerate([True, False])]
    assert samples(judged)["majority"].value == 0.5


def test_failed_samples_have_no_vote():
    judged = [choice("1", True, sample=0), *(item(task("1"), sample=n, failed="x") for n in (1, 2))]
    found = samples(judged)
    assert found["majority"].value == 1.0
    assert found["pass@1"].value == pytest.approx(1 / 3)
    assert found["pass@3"].value == 1.0


def test_tasks_asked_once_have_none_of_this():
    assert samples([choice("1", True), choice("2", True)]) == {}
