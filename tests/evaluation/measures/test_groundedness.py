"""Groundedness on runs made by hand: what supports an answer, and what does not however often it is cited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.judging import JudgedItem
from rewatch.evaluation.measures.groundedness import evidence_shares, groundedness, is_supported
from rewatch.memory import Span

from ...training.rewards.runs import Run, task, uri
from ..judged_items import item, of_rollout
from ..judged_items import task as bare_task

TRUE = (uri(42, 48), None)
ELSEWHERE = (uri(70, 75), None)
WHOLE = (uri(0, 100), None)
SAID = "the tickets cost twelve euros each"


def judged(*evidence: tuple[str, str | None], option: str = "B", run: Run | None = None) -> JudgedItem:
    """A run that looked at all of the video in two looks, and cites this."""
    made = run or Run().view(0, 50).view(50, 100)
    return of_rollout(made.cite("blue", *evidence, option=option))


def test_a_cited_place_must_meet_the_truth():
    assert is_supported(judged(TRUE))
    assert not is_supported(judged(ELSEWHERE))
    assert not is_supported(judged())


def test_a_place_that_was_not_observed_supports_nothing():
    assert not is_supported(judged(TRUE, run=Run().view(0, 30)))


def test_half_of_the_places_may_be_context():
    assert evidence_shares(judged(TRUE, ELSEWHERE)) == (0.5, 1.0)
    assert is_supported(judged(TRUE, ELSEWHERE))
    assert not is_supported(judged(TRUE, ELSEWHERE, (uri(10, 15), None)))


def test_the_whole_video_supports_nothing():
    assert evidence_shares(judged(WHOLE)) == (0.0, 0.0)
    assert not is_supported(judged(TRUE, WHOLE, ELSEWHERE))


def test_places_over_all_of_the_video_support_nothing():
    assert not is_supported(judged(*((uri(at, at + 5), None) for at in range(0, 100, 5))))
    assert not is_supported(judged(*((uri(at), None) for at in range(2, 100, 3))))


def test_to_cite_a_place_again_supports_nothing_more():
    near = [(uri(42 + k / 10, 48 + k / 10), None) for k in range(5)]
    misses = [ELSEWHERE, (uri(10, 15), None)]
    assert evidence_shares(judged(*near, *misses))[0] == pytest.approx(1 / 3)
    moments = [(uri(44 + k / 10), None) for k in range(4)]
    assert evidence_shares(judged(*moments, *misses))[0] == pytest.approx(1 / 3)


def test_recall_is_of_true_spans():
    asked = task(spans=(Span(10, 20), Span(40, 50), Span(80, 90)))
    run = Run(task=asked).view(0, 100)
    assert evidence_shares(judged((uri(12, 18), None), (uri(41, 49), None), run=run)) == (1.0, pytest.approx(2 / 3))


def test_a_quote_must_hold_at_its_place():
    data = {"utterances": [{"start": 40, "end": 50, "text": SAID}]}
    heard = Run().call("transcribe", uri(40, 50), start=40, end=50, text=SAID, data=data)
    assert is_supported(judged((uri(40, 50), "twelve euros"), run=heard))
    heard = Run().call("transcribe", uri(40, 50), start=40, end=50, text=SAID, data=data)
    assert not is_supported(judged((uri(40, 50), "twenty euros"), run=heard))


def test_without_known_spans_every_place_must_have_been_observed():
    asked = task(spans=())
    run = Run(task=asked).view(40, 50)
    assert is_supported(judged(TRUE, run=run))
    assert not is_supported(judged(TRUE, ELSEWHERE, run=Run(task=asked).view(40, 50)))
    assert not is_supported(judged(WHOLE, run=Run(task=asked).view(0, 100)))
    assert not is_supported(judged(run=Run(task=asked).view(40, 50)))


def test_a_video_that_was_browsed_shows_no_place_of_it():
    asked = task(spans=())
    browsed = Run(task=asked).call("browse", uri(0, 100), uri(41, 44), uri(80, 90))
    assert is_supported(judged((uri(80, 90), None), run=browsed))
    browsed = Run(task=asked).call("browse", uri(0, 100), uri(41, 44), uri(80, 90))
    assert is_supported(judged((uri(40, 50), None), run=browsed))  # something in it was shown
    browsed = Run(task=asked).call("browse", uri(0, 100), uri(41, 44), uri(80, 90))
    assert not is_supported(judged((uri(60, 70), None), run=browsed))
    seen = Run(task=asked).call("view_frames", uri(62), uri(66))
    assert is_supported(judged((uri(62), None), run=seen))


def test_a_truth_that_is_most_of_the_video_is_no_place():
    asked = task(spans=(Span(0, 95),), videos=("talk.mp4",))
    browsed = Run(task=asked).call("browse", uri(0, 100), uri(41, 44))
    assert not is_supported(judged((uri(60, 70), None), run=browsed))
    browsed = Run(task=asked).call("browse", uri(0, 100), uri(41, 44))
    assert is_supported(judged((uri(41, 44), None), run=browsed))


def test_a_right_abstention_is_supported_if_the_run_looked():
    gone = bare_task("x", kind="open", answer=None, absent=True)
    blind = item(gone, abstained=True)
    assert blind.right and not is_supported(blind)
    run = Run(task=task("open", None, absent=True, spans=(), question="What stands there?")).view(0, 50)
    looked = of_rollout(run.end('{"answer": "It is not shown.", "abstained": true}'))
    assert looked.answer.abstained and looked.right and is_supported(looked)


def test_the_three_shares_are_of_all_items():
    failed = item(bare_task("f", spans=(Span(1, 2),)), failed="broken")
    found = groundedness([judged(TRUE), judged(ELSEWHERE), judged(TRUE, option="A"), failed])
    assert [found[name].value for name in ("right_supported", "right_unsupported", "wrong")] == [0.25, 0.25, 0.5]
    assert found["supported_of_right"].value == 0.5
    assert found["supported_of_right"].count == 2
    assert found["evidence_precision"].value == 0.5
    assert found["evidence_recall"].value == 0.5


places = st.tuples(st.integers(0, 190), st.integers(0, 40)).map(lambda p: (p[0] / 2, min(p[0] / 2 + p[1] / 2, 100.0)))


@given(st.lists(places, max_size=8), places)
def test_no_citation_that_misses_makes_an_answer_supported(cited: list[tuple[float, float]], more: tuple[float, float]):
    evidence = [(uri(*pair) if pair[0] < pair[1] else uri(pair[0]), None) for pair in cited]
    before = is_supported(judged(*evidence))
    assert is_supported(judged(*evidence, *evidence)) is before
    assert not (is_supported(judged(*evidence, WHOLE)) and not before)
    span = Span(*more)
    if span.iou(Span(40, 50)) == 0 and not 40 <= span.start <= 50:
        added = (uri(*more) if more[0] < more[1] else uri(more[0]), None)
        assert not (is_supported(judged(*evidence, added)) and not before)
