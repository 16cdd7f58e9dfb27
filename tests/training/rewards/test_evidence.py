"""Evidence rewards on runs made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rewatch.agent.answer import Evidence
from rewatch.memory import Span
from rewatch.training.rewards import audio_consistency, dual_caption, faithful, hit, quotes, thought_reward, verified

from .runs import Run, task, uri

SAID = "the tickets cost twelve euros each"


def heard(run: Run | None = None) -> Run:
    """A run that listened to [40, 50)."""
    data = {"utterances": [{"start": 40, "end": 50, "text": SAID}], "find": "tickets"}
    return (run or Run()).call("transcribe", uri(40, 50), start=40, end=50, text=f"«{SAID}»", data=data)


def test_cited_places_must_have_been_observed():
    run = Run().view(40, 50)
    assert faithful()(run.cite("blue", (uri(42, 48), None), option="B")) == 1.0
    run = Run().view(40, 50)
    assert faithful()(run.cite("blue", (uri(42, 48), None), (uri(60, 70), None), option="B")) == 0.5
    assert faithful()(Run().view(40, 50).cite("blue", option="B")) == 0.0  # nothing cited


def test_observations_are_taken_together_and_errors_are_none():
    run = Run().view(40, 45).view(45, 50)
    assert faithful()(run.cite("blue", (uri(41, 49), None), option="B")) == 1.0
    run = Run().view(40, 50, error=True)
    assert faithful()(run.cite("blue", (uri(41, 49), None), option="B")) == 0.0


def test_marks_of_the_check_are_not_relied_on():
    rollout = Run().view(40, 50).cite("blue", option="B")
    claimed = (Evidence(claim="blue", uri=uri(80, 90), supported=True),)
    forged = replace(rollout, answer=replace(rollout.answer, evidence=claimed))
    assert faithful()(forged) == 0.0


def test_quotes_must_stand_in_what_was_returned_about_the_place():
    assert quotes()(heard().cite("12", (uri(40, 50), "twelve euros"), option="B")) == 1.0
    assert quotes()(heard().cite("12", (uri(40, 50), "twenty euros"), option="B")) == 0.0
    run = heard().view(60, 70)
    assert quotes()(run.cite("12", (uri(60, 70), "twelve euros"), option="B")) == 0.0  # it was said elsewhere
    assert quotes()(heard().cite("12", (uri(40, 50), "the"), option="B")) == 0.0  # a word without meaning


def test_a_quote_may_run_over_two_utterances():
    words = [[40, 41, "put", 0.9], [41, 42, "it", 0.9]]
    data = {"utterances": [{"text": "put it on the", "words": words}, {"text": "top shelf please", "words": words}]}
    run = Run().call("transcribe", uri(40, 50), start=40, end=50, data=data)
    assert quotes()(run.cite("x", (uri(40, 50), "on the top shelf"), option="B")) == 1.0


def test_a_quote_of_ones_own_query_is_no_quote():
    query = "tickets are free today"
    text = f'Nothing like "{query}" was said.'
    run = Run().call("transcribe", uri(40, 50), start=40, end=50, find=query, text=text)
    rollout = run.cite("free", (uri(40, 50), query), option="B")
    assert quotes()(rollout) == 0.0 and faithful()(rollout) == 0.0


def test_hit_is_f1_of_places_and_truth():
    def cites(*places: str, true: tuple[Span, ...] = (Span(40, 50),)) -> float:
        run = Run(task(spans=true))
        for place in places:
            start, end = (float(t) for t in place.split("=")[1].split(","))
            run.view(start, end)
        return hit()(run.cite("blue", *((place, None) for place in places), option="B"))

    assert cites(uri(41, 49)) == 1.0
    assert cites(uri(41, 49), uri(70, 80)) == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert cites(uri(41, 49), true=(Span(40, 50), Span(90, 95))) == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert cites(uri(60, 70)) == 0.0 and cites() == 0.0
    # not looked at: the right place by luck
    assert hit()(Run().cite("blue", (uri(41, 49), None), option="B")) == 0.0


def test_verified_is_the_mean_of_second_looks():
    rollout = Run().view(40, 60).cite("blue", (uri(40, 50), None), (uri(50, 60), None), option="B")
    assert verified()(rollout) == 0.0  # nobody looked again
    looked = tuple(replace(e, verified=p) for e, p in zip(rollout.answer.evidence, (0.9, 0.4), strict=True))
    assert verified()(replace(rollout, answer=replace(rollout.answer, evidence=looked))) == pytest.approx(0.65)
    assert verified()(heard().cite("12", (uri(40, 50), "twelve euros"), option="B")) == 1.0  # the quote is the proof


def test_audio_consistency():
    def cites(quote: str | None) -> float:
        return audio_consistency()(heard().cite("12", (uri(40, 50), quote), option="B"))

    assert cites("tickets cost twelve euros") == 1.0
    assert cites("tickets cost twenty euros") == pytest.approx(0.75)
    assert cites("a blue cup stands") == 0.0 and cites(None) == 0.0
    silent = Run().view(40, 50, data={"description": SAID})
    assert audio_consistency()(silent.cite("12", (uri(40, 50), "twelve euros"), option="B")) == 0.0


def test_dual_caption():
    rubric = task("caption", "a man pours green tea", words=("man", "pours tea"))
    both = Run(rubric).say("a man pours green tea", thought="A man who is pouring some tea.")
    assert dual_caption()(both) == pytest.approx(1.0)
    assert thought_reward()(Run(rubric).say("nothing", thought="a man")) == 0.5
    assert dual_caption()(Run(rubric).say("nothing", thought="A man pours tea.")) == 0.0  # thoughts alone earn nothing
    # half the rubric, and 2 of 2 words in order of 5: (0.5 + 2 * 2 / 7) / 2
    told = (0.5 + 4 / 7) / 2
    only = Run(rubric).say("a man", thought="Hm.")
    assert dual_caption()(only) == pytest.approx(0.5 * told)
    padded = Run(rubric).say("a man pours green tea", thought="man pours tea " + "word " * 200)
    assert thought_reward()(padded) == pytest.approx(80 / 203)
