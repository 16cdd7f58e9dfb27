"""ECE, Brier and reliability by hand; a calibration that mends, is monotone, and stays put on few pairs."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.agent.test_time_scaling.calibration import Bin, Calibration, CalibrationError, brier, ece, reliability


def test_ece_by_hand():
    # Bins of 0.1. (0.9, 1]: .95 right, .95 wrong: |.5 - .95| = .45, 2 of 5.  (0.5, 0.6]: .6 right: .4, 1 of 5.
    # (0.1, 0.2]: .2 wrong, .12 wrong: |0 - .16| = .16, 2 of 5.  .4·.45 + .2·.4 + .4·.16 = .324
    assert ece([0.95, 0.95, 0.6, 0.2, 0.12], [True, False, True, False, False]) == pytest.approx(0.324)
    assert ece([1.0, 1.0, 0.0], [True, True, False]) == 0.0
    assert ece([0.8] * 5, [True, True, True, True, False]) == pytest.approx(0.0)
    assert ece([1.0], [False]) == 1.0
    assert ece([0.25, 0.75], [True, False], bins=1) == pytest.approx(0.0)  # one bin: .5 and .5


def test_a_bin_holds_its_upper_edge():
    rows = reliability([0.0, 0.1, 0.1 + 0.2, 0.31, 1.0], [True, False, True, True, True])
    assert [row.count for row in rows] == [2, 0, 1, 1, 0, 0, 0, 0, 0, 1]  # 0.1 + 0.2 is above 0.3 only by rounding
    assert rows[0] == Bin(0.0, 0.1, 2, 0.05, 0.5) and rows[1] == Bin(0.1, 0.2, 0, 0.0, 0.0)


def test_brier_by_hand():
    # (.9-1)² + (.4-0)² + (.5-1)² = .01 + .16 + .25 = .42; / 3 = .14
    assert brier([0.9, 0.4, 0.5], [True, False, True]) == pytest.approx(0.14)


def test_nothing_to_measure_and_nonsense():
    assert math.isnan(ece([], [])) and math.isnan(brier([], [])) and len(reliability([], [])) == 10
    for confidences, correct, bins in (
        ([0.5], [], 10),
        ([1.1], [True], 10),
        ([math.nan], [True], 10),
        ([0.5], [True], 0),
    ):
        with pytest.raises(ValueError):
            ece(confidences, correct, bins)
    with pytest.raises(ValueError):
        Calibration.fit([0.5], [True], prior=0)


def test_the_fit_is_at_the_optimum_by_hand():
    # One pair at p = .5 (logit 0), right: the slope keeps its prior 1, and the offset solves
    # sigmoid(b) - 1 + 5·b = 0: at b = .0952 sigmoid is .5238, and .4762 = 5 · .0952.
    fitted = Calibration.fit([0.5], [True])
    assert fitted.slope == pytest.approx(1.0) and fitted.offset == pytest.approx(0.0952, abs=1e-4)
    assert fitted.pairs == 1 and fitted(0.5) == pytest.approx(0.5238, abs=1e-4)
    # Its gradient is 0 on any pairs: d/da = Σ (q - y)·x + 5·(a - 1), d/db = Σ (q - y) + 5·b.
    rng = random.Random(1)
    points = [(p := rng.uniform(0.05, 0.95), rng.random() < p / 2) for _ in range(50)]
    fitted = Calibration.fit(*zip(*points, strict=True))
    x = [math.log(p / (1 - p)) for p, _ in points]
    error = [1 / (1 + math.exp(-fitted.slope * v - fitted.offset)) - y for v, (_, y) in zip(x, points, strict=True)]
    assert fitted.slope > 0 and fitted.offset < -0.3
    assert sum(e * v for e, v in zip(error, x, strict=True)) + 5 * (fitted.slope - 1) == pytest.approx(0, abs=1e-6)
    assert sum(error) + 5 * fitted.offset == pytest.approx(0, abs=1e-6)


def test_it_mends_what_is_too_sure():
    rng = random.Random(0)

    def runs(n: int) -> tuple[list[float], list[bool]]:
        true = [rng.uniform(0.2, 0.8) for _ in range(n)]
        stated = [1 / (1 + ((1 - p) / p) ** 3) for p in true]  # logits three times too far from 0
        return stated, [rng.random() < p for p in true]

    fitted = Calibration.fit(*runs(300))
    assert fitted.slope == pytest.approx(1 / 3, abs=0.1)
    stated, correct = runs(3000)
    mended = [fitted(p) for p in stated]
    assert ece(stated, correct) > 0.12 and ece(mended, correct) < 0.04
    assert brier(mended, correct) < brier(stated, correct)


def test_few_pairs_move_it_little_and_never_to_0_or_1():
    assert Calibration()(0.37) == 0.37 and Calibration.fit([], []) == Calibration()
    three = Calibration.fit([0.9, 0.9, 0.9], [True] * 3)
    assert 0.9 < three(0.9) < 0.95
    assert 0.5 < Calibration.fit([0.9] * 3, [False] * 3)(0.9) < 0.9
    assert Calibration.fit([1.0] * 50, [True] * 50)(1.0) < 1


def test_one_that_is_the_surer_the_more_wrong_is_flattened():
    fitted = Calibration.fit([0.9] * 40 + [0.1] * 40, [False] * 40 + [True] * 40)
    assert fitted.slope == 0 and fitted(0.9) == fitted(0.1) == pytest.approx(0.5)


def test_it_is_kept_as_json(tmp_path: Path):
    fitted = Calibration.fit([0.9, 0.8, 0.3], [True, False, False])
    fitted.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == fitted
    for text in (
        "",
        "[]",
        '{"slope": 1}',
        '{"slope": -1, "offset": 0, "pairs": 3}',
        '{"slope": NaN, "offset": 0, "pairs": 3}',
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(CalibrationError, match="bad.json"):
            Calibration.load(tmp_path / "bad.json")
    with pytest.raises(CalibrationError, match="missing.json"):
        Calibration.load(tmp_path / "missing.json")


unit = st.floats(0, 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(unit, st.booleans()), max_size=30), unit, unit)
def test_any_fit_is_finite_monotone_and_in_range(pairs: list[tuple[float, bool]], one: float, other: float):
    fitted = Calibration.fit([c for c, _ in pairs], [y for _, y in pairs])
    low, high = fitted(min(one, other)), fitted(max(one, other))
    assert 0 <= low <= high <= 1 and math.isfinite(fitted.slope) and math.isfinite(fitted.offset)
