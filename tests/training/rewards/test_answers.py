"""Answer rewards on answers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rewatch.memory import Span
from rewatch.training.rewards import (
    exact_option,
    is_right,
    multi_select,
    numeric,
    regression,
    task_reward,
    text_reward,
    words_reward,
)
from rewatch.training.rewards.answers import meets
from rewatch.training.rewards.text import rouge

from .runs import Run, task, uri


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("B", 1),
        ("b", 1),
        ("(B) a blue cup", 1),
        ("B. a blue cup", 1),
        ("The answer is B", 1),
        ("a blue cup", 1),
        ("A blue cup.", 1),
        ("C", 0),
        ("a cup", 0),
        ("Z", 0),
        ("A, B", 0),
        ("A. a red cup B. a blue cup C. a green cup D. a white cup", 0),
        ("{A|B|C|D}", 0),
        ("", 0),
    ],
)
def test_option(answer: str, reward: float):
    assert exact_option()(Run().say(answer)) == reward


RIGHT = (
    "B|b.|(b)|**B**|Option B|B: the cup|\\boxed{B}|The answer is B because A cup in blue stands there|答案是B|"
    "B because option A shows a red cup, C a green one and D a white one|I think it's B, not A|"
    "a blue cup is on the table"
).split("|")
NAMED = ("A, B, C, D#A B C D#A or B or C or D#(A) (B) (C) (D)#It is A. It is B. It is C. It is D.#A/B/C/D#"
         "The answer is A, B, C or D#a red cup, a blue cup, a green cup, a white cup#"
         "A. Or B. Or C. Or D.").split("#")  # fmt: skip


@pytest.mark.parametrize("said", RIGHT)
def test_a_right_choice_earns_all_and_the_loop_reads_the_same(said: str):
    for dialect in ("vital", "hermes"):
        for thought in ("Is it A or C?", "<answer>C</answer> perhaps"):
            text = f"<think>{thought}</think> <answer>{said}</answer>"
            rollout = Run(dialect=dialect).view(40, 50).end(text)
            assert exact_option()(rollout) == task_reward()(rollout) == 1.0 and is_right(rollout)
            assert rollout.answer.option == "B"
    assert exact_option()(Run(task(answer="C")).say(said)) == 0.0


@pytest.mark.parametrize("said", NAMED)
def test_naming_every_option_earns_nothing(said: str):
    for truth in "ABCD":
        assert exact_option()(Run(task(answer=truth)).say(said)) == 0.0
        assert multi_select()(Run(task(answer=truth)).say(said)) == 0.0


def test_options_with_one_text_are_one():
    twice = task(answer="B", options=("a cup", "a jug", "a jug", "a pan"))
    assert exact_option()(Run(twice).say("C")) == exact_option()(Run(twice).say("a jug")) == 1.0
    assert exact_option()(Run(twice).say("A")) == 0.0


def test_places_and_options_in_thoughts_are_not_the_answers():
    spanned = task("temporal", None)
    rollout = Run(spanned).say("from 40 to 50 s", thought="video:0a1b2c3d#t=1,2 or 5 to 9 s")
    assert task_reward()(rollout) == 1.0
    minutes = task("temporal", None, spans=(Span(7530, 7570),))
    for said in (
        "125:30 to 126:10",
        "2 hours 5.5 minutes to 2 hours 6 minutes 10 s",
        "2:05:30 - 2:06:10",
        "7530-7570 s",
    ):
        assert task_reward()(Run(minutes, length=9000.0).say(said)) == pytest.approx(1.0)
    assert task_reward()(Run(spanned).say("frames 40 to 50")) == 0.0


def test_option_of_json_counts_and_not_its_text():
    assert exact_option()(Run().cite("the blue one", option="B")) == 1.0
    assert exact_option()(Run().cite("not A but that", option="B")) == 1.0
    assert exact_option()(Run().cite("B", option="C")) == 0.0


def test_multi_select_pays_for_right_subsets_only():
    three = task(answer="A,C,D")
    assert multi_select()(Run(three).say("A, C and D")) == 1.0
    assert multi_select()(Run(three).say("A, C")) == pytest.approx(2 / 3)
    assert multi_select()(Run(three).say("A, B, C, D")) == 0.0
    assert multi_select()(Run(three).say("none of them")) == 0.0
    assert exact_option()(Run(three).say("A, C")) == 0.0


@pytest.mark.parametrize(
    ("said", "true", "reward"),
    [
        ("4", "4", 1.0),
        ("4.04", "4", 1.0),
        ("4.3", "4", 0.5),
        ("4.5", "4", 0.0),
        ("There are four cups.", "4", 1.0),
        ("1,200", "1200", 1.0),
        ("-3.5", "-3.5", 1.0),
        ("many", "4", 0.0),
        ("1 2 3 4 5", "4", 0.0),
    ],
)
def test_numbers(said: str, true: str, reward: float):
    assert numeric()(Run(task("numeric", true)).say(said)) == reward


@pytest.mark.parametrize(
    "said", ["3 or 4", "three, or maybe four", "It is 2 or 3.", "There are two or three cups", "30 or 3"]
)
def test_one_of_two_numbers_is_no_answer(said: str):
    assert numeric()(Run(task("numeric", "3")).say(said)) == 0.0
    assert not is_right(Run(task("count", "2")).say(said))


@pytest.mark.parametrize("said", ["3", "three (or 3)", "3 or more", "3 or three", "3 or so", "3, on one or two tables"])
def test_a_number_that_is_chosen_is_one(said: str):
    assert numeric()(Run(task("numeric", "3")).say(said)) == 1.0


def test_numbers_with_tolerance_and_regression():
    assert numeric()(Run(task("numeric", "100", tolerance=5)).say("104")) == 1.0
    assert regression()(Run(task("numeric", "100")).say("80")) == pytest.approx(0.8)
    assert regression()(Run(task("numeric", "100")).say("300")) == 0.0
    assert regression()(Run(task("numeric", "0")).say("0")) == 1.0
    assert regression()(Run(task("numeric", "0")).say("1")) == 0.0


def test_words_and_reading():
    cup = task("open", "a red cup")
    assert words_reward()(Run(cup).say("the red cup")) == 1.0
    assert words_reward(rouge)(Run(cup).say("a red cup")) == pytest.approx(1.0)
    assert text_reward()(Run(task("ocr", "exit only")).say("exit lonely")) == 0.5
    assert text_reward()(Run(task("open", "12")).say("12 cups")) == 1.0  # a number


def test_tasks_by_their_kind():
    reward = task_reward()
    assert reward(Run().say("B")) == 1.0
    assert reward(Run(task("temporal", None)).say("45 to 55")) == pytest.approx(1 / 3)
    grounded = task("grounded_qa", "B", options=("one", "two", "three"))
    rollout = Run(grounded).view(40, 50).say("B")
    assert reward(rollout) == 1.0 and is_right(rollout)  # both parts: the released code drops the answer
    assert reward(Run(grounded).view(40, 50).say("A")) == 0.5
    assert reward(Run(grounded).view(0, 10).say("B")) == 0.5 and not is_right(Run(grounded).view(0, 10).say("B"))
    caption = task("caption", "a man pours tea")
    assert reward(Run(caption).say("a man pours tea")) == pytest.approx(1.0)


def test_abstaining_is_right_only_where_nothing_is_shown():
    absent = task(answer=None, absent=True, spans=())
    assert task_reward()(Run(absent).say("N/A")) == 1.0 and is_right(Run(absent).say("N/A"))
    assert task_reward()(Run(absent).say("B")) == 0.0
    assert task_reward()(Run().say("N/A")) == 0.0 and not is_right(Run().say("N/A"))
    unseen = Run(absent).say("N/A")
    failed = replace(unseen, answer=replace(unseen.answer, stopped_by="viewer_error"))
    assert task_reward()(failed) == 0.0 and not is_right(failed)  # nobody looked


def test_places_that_meet_the_truth():
    true = (Span(40, 50),)
    assert meets(Span(42, 44), true) and meets(Span(45, 45), true) and meets(Span(38, 46), true)
    assert not meets(Span(0, 100), true) and not meets(Span(51, 51), true) and not meets(Span(30, 41), true)


def test_whole_sentences_are_right_where_words_are_wanted():
    word = task("open", "birch", question="Which code word is said?")
    assert is_right(Run(word).say("The code word is birch."))
    assert not is_right(Run(word).say("The code word is birch or oak."))
    read = task("ocr", "508", question="Which number is on the board?")
    assert is_right(Run(read).say("The number on the board is 508."))
    assert not is_right(Run(read).say("The number on the board is 445."))
    grounded = task("grounded_qa", "a red cup", spans=(Span(40, 50),), question="What stands on the table?")
    run = Run(grounded).view(40, 50)
    assert is_right(run.cite("A red cup stands on the table.", (uri(40, 50), None)))


def test_times_are_right_within_the_tolerance_of_both_ends():
    short = task("temporal", None, spans=(Span(10.0, 10.5),), tolerance=0.25)
    for text, right in (
        ("10.2 to 10.74", True),  # a tIoU of 0.4
        ("from 9.75 s to 10.25 s", True),  # both ends just as far off as they may be
        ("9.7 to 10.3", False),  # the start is further off
        ("10.2 to 10.8", False),
        ("9.8 to 9.9 and 10.45 to 10.7", False),  # two spans where one is true
        ("I do not know.", False),
    ):
        assert is_right(Run(short).say(text)) == right, text
    exact = task("temporal", None, spans=(Span(10.0, 10.5),))
    assert not is_right(Run(exact).say("10.2 to 10.74")) and is_right(Run(exact).say("10.0 to 10.4"))
