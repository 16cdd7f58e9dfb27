"""Options in another order: the truth goes with them, and what is said of their places stays true."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.agent.questions.question import letter
from rewatch.evaluation.controls import CONTROLS, ControlError
from rewatch.evaluation.controls.options import ORDER
from rewatch.memory import ClipMemory, Span
from rewatch.training.data.task import Task, Truth

CONTROL = CONTROLS["options_shuffled"]


def task_of(options: tuple[str, ...], answer: str, **more: object) -> Task:
    return Task(id="t", question="Which?", kind="mcq", options=options, truth=Truth(answer=answer), **more)  # type: ignore[arg-type]


@given(
    count=st.integers(2, 26),
    seed=st.integers(0, 1000),
    right=st.sets(st.integers(0, 25), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_the_right_texts_stay_right(count: int, seed: int, right: set[int]) -> None:
    options = tuple(f"text {n}" for n in range(count))
    places = sorted({n % count for n in right})
    task = task_of(options, ",".join(letter(n) for n in places))
    shuffled = CONTROL.task(task, seed)
    assert sorted(shuffled.options) == sorted(options) and shuffled.options != options
    texts = {shuffled.options[ord(one) - 65] for one in shuffled.truth.letters}
    assert texts == {options[n] for n in places}
    order = shuffled.meta[ORDER]
    assert tuple(options[n] for n in order) == shuffled.options, "letters can be mapped back"
    assert CONTROL.task(task, seed) == shuffled
    assert {letter(order[ord(one) - 65]) for one in shuffled.truth.letters} == task.truth.letters


@pytest.mark.parametrize("last", ["All of the above", "None of the above.", "Both of these", "none of the options"])
def test_what_speaks_of_the_others_by_place_stays(last: str) -> None:
    task = task_of(("red", "green", "blue", last), "D")
    for seed in range(10):
        shuffled = CONTROL.task(task, seed)
        assert shuffled.options[3] == last and shuffled.truth.answer == "D"
        assert shuffled.options[:3] != task.options[:3]


@pytest.mark.parametrize("last", ["Both A and B", "(A) and (C)", "A, B", "A & B"])
def test_where_letters_are_named_all_stay(last: str) -> None:
    task = task_of(("red", "green", "blue", last), "B")
    assert CONTROL.task(task, 3).options == task.options


def test_plain_words_are_not_taken_for_letters() -> None:
    task = task_of(("A cat and a dog", "A man or a woman", "Vitamin C", "plan B"), "A")
    assert CONTROL.task(task, 1).options != task.options


def test_every_order_comes_up() -> None:
    task = task_of(("a", "b", "c"), "A")
    seen = {CONTROL.task(task, seed).options for seed in range(60)}
    assert len(seen) == 5, "all but the one that it had"
    places = [CONTROL.task(task, seed).truth.answer for seed in range(600)]
    assert all(150 < places.count(one) < 300 for one in "BC") and 60 < places.count("A") < 180


def test_without_options_there_is_nothing_to_shuffle(tmp_path: object) -> None:
    task = Task(id="t", question="When?", kind="temporal", truth=Truth(spans=(Span(1, 2),)))
    with pytest.raises(ControlError, match="no options"):
        CONTROL.task(task, 0)


def test_open_answers_are_left_as_they_are() -> None:
    task = Task(
        id="t", question="Which?", kind="open", options=("red", "blue"), truth=Truth(answer="red"), meta={"k": 1}
    )
    shuffled = CONTROL.task(task, random.Random(0).randrange(9))
    assert shuffled.truth.answer == "red" and shuffled.meta["k"] == 1


def test_the_memory_is_all_there(tmp_path: object) -> None:
    memory = ClipMemory(str(tmp_path))
    assert CONTROL.apply(memory, task_of(("a", "b"), "A"), 0)[0] is memory
