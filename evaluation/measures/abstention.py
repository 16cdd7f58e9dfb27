"""Abstention and calibration: does it know when it does not know?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from ...agent.test_time_scaling.calibration import brier, ece
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure


def abstention(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """How often it answers, and whether it abstains where it should.

    `answered` is the share of items with an answer (neither abstained nor failed), `accuracy_answered` how many of
    these are right. `absent_found` is the share of the tasks whose videos do not show what is asked on which it
    abstained; `abstained_wrongly` the share of all other tasks on which it abstained. One that failed did not abstain.
    """
    if not judged:
        return {}
    n = len(judged)
    abstained = [not one.failed and one.answer.abstained for one in judged]
    answers = [one for one in judged if answers_something(one)]
    found = {"answered": mean_of(judged, [float(answers_something(one)) for one in judged])}
    if answers:
        found["accuracy_answered"] = mean_of(answers, [float(one.right) for one in answers], out_of=n)
    for name, absent in (("absent_found", True), ("abstained_wrongly", False)):
        some = [(one, float(b)) for one, b in zip(judged, abstained, strict=True) if one.task.truth.absent is absent]
        if some:
            found[name] = mean_of(*zip(*some, strict=True), out_of=n)
    return found


def answers_something(one: JudgedItem) -> bool:
    """Return whether the item has an answer: it did not fail, and it did not abstain."""
    return not one.failed and not one.answer.abstained


def calibration(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """ECE (10 bins) and Brier score of the stated confidences, and the area under the risk-coverage curve.

    ECE and Brier are of the answers: who abstains or fails states no confidence, and counting it as a sure 0 would pay
    for failing. The area is over all items (see `risk_coverage`). All are better the smaller.
    """
    if not judged:
        return {}
    answers = [one for one in judged if answers_something(one)]
    found = {}
    if answers:
        stated, right = [one.answer.confidence for one in answers], [one.right for one in answers]
        count = len(answers) if len(answers) < len(judged) else None
        found = {"ece": Figure(ece(stated, right), count=count), "brier": Figure(brier(stated, right), count=count)}
    risks = [risk for _, risk in risk_coverage(judged)]
    return found | {"aurc": Figure(sum(risks) / len(risks))}


def risk_coverage(judged: Sequence[JudgedItem]) -> list[tuple[float, float]]:
    """The curve: (coverage, risk), the risk being the share of wrong ones among the most confident k of n, k = 1 … n.

    Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (2017, arXiv 1705.08500); the mean of the
    risks is AURC as in Bias-Reduced Uncertainty Estimation (2019, arXiv 1805.08206). Items without an answer come last.
    Of items with the same confidence any order is as good, so that each counts with the errors of all of them on
    average.
    """
    ranked = sorted(judged, key=_rank, reverse=True)
    curve: list[tuple[float, float]] = []
    wrong, before = 0.0, 0
    for _, group in groupby(ranked, key=_rank):
        tied = list(group)
        errors = sum(not one.right for one in tied)
        for k in range(1, len(tied) + 1):
            curve.append(((before + k) / len(ranked), (wrong + k * errors / len(tied)) / (before + k)))
        wrong, before = wrong + errors, before + len(tied)
    return curve


def _rank(one: JudgedItem) -> float:
    return one.answer.confidence if answers_something(one) else -1.0
