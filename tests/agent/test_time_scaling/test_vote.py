"""vote: plurality, ties, early stop, and its accuracy against the exact probability."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from rewatch.agent.answer import Answer
from rewatch.agent.test_time_scaling import Attempt
from rewatch.tools import Budget

from .playing import ASKED, FAILED, FREE, NOTHING, OPEN, cited, play, said

A_URI, B_URI, C_URI = (f"video:0123abcd#t={i},{i + 2}" for i in (0, 10, 20))


def by_table(answers: list[Answer]):
    return lambda piece, count: answers[count]


def test_the_plurality_wins_with_its_share_and_the_evidence_of_its_members():
    answers = [
        said("B", confidence=0.9, evidence=cited(B_URI)),
        said("A", confidence=0.4, evidence=cited(A_URI)),
        said("C", confidence=0.9),
        said("A", confidence=0.6, text="the red one", evidence=cited(A_URI, C_URI)),
        said("A", confidence=0.5),
    ]
    played = play("vote", by_table(answers), width=5)
    assert played.answer.option == "A" and played.answer.text == "the red one"  # of three A the most confident
    assert played.answer.confidence == pytest.approx(3 / 5)
    assert [e.uri for e in played.answer.evidence] == [A_URI, C_URI]  # each once, none of the losers'


def test_a_tie_goes_to_the_higher_summed_confidence():
    answers = [
        said("A", confidence=0.5),
        said("B", confidence=0.4),
        said("B", confidence=0.7),
        said("A", confidence=0.5),
    ]
    assert play("vote", by_table(answers), width=4).answer.option == "B"  # 2 : 2, and 1.1 > 1.0


def test_it_samples_and_each_attempt_has_its_own_seed():
    played = play("vote", by_table([said("ABCD"[i % 4]) for i in range(6)]), width=6)
    assert all(attempt.temperature == 0.7 for attempt in played.attempts)
    assert [attempt.seed for attempt in played.attempts] == list(range(6))


def test_it_stops_when_no_other_answer_can_win_any_more():
    # 8 allowed. 8 // 2 + 1 = 5 could be enough: they are run first, and five of a kind are.
    played = play("vote", by_table([said("A")] * 8))
    assert [len(step) for step in played.steps] == [5] and played.answer.confidence == 1.0
    # A A A B C: 3 : 1 with 3 to come. (3 - 2) // 2 + 1 = 1 more is an A: 4 : 1 with 2 to come, and it is decided.
    played = play("vote", by_table([said(o) for o in "AAABCAXX"]))
    assert [len(step) for step in played.steps] == [5, 1] and played.answer.confidence == pytest.approx(4 / 6)
    # A A B B C: 2 : 2 with 3 to come, 3 // 2 + 1 = 2 more (B, C): 3 : 2 with 1 to come, which could still make a tie.
    played = play("vote", by_table([said(o) for o in "AABBCBCA"]))
    assert [len(step) for step in played.steps] == [5, 2, 1]


def test_stopping_early_never_changes_the_answer():
    rng = random.Random(3)
    for _ in range(300):
        n = rng.randint(1, 9)
        table = [rng.choice([said(o, confidence=rng.random()) for o in "AAABBC"] + [NOTHING, FAILED]) for _ in range(n)]
        usable = [a for a in table if a is not FAILED]
        votes = Counter(a.option for a in usable)
        winner = play("vote", by_table(table), width=n).answer
        if usable and winner.option is not None:
            assert votes[winner.option] == max(votes.values())
        elif usable:
            assert votes[None] > max([v for o, v in votes.items() if o], default=0)
        else:
            assert winner.stopped_by == "policy_error"


def test_failures_have_no_vote_and_abstaining_is_an_answer_that_loses_ties():
    played = play("vote", by_table([FAILED, FAILED, said("A"), FAILED, NOTHING]), width=5)
    assert played.answer.option == "A" and played.answer.confidence == pytest.approx(1 / 2)
    played = play("vote", by_table([NOTHING, said("A"), NOTHING]), width=3)
    assert played.answer.abstained and played.answer.confidence == pytest.approx(2 / 3)
    assert play("vote", by_table([FAILED] * 4), width=4).answer.abstained


def test_free_texts_are_joined_where_they_say_the_same():
    texts = ["SPRING FAIR", "The sign says “Spring Fair”.", "ROOM 417", "spring fair"]
    played = play("vote", by_table([said(text=t) for t in texts]), question=OPEN, width=4)
    assert "fair" in played.answer.text.lower() and played.answer.confidence == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("budget", "made", "calls"),
    [
        (Budget(calls=12, frames=64, seconds=120), 6, 2),  # 12 // 2 calls
        (Budget(calls=1, frames=None, seconds=None), 1, 1),  # less than one attempt's worth: one with all there is
        (Budget(calls=0, frames=0, seconds=None), 1, 0),
        (
            Budget(calls=None, tokens=5000, frames=0, seconds=None),
            2,
            None,
        ),  # 5000 // 2048 tokens; 0 frames do not count
        (Budget(calls=None, frames=3, seconds=None), 3, None),
        (Budget(calls=None, frames=None, seconds=7.0), 3, None),  # 7 // 2 seconds
    ],
)
def test_a_small_budget_makes_fewer_attempts(budget: Budget, made: int, calls: int | None):
    answers = itertools.cycle([said(o) for o in "ABCD"])
    played = play("vote", lambda piece, count: next(answers), budget=budget, width=8)
    assert len(played.attempts) == made and played.attempts[0].budget.calls == calls
    assert (played.attempts[0].temperature is None) == (made == 1)


def plurality(p: float, n: int, wrong: int) -> float:
    """P that the right answer wins among n voters: right with p, else one of `wrong` at random, ties at random."""
    total = 0.0
    for votes in itertools.product(range(n + 1), repeat=wrong):
        right = n - sum(votes)
        if right < 0 or right < max(votes):
            continue
        ways = math.factorial(n) / math.prod(math.factorial(v) for v in (*votes, right))
        total += ways * p**right * ((1 - p) / wrong) ** sum(votes) / (1 + votes.count(right))
    return total


def accuracy(p: float, n: int, questions: int, wrong: int, seed: int = 0) -> tuple[float, float]:
    """Share of questions that vote gets right and mean attempts made, with a voter that is right with p."""
    rng = random.Random(seed)

    def voter(piece: Attempt, count: int) -> Answer:
        option = "A" if rng.random() < p else rng.choice("BCD"[:wrong])
        return said(option, confidence=rng.random())  # says nothing about being right: ties fall at random

    played = [play("vote", voter, question=ASKED, budget=FREE, width=n) for _ in range(questions)]
    return sum(p.answer.option == "A" for p in played) / questions, sum(len(p.attempts) for p in played) / questions


def test_the_exact_probability_is_worked_out_right():
    assert plurality(0.6, 3, 1) == pytest.approx(0.6**3 + 3 * 0.6**2 * 0.4)  # binomial: 0.648
    # Three wrong options of 0.2 each, n = 2: AA .16; A and another (2 · .4 · .6 = .48) is a tie, half of it.
    assert plurality(0.4, 2, 3) == pytest.approx(0.16 + 0.48 / 2)


@pytest.mark.parametrize(("p", "wrong"), [(0.6, 1), (0.75, 1), (0.45, 3)])
def test_accuracy_rises_with_n_as_probability_says_and_saturates(p: float, wrong: int):
    sizes, questions = (1, 3, 5, 9, 17), 800
    exact = [plurality(p, n, wrong) for n in sizes]
    measured = [accuracy(p, n, questions, wrong, seed=n)[0] for n in sizes]
    for right, seen in zip(exact, measured, strict=True):
        assert abs(seen - right) < 4 * math.sqrt(right * (1 - right) / questions)
    assert exact == sorted(exact) and measured[-1] > measured[1] > measured[0]
    per_attempt = [(exact[i + 1] - exact[i]) / (sizes[i + 1] - sizes[i]) for i in range(4)]
    assert per_attempt[-1] == min(per_attempt) < per_attempt[0] / 2  # saturates: a further attempt brings less and less
    assert accuracy(0.3, 17, 500, 1)[0] < 0.3  # a voter that is mostly wrong gets worse: votes do not make knowledge


def test_certain_voters_cost_half():
    right, attempts = accuracy(1.0, 17, 20, 3)
    assert right == 1.0 and attempts == 9  # 17 // 2 + 1


if __name__ == "__main__":
    for p, wrong in ((0.75, 1), (0.6, 1), (0.45, 3)):
        print(f"voter right with {p}, {wrong} wrong option(s); 4000 questions")
        for n in (1, 3, 5, 9, 17):
            seen, attempts = accuracy(p, n, 4000, wrong, seed=n)
            print(f"  n={n:2d}  accuracy {seen:.3f}  exact {plurality(p, n, wrong):.3f}  attempts made {attempts:.1f}")
