"""When two answers are one."""

from __future__ import annotations

import pytest
from rewatch.agent.questions.question import Question
from rewatch.agent.test_time_scaling.agreement import evidence_of, grouped, same

from .playing import NOTHING, cited, said

BUDGET = Question(text="What does the speaker say about the budget?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ten million", "The budget is ten million."),
        ("10 million", "It is ten million euros"),
        ("SPRING FAIR", "“Spring fair!”"),
        ("12", "There are twelve people."),
        ("yes", "Yes, the speaker shows a chart."),
        ("a tall old man in a red coat", "the tall man in a red coat"),
        ("at 12.5 s", "at 12.3 seconds"),
        ("01:05", "at 65 s"),
        ("from 10 to 20 s", "12 s to 21 s"),  # tIoU 8 / 11
        ("01:00-01:10", "from 62 to 70 seconds"),  # 8 / 10
        ("about 3.02 m", "3.0 m"),
        ("", "   "),
    ],
)
def test_the_same(one: str, other: str):
    assert same(said(text=one or " "), said(text=other), BUDGET) and same(
        said(text=other), said(text=one or " "), BUDGET
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ten million", "twelve million"),
        ("12", "13"),
        ("1000", "1010"),  # counts are equal or not
        ("red", "blue"),
        ("red", "red and blue"),
        ("the man opens the red door", "the man opens the red box"),
        ("it is red", "it is not red"),
        ("the old man in the red coat opens the door", "the old man in the red coat never opens the door"),
        ("yes, it is", "no, it is not"),
        ("up", "down"),
        ("left", "right"),
        ("from 10 to 20 s", "15 s to 25 s"),  # 5 / 15
        ("16:30", "16:31"),  # a time of day looks like a clock of the video: a minute is a minute
        ("at 12 s", "at 14 s"),
        ("the dog at 12 s", "the cat at 12 s"),
        ("12", "ten to 12 s"),
    ],
)
def test_not_the_same(one: str, other: str):
    assert not same(said(text=one), said(text=other), BUDGET) and not same(said(text=other), said(text=one), BUDGET)


def test_an_option_is_its_letter_whatever_is_said():
    assert same(said("A", text="red"), said("A", text="It is crimson"), BUDGET)
    assert not same(said("A", text="red"), said("B", text="red"), BUDGET)
    assert not same(said("A", text="red"), said(text="red"), BUDGET)
    assert same(NOTHING, said(text=" "), BUDGET) and not same(NOTHING, said("A"), BUDGET)


def test_groups_come_by_size_then_confidence_then_age_and_know_where_their_members_stood():
    answers = [said("A", confidence=0.1), NOTHING, said("B", confidence=0.9), said("C"), NOTHING, said("C")]
    groups = grouped(answers, BUDGET)
    assert [g.indices for g in groups] == [(3, 5), (1, 4), (2,), (0,)]
    assert [g.abstained for g in groups] == [False, True, False, False]
    assert sum(len(g.members) for g in groups) == len(answers)


def test_merged_evidence_names_each_place_once_and_the_supported_first():
    one, two, three = (f"video:0123abcd#t={i},{i + 1}" for i in range(3))
    merged = evidence_of([said("A", evidence=cited(one, two, supported=False)), said("A", evidence=cited(two, three))])
    assert [(e.uri, e.supported) for e in merged] == [(two, True), (three, True), (one, False)]
