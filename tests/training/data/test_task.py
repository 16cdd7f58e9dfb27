"""Tasks: what is refused, and that the message names the field."""

from __future__ import annotations

from typing import Any

import pytest
from rewatch.memory import Box, Span
from rewatch.training.data.task import KINDS, Task, TaskError, Truth, as_number


def make(kind: str = "open", truth: dict[str, Any] | None = None, **fields: Any) -> Task:
    given = {"answer": "a cup"} if truth is None else truth
    return Task(**{"id": "1", "question": "What?", "kind": kind, "truth": Truth(**given), **fields})


SPAN, BOX = (Span(1, 2),), (Box(0.1, 0.1, 0.2, 0.2),)


def test_every_kind_can_be_made():
    made = [
        make("mcq", {"answer": "B"}, options=("x", "y")),
        make("open"),
        make("numeric", {"answer": "1,200.5"}),
        make("temporal", {"spans": SPAN}),
        make("grounded_qa", {"answer": "A", "spans": SPAN}, options=("x", "y")),
        make("grounded_qa", {"answer": "a cup", "spans": SPAN}),
        make("spatial", {"boxes": BOX}),
        make("track", {"track": ((1.0, BOX[0]), (2.0, BOX[0]))}),
        make("count", {"answer": "3"}),
        make("ocr", {"answer": "EXIT"}),
        make("caption", {"words": ("cup",)}),
    ]
    assert {task.kind for task in made} == set(KINDS)
    assert len(set(made)) == len(made)  # they can be put into sets


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", lambda: make(id=" ")),
        ("question", lambda: make(question="")),
        ("kind", lambda: make("riddle")),
        ("videos", lambda: make(videos=("",))),
        ("now", lambda: make(now=float("nan"))),
        ("now", lambda: make(now="soon")),
        ("weight", lambda: make(weight=0)),
        ("difficulty", lambda: make(difficulty=1.5)),
        ("options", lambda: make("mcq", {"answer": "A"})),
        ("options", lambda: make("mcq", {"answer": "A"}, options=("one",))),
        ("options", lambda: make("mcq", {"answer": "A"}, options=("one", " "))),
        ("truth.answer", lambda: make("mcq", {"answer": "C"}, options=("x", "y"))),
        ("truth.answer", lambda: make("mcq", {"answer": "x"}, options=("x", "y"))),
        ("truth.answer", lambda: make("open", {"answer": " "})),
        ("truth.answer", lambda: make("numeric", {"answer": "three"})),
        ("truth.answer", lambda: make("caption", {})),
        ("truth.spans", lambda: make("temporal", {})),
        ("truth.spans", lambda: make("temporal", {"spans": (Span(3, 3),)})),
        ("truth.spans", lambda: make("temporal", {"spans": (Span(30, 40),)}, now=20.0)),
        ("truth.boxes", lambda: make("spatial", {})),
        ("truth.boxes[0]", lambda: make("spatial", {"boxes": (Box(0.5, 0, 0.4, 1),)})),
        ("truth.boxes[0]", lambda: make("spatial", {"boxes": (Box(0, 0, 640, 360),)})),
        ("truth.track", lambda: make("track", {})),
        ("truth.track", lambda: make("track", {"track": ((2.0, BOX[0]), (1.0, BOX[0]))})),
        ("truth.tolerance", lambda: make("numeric", {"answer": "1", "tolerance": -1})),
    ],
)
def test_what_is_wrong_is_named(field: str, wrong: Any):
    with pytest.raises(TaskError) as caught:
        wrong()
    assert caught.value.field == field and str(caught.value).startswith(f"{field}: ")


def test_what_is_not_shown_needs_no_answer():
    assert make("mcq", {"absent": True}, options=("x", "y")).truth.letters == frozenset()


def test_letters_and_numbers():
    assert Truth(answer="A, C").letters == {"A", "C"} and Truth(answer="a cup").letters == frozenset()
    assert [as_number(t) for t in ("3", "-3.5", "1,200", "$5", "45 %", ".5")] == [3, -3.5, 1200, 5, 45, 0.5]
    assert [as_number(t) for t in ("", "three", "3 cups", "1,20", "nan", "-", "1e5")] == [None] * 7
