"""Word error rate, ROUGE-L, Ref@N and caption checks against the libraries and numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewatch.evaluation.measures.captions import captions
from rewatch.evaluation.measures.references import buckets, ref_at, references
from rewatch.evaluation.measures.text import corpus_wer, text
from rewatch.memory import Span

from ...training.rewards.runs import Run, uri
from ...training.rewards.runs import task as run_task
from ..judged_items import item, of_rollout, spans, task


def read(name: str, truth: str, said: str | None):
    asked = task(name, kind="ocr", answer=truth)
    return item(asked, failed="broken") if said is None else item(asked, text=said)


def test_errors_are_over_all_words():
    # one of four words replaced, then two of two missing: (1 + 2) / 6
    assert corpus_wer(["exit by the store", ""], ["exit by the stairs", "no entry"]) == pytest.approx(3 / 6)
    judged = [read("1", "exit by the stairs", "EXIT by the  store"), read("2", "no entry", None)]
    assert text(judged)["wer"].value == pytest.approx(3 / 6)


def test_abstaining_leaves_all_words_out():
    assert (
        text([item(task("1", kind="ocr", answer="no entry"), text="cannot read it", abstained=True)])["wer"].value == 1
    )


def test_more_words_than_there_are_cost_more_than_all():
    assert text([read("1", "exit", "way out here please")])["wer"].value == 4.0


def test_rouge_l_is_that_of_the_library():
    from rouge_score.rouge_scorer import RougeScorer

    truth, said = "A woman folds a blue cover on the bed", "The woman is folding the blue cover and smiles"
    official = RougeScorer(["rougeL"], use_stemmer=True).score(truth, said)["rougeL"].fmeasure
    found = text([item(task("1", kind="caption", answer=truth), text=said)])["rouge_l"].value
    assert found == pytest.approx(official)


def test_long_captions_count():
    truth = "A dog runs over the field and then sleeps. " * 40
    assert text([item(task("1", kind="caption", answer=truth), text=truth)])["rouge_l"].value == 1.0
    assert text([item(task("1", kind="caption", answer=truth), failed="broken")])["rouge_l"].value == 0.0


def test_buckets_of_spans():
    assert buckets(spans((0, 60)), 60) == {0}
    assert buckets(spans((59, 61), (120, 120), (300, 420)), 60) == {0, 1, 2, 5, 6}


def test_ref_by_hand():
    asked = run_task(spans=(Span(40, 50),))
    run = Run(task=asked, length=900).view(0, 900)
    judged = of_rollout(run.cite("blue", (uri(30, 35), None), (uri(290, 320), None), option="B"))
    assert ref_at(judged, 60) == pytest.approx(1 / 3)  # {0} against {0, 4, 5}
    assert ref_at(judged, 300) == pytest.approx(1 / 2)  # {0} against {0, 1}
    assert ref_at(judged, 600) == 1.0
    failed = item(task("2", video="w", spans=spans((0, 10))), failed="broken")
    found = references([judged, failed, item(task("3"), text="A")])
    assert found["ref@300"].value == 0.25
    assert found["ref@300"].count == 2


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)), min_size=1, max_size=6))
def test_a_reference_to_the_truth_itself_is_whole(drawn: list[tuple[int, int]]):
    true = spans(*((start, start + length + 1) for start, length in drawn))
    run = Run(task=run_task(spans=true), length=1000).view(0, 1000)
    judged = of_rollout(run.cite("blue", *((uri(span.start, span.end), None) for span in true), option="B"))
    assert all(ref_at(judged, n) == 1.0 for n in (7, 60, 300))


def test_captions_are_checked_question_by_question():
    checks = [["What is folded?", "a blue cover"], ["Where?", "on the large bed"], ["When?", "?"]]
    asked = task("1", kind="caption", answer="A woman folds a blue cover.", meta={"checks": checks})
    # "blue cover" stands there, of "large bed" one word of two: accuracy 1/2, score (5 + 2) / 2
    found = captions([item(asked, text="She folds the blue cover near a bed.")])
    assert found["vdc_accuracy_by_words"].value == 0.5
    assert found["vdc_score_by_words"].value == 3.5
    half = captions([item(asked, text="She folds the blue cover near a bed."), item(asked, failed="broken")])
    assert half["vdc_accuracy_by_words"].value == 0.25
    assert captions([item(task("2", kind="caption", answer="x"), text="x")]) == {}
