"""confidence: CyberV's Score Forest on hand-worked numbers, and when it looks closer."""

from __future__ import annotations

import pytest
from rewatch.agent.test_time_scaling import Attempt
from rewatch.agent.test_time_scaling.confidence import repeats, scores, sure
from rewatch.tools import Budget

from .playing import ASKED, FAILED, NOTHING, cited, play, result, said

URIS = [f"video:0123abcd#t={i},{i + 2}" for i in range(0, 80, 10)]
LOOP = "and then the car " * 6


def first_round(options: str, ps: list[float], closer=NOTHING):
    """Replies of attempts that choose these options with these probabilities, then of the closer look."""
    table = [result(said(o, evidence=cited(URIS[i])), p) for i, (o, p) in enumerate(zip(options, ps, strict=True))]
    return lambda piece, count: table[count] if count < len(table) else closer


def test_the_score_forest_by_hand():
    # p = .8 .9 .3 .5, the first one direct; the second repeats itself.
    # stable:    (.3-.8)/.8 = -.625 < -.5 → 0;  (.5-.8)/.8 = -.375 → 1
    # rank / 4:  .3→1, .5→2, .8→3, .9→4
    # 0: .2·(.8+1+1+1+.75)=.91   1: .2·(.9+1+0+1+1)=.78   2: .2·(.3+0+1+1+.25)=.51   3: .2·(.5+1+1+1+.5)=.80
    found = scores([0.8, 0.9, 0.3, 0.5], ["short", LOOP, "short", "short"])
    assert found == pytest.approx([0.91, 0.78, 0.51, 0.80])


def test_a_piece_that_stands_there_five_times_is_a_repetition():
    assert repeats("a piece of text. " * 5) and not repeats("a piece of text. " * 4)
    assert not repeats("x" * 30) and repeats("x" * 31)  # never in up to 30 characters
    assert not repeats("The car in the second picture is red, and the one in the last is blue; so it is red.")


def test_it_is_sure_above_n_theta():
    assert sure(2.41, 8) and not sure(2.4, 8)  # N = 8, theta = .3
    assert sure(1.01, 2) and not sure(1.0, 2)  # N = 2, theta = .5


def test_a_sure_round_is_accepted_without_a_closer_look():
    # Four of p = .9, ranks in order of age: A (0, 1, 2): .2·(3.9 + 1/4) + .2·(3.9 + 2/4) + .2·(3.9 + 3/4) = 2.64 > 1.2
    played = play("confidence", first_round("AAAB", [0.9] * 4), width=4)
    assert played.answer.option == "A" and played.answer.confidence == pytest.approx(2.64 / 4)
    assert [len(step) for step in played.steps] == [4]
    assert {e.uri for e in played.answer.evidence} == set(URIS[:3])
    assert [a.temperature for a in played.attempts] == [0.0, 1.0, 1.0, 1.0]  # one direct, the others think, at T = 1
    assert "step" in played.attempts[1].guidance and "step" not in played.attempts[0].guidance


def test_the_sum_decides_not_the_number():
    # B twice but repeating itself and hardly probable: .2·(.1+0+0+1+.25) + .2·(.1+0+0+1+.5) = .27 + .32 = .59;
    # A once: .2·(.9+1+1+1+1) = .98;  C once, p = .6: .2·(.6+1+1+1+.75) = .87.   N·theta = 1.2 > .98: a closer look.
    table = [
        result(said("A"), 0.9),
        result(said("B"), 0.1, text=LOOP),
        result(said("B"), 0.1, text=LOOP),
        result(said("C"), 0.6),
    ]
    played = play("confidence", lambda piece, count: table[count] if count < 4 else said("C"), width=4)
    assert len(played.attempts) == 5 and played.answer.option == "C"  # the closer look is among the first answers
    assert played.answer.confidence == pytest.approx(0.87 / 4)


@pytest.mark.parametrize(("closer", "kept"), [(said("B"), "B"), (said("D"), "A"), (NOTHING, "A"), (FAILED, "A")])
def test_a_closer_look_counts_only_if_it_is_among_the_first_answers(closer, kept):
    # Eight attempts, three options, p so low that no sum reaches 8 · .3 = 2.4: stable fails for all but the first.
    ps = [0.9, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]
    table = [
        result(said(o, evidence=cited(URIS[i])), p, text=LOOP)
        for i, (o, p) in enumerate(zip("ABCABCBC", ps, strict=True))
    ]
    played = play("confidence", lambda piece, count: table[count] if count < 8 else closer, width=8)
    look = played.attempts[8]
    assert look.temperature == 0.01 and sum(uri in look.guidance for uri in URIS) == 5  # where: five cited places
    assert played.answer.option == kept


def test_of_two_the_closer_look_is_kept_unless_it_has_no_answer():
    # N = 2, p = .1 and .9, both repeating: A .2·(.1+1+0+1+.5) = .52, B .2·(.9+1+0+1+1) = .78, neither above 1.
    for closer, kept in ((said("C"), "C"), (NOTHING, "B"), (FAILED, "B")):
        table = [result(said("A"), 0.1, text=LOOP), result(said("B"), 0.9, text=LOOP), closer]
        played = play("confidence", lambda piece, count, t=table: t[count], width=2)
        assert played.answer.option == kept and len(played.attempts) == 3
        assert [a.temperature for a in played.attempts[:2]] == [0.0, 0.0]  # T = 0 for N = 2
    table = [result(said("A"), 0.1, text=LOOP), result(NOTHING, 0.9, text=LOOP), NOTHING]
    assert play("confidence", lambda piece, count: table[count], width=2).answer.option == "A"


def test_without_probabilities_the_checked_confidence_stands_in():
    table = [said("A", confidence=0.2), said("B", confidence=0.9), said("C", confidence=0.3), said("B", confidence=0.8)]
    played = play("confidence", lambda piece, count: table[count], width=4)
    # B: .2·(.9+1+1+1+1) + .2·(.8+1+1+1+.75) = .98 + .91 = 1.89 > 1.2
    assert played.answer.option == "B" and played.answer.confidence == pytest.approx(1.89 / 4)


def test_a_budget_for_few_attempts_keeps_one_back_for_the_closer_look():
    played = play(
        "confidence",
        lambda piece, count: said("ABCDEFGH"[count % 4], confidence=0.01),
        budget=Budget(calls=8, seconds=None),
    )
    assert [len(step) for step in played.steps] == [3, 1]  # 8 calls are 4 attempts of 2
    assert [a.budget.calls for a in played.attempts[:3]] == [2, 2, 2] and played.attempts[
        3
    ].budget.calls == 8  # nothing was spent
    one = play("confidence", lambda piece, count: said("A", confidence=0.3), budget=Budget(calls=1))
    assert len(one.attempts) == 1 and one.answer.confidence == 0.3 and one.attempts[0].budget.calls == 1


def test_no_closer_look_when_nothing_is_left_for_it():
    played = play(
        "confidence",
        lambda piece, count: result(said("ABCD"[count % 4]), 0.01, text=LOOP),
        budget=Budget(calls=4, frames=None, seconds=None),
        width=2,
        spending=lambda piece: {"calls": 99},
    )
    assert len(played.attempts) == 2 and played.answer.option in "AB"


def test_what_it_asks_is_an_attempt_at_the_question_itself():
    played = play("confidence", lambda piece, count: said("A"), question=ASKED, width=3)
    assert all(isinstance(a, Attempt) and a.question is None for a in played.attempts)
