"""Words, numbers and coverage."""

import pytest
from rewatch.agent.text_matching import content, coverage, numbers, ordinal, stem


@pytest.mark.parametrize(
    "one, other",
    [
        ("sails", "sailing"),
        ("cities", "city"),
        ("budgets", "budget"),
        ("talked", "talks"),
        ("boxes", "box"),
        ("made", "made"),
        ("makes", "making"),
        ("hoped", "hopes"),
        ("running", "runs"),
    ],
)
def test_inflections_meet(one, other):
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    "text, values",
    [
        ("twenty five tickets", [25]),
        ("room 417 on floor two", [417, 2]),
        ("one hundred and five thousand", [105_000]),
        ("1,250.5 dollars", [1250.5]),
        ("ten million people", [10_000_000]),
        ("nothing here", []),
        ("seventy-three", [73]),
    ],
)
def test_numbers_in_digits_and_words(text, values):
    assert numbers(text) == values


@pytest.mark.parametrize(
    "text, value", [("the second cut", 2), ("last word", -1), ("the 3rd scene", 3), ("a word", None)]
)
def test_ordinals(text, value):
    assert ordinal(text) == value


def test_coverage_counts_each_wanted_word_once():
    assert coverage(content("annual budget"), content("The budget, the budget!")) == 0.5
    assert coverage([], content("anything")) == 0.0
