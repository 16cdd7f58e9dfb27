"""Comparisons of two evaluations against numbers worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.evaluation.compare import compare, mcnemar, paired_bootstrap, render
from rewatch.evaluation.items import EvaluationError
from rewatch.evaluation.judging import JudgedItem
from rich.console import Console

from .judged_items import choice, item, task


def answers(*right: bool, videos: int = 100, prefix: str = "t", **fields) -> list[JudgedItem]:
    return [choice(f"{prefix}{n}", one, video=f"v{n % videos}", **fields) for n, one in enumerate(right)]


def difference(made, name: str):
    return next(one for one in made.differences if one.name == name)


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(900, 700) < 1e-6


def test_two_videos_are_drawn_with_all_their_tasks():
    # differences 1 and 0, each over two tasks: means 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4
    ((low, high, p),) = paired_bootstrap([[1, 1, 0, 0]], ["a", "a", "b", "b"])
    assert (low, high) == (0.0, 1.0)
    assert p == pytest.approx(2 * 0.25, abs=0.03)


def test_a_difference_that_all_videos_agree_on():
    made = compare(answers(*[False] * 12), answers(*[True] * 12))
    found = difference(made, "accuracy")
    assert (found.first, found.second, found.difference) == (0.0, 1.0, 1.0)
    assert (found.low, found.high, found.p) == (None, None, None)  # nothing to draw from, and not sure for that
    assert made.mcnemar == pytest.approx(2 / 2**12)
    assert made.gained == tuple(f"t{n}" for n in range(12)) and made.lost == ()


def test_the_bootstrap_agrees_with_its_normal_approximation():
    one, other = [n % 2 == 0 for n in range(200)], [n % 2 == 0 or n % 10 == 1 for n in range(200)]
    found = difference(compare(answers(*one, videos=200), answers(*other, videos=200)), "accuracy")
    assert found.difference == pytest.approx(0.1)
    half = 1.96 * (0.1 * 0.9 / 200) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.01)


def test_tasks_about_one_video_tell_no_interval():
    found = difference(compare(answers(True, False, videos=1), answers(True, True, videos=1)), "accuracy")
    assert found.difference == 0.5
    assert found.low is None and found.p is None


def test_only_common_tasks_are_compared_and_settings_are_named():
    first, second = answers(True, True, False), answers(False, True)
    second.append(item(task("other", video="w"), option="B", text="B"))
    made = compare(first, second, [("settings.route", "direct", "refine")])
    assert (made.tasks, made.only_first, made.only_second) == (2, 1, 1)
    assert made.lost == ("t0",)
    row = json.loads(json.dumps(made.as_dict()))
    assert row["settings"] == [{"name": "settings.route", "first": "direct", "second": "refine"}]
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(made))
    shown = console.export_text()
    assert 'settings.route: "direct" → "refine"' in shown and "accuracy" in shown and "price" not in shown


def test_costs_are_compared_and_a_failure_is_wrong():
    first, second = answers(True, True, seconds=2.0), answers(True, seconds=3.0)
    second.append(item(task("t1", video="v1"), failed="broken", seconds=9.0))
    made = compare(first, second)
    assert difference(made, "accuracy").difference == -0.5
    assert difference(made, "seconds").difference == 4.0
    assert difference(made, "frames").difference == -2.0


def test_samples_of_a_task_are_one_value():
    first = [choice("t", right, sample=n) for n, right in enumerate([True, False])]
    second = [choice("t", right, sample=n) for n, right in enumerate([True, True, True, False])]
    made = compare(first, second)
    assert difference(made, "accuracy").difference == 0.25
    assert made.mcnemar is None


def test_other_sets_are_refused():
    with pytest.raises(EvaluationError, match="no task in common"):
        compare(answers(True), answers(True, prefix="u"))
    same = task("t0", video="v0")
    for other in (task("t0", video="v0", answer="C"), replace(same, question="Who else?"), replace(same, now=3.0)):
        with pytest.raises(EvaluationError, match="Task t0 is not the same"):
            compare(answers(True), [item(other, option="C", text="C")])


@settings(max_examples=20)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=8))
def test_the_other_way_round_is_the_negative(drawn: list[tuple[bool, bool, int]]):
    first = [choice(str(n), a, video=f"v{v}") for n, (a, _, v) in enumerate(drawn)]
    second = [choice(str(n), b, video=f"v{v}") for n, (_, b, v) in enumerate(drawn)]
    there, back = (difference(compare(*pair), "accuracy") for pair in ((first, second), (second, first)))
    assert there.difference == pytest.approx(-back.difference)
    if there.low is not None and back.high is not None:
        assert there.p == pytest.approx(back.p)
        assert there.low == pytest.approx(-back.high)
