"""Abstention, calibration and the risk-coverage curve against numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.measures.abstention import abstention, calibration, risk_coverage

from ..judged_items import choice, item, task


def absent(name: str, abstained: bool):
    return item(task(name, kind="open", answer=None, absent=True), text="" if abstained else "tea", abstained=abstained)


def test_abstentions_are_right_where_nothing_is_shown():
    judged = [
        absent("1", True),
        absent("2", True),
        absent("3", False),
        choice("4", True),
        choice("5", False),
        item(task("6"), abstained=True),
        item(task("7"), failed="broken"),
    ]
    found = {name: figure.value for name, figure in abstention(judged).items()}
    assert found == pytest.approx(
        {"answered": 3 / 7, "accuracy_answered": 1 / 3, "absent_found": 2 / 3, "abstained_wrongly": 1 / 4}
    )


def test_a_failure_is_no_abstention():
    failed = item(task("1", kind="open", answer=None, absent=True), failed="broken")
    assert abstention([failed])["absent_found"].value == 0.0
    assert not failed.right


def test_risk_and_coverage_by_hand():
    judged = [
        choice("1", True, confidence=0.9),
        choice("2", False, confidence=0.8),
        choice("3", True, confidence=0.7),
        item(task("4"), failed="broken"),
    ]
    assert [coverage for coverage, _ in risk_coverage(judged)] == [0.25, 0.5, 0.75, 1.0]
    assert [risk for _, risk in risk_coverage(judged)] == pytest.approx([0.0, 1 / 2, 1 / 3, 1 / 2])
    assert calibration(judged)["aurc"].value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_ties_count_by_their_mean_in_any_order():
    judged = [choice("1", True), choice("2", False), choice("3", False), choice("4", True)]
    assert [risk for _, risk in risk_coverage(judged)] == pytest.approx([0.5] * 4)
    assert risk_coverage(judged) == risk_coverage(judged[::-1])


def test_calibration_is_of_answers_alone():
    judged = [choice("1", True, confidence=0.8), choice("2", False, confidence=0.6)]
    found = calibration(judged)
    assert found["ece"].value == pytest.approx((0.2 + 0.6) / 2)
    assert found["brier"].value == pytest.approx((0.2**2 + 0.6**2) / 2)
    more = calibration([*judged, item(task("3"), failed="x"), item(task("4"), abstained=True)])
    assert more["ece"].value == found["ece"].value  # failing does not pay
    assert more["ece"].count == 2
    assert more["aurc"].value > found["aurc"].value


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=20))
def test_the_curve_ends_at_the_error_rate(drawn: list[tuple[bool, float]]):
    judged = [choice(str(n), right, confidence=sure) for n, (right, sure) in enumerate(drawn)]
    curve = risk_coverage(judged)
    assert len(curve) == len(judged)
    assert curve[-1] == pytest.approx((1.0, sum(not right for right, _ in drawn) / len(drawn)))
