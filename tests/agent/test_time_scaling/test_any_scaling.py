"""What holds for every scaling, whatever the budget and whatever comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.agent.answer import Answer
from rewatch.agent.questions.question import Question
from rewatch.agent.test_time_scaling import SCALINGS, Attempt, Result, ScalingBrief
from rewatch.agent.test_time_scaling.budget_split import (
    affords_attempt,
    attempts_afforded,
    prompt_step,
    remaining_after,
)
from rewatch.tools import Budget

from .playing import ASKED, FAILED, FREE, LIMITS, NOTHING, OPEN, cited, play, said

SUMMARY = Question(text="Summarise the video.")
EMPTY = said(text=" ", confidence=0.0)
UNSURE = said("A", text="and then the car " * 6, confidence=0.01)

answers = st.sampled_from(
    [
        NOTHING,
        FAILED,
        EMPTY,
        UNSURE,
        *(said(o, confidence=c) for o, c in zip("ABCD", (0.9, 0.5, 0.1, 0.0), strict=True)),
        said(text="ten million", evidence=cited("video:0123abcd#t=1,3")),
        said(text="A man walks. A dog sleeps! 1: yes\n2: no", evidence=cited("video:0123abcd#t=4,6", supported=False)),
        said(text="1: yes\n2: yes\n3: yes\n4: yes\n5: yes"),
    ]
)
results = st.builds(
    Result,
    text=st.one_of(st.just("and then the car " * 6), st.text(max_size=40)),
    answer=st.one_of(answers, st.none()),
    likelihood=st.one_of(st.none(), st.floats(0, 1)),
    remaining=st.just(FREE),
)
lines = st.sampled_from(
    ['["Is it red?", "Is it a car?"]', "yes", "no", "B", "A or B", '{"visual_alignment": 3}', "[", "{}", "?"]
)
words = st.one_of(lines, st.text(max_size=60))
budgets = st.builds(
    Budget,
    frames=st.one_of(st.none(), st.integers(0, 200)),
    calls=st.one_of(st.none(), st.integers(0, 60)),
    tokens=st.one_of(st.none(), st.integers(0, 100_000)),
    seconds=st.one_of(st.none(), st.floats(0, 600)),
)


def replay(name: str, brief: ScalingBrief, recorded: list[tuple[Result, ...]]) -> tuple[list, Answer]:
    """The steps and the answer of a new generator that is sent recorded results."""
    run = SCALINGS[name].run(brief)
    steps = [next(run)]
    try:
        for row in recorded:
            steps.append(run.send(row))
    except StopIteration as end:
        return steps, end.value
    raise AssertionError("it wants more than before")


@pytest.mark.parametrize("name", SCALINGS)
@settings(max_examples=120, deadline=None)
@given(
    budget=budgets,
    width=st.integers(1, 40),
    question=st.sampled_from([ASKED, OPEN, SUMMARY]),
    came=st.lists(results, min_size=1, max_size=12),
    spoken=st.lists(words, min_size=1, max_size=6),
    spent=st.floats(0, 1),
)
def test_it_keeps_within_any_budget_ends_with_an_answer_and_replays_the_same(
    name, budget, width, question, came, spoken, spent
):
    def spending(piece) -> dict[str, float]:
        if isinstance(piece, Attempt):
            whole = {k: v for k in LIMITS if (v := getattr(piece.budget, k)) is not None}
            return {k: v * spent if k == "seconds" else int(v * spent) for k, v in whole.items()}
        return {"tokens": piece.max_tokens + len(piece.prompt) // 3, "seconds": 0.5}

    def reply(piece, count):
        return came[count % len(came)] if isinstance(piece, Attempt) else spoken[count % len(spoken)]

    # `play` checks every step: the shares add up to what is left at most, and so does what may be said.
    played = play(name, reply, question=question, budget=budget, width=width, spending=spending)
    answer = played.answer
    assert isinstance(answer, Answer) and 0 <= answer.confidence <= 1
    most = {"confidence": width + 1, "verify": 5, "critic": 4}.get(name, width)
    assert 1 <= len(played.attempts) <= most
    if not any(r.answer for row in played.results for r in row):
        assert answer.abstained
    steps, again = replay(name, ScalingBrief(question=question, budget=budget, width=width), played.results)
    assert steps == played.steps and again == answer


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("broke", [Budget(frames=0, calls=0, tokens=0, seconds=0.0), Budget(calls=1, tokens=100)])
def test_less_than_one_attempts_worth_makes_one_attempt_with_all_there_is(name: str, broke: Budget):
    played = play(name, lambda piece, count: said("A"), budget=broke)
    assert [piece.budget for piece in played.attempts] == [broke] and not played.says
    assert played.answer.option == "A"


@pytest.mark.parametrize("name", SCALINGS)
def test_when_every_attempt_fails_the_answer_says_so(name: str):
    played = play(name, lambda piece, count: FAILED if isinstance(piece, Attempt) else "")
    assert played.answer.stopped_by == "policy_error" and played.answer.abstained
    nothing = play(name, lambda piece, count: Result(text="", remaining=FREE))
    assert nothing.answer.abstained and nothing.answer.question == ASKED.text


def test_they_are_listed_with_their_papers():
    assert list(SCALINGS) == ["vote", "confidence", "refine", "verify", "mcts", "critic"]
    for name, scaling in SCALINGS.items():
        assert scaling.name == name and scaling.paper and scaling.about.endswith(".")


def test_what_is_left_is_the_least_that_any_piece_of_a_step_names():
    one = Result(text="", remaining=Budget(frames=9, calls=3, tokens=None, seconds=4.0))
    two = replace(one, remaining=Budget(frames=4, calls=5, tokens=None, seconds=9.0))
    assert remaining_after([one, two]) == Budget(frames=4, calls=3, tokens=None, seconds=4.0)


def test_how_many_attempts_a_budget_is_good_for():
    assert attempts_afforded(FREE, 8) == 8 and attempts_afforded(FREE, 0) == 1
    assert attempts_afforded(Budget(frames=5, calls=12, tokens=9000, seconds=100), 8) == 4  # 9000 // 2048
    assert attempts_afforded(Budget(frames=2, calls=12, tokens=9000, seconds=100), 8) == 2
    assert (
        attempts_afforded(Budget(frames=0, calls=12, tokens=9000, seconds=100), 8) == 4
    )  # without frames it can still listen
    assert affords_attempt(Budget(frames=0, calls=2, tokens=2048, seconds=2.0)) and affords_attempt(FREE)
    assert (
        not affords_attempt(Budget(calls=1))
        and not affords_attempt(Budget(tokens=2047))
        and not affords_attempt(Budget(seconds=1.9))
    )


def test_a_question_leaves_what_an_attempt_needs():
    assert prompt_step("x" * 300, FREE)[0].max_tokens == 512
    # 2600 - 2048 for an attempt - 100 for the prompt = 452; 2179 leaves 31, less than is worth asking for
    assert prompt_step("x" * 300, Budget(tokens=2600, seconds=None))[0].max_tokens == 452
    assert (
        prompt_step("x" * 300, Budget(tokens=2179, seconds=None))
        == ()
        != prompt_step("x" * 300, Budget(tokens=2180, seconds=None))
    )
    assert prompt_step("x", Budget(tokens=None, seconds=3.9)) == ()
