"""Answer rewards: is the answer true? By option, number, words, spans and boxes."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...memory import Span
from ..data.task import as_number
from ..rollouts.rollout import Rollout
from . import extraction
from .captions import caption_reward
from .regions import box_reward, track_reward
from .reward import Reward, simple_reward
from .spans import iou, tiou, within
from .text import says, token_f1, word_accuracy

Score = Callable[[Rollout], float]
Metric = Callable[[str, str], float]
"""How near an answer (first) is to the truth, in [0, 1]."""


@simple_reward("option")
def exact_option(rollout: Rollout) -> float:
    """1 if exactly the right options are named, else 0."""
    return float(extraction.letters(rollout) == extraction.true_letters(rollout) != frozenset())


@simple_reward("multi_select")
def multi_select(rollout: Rollout) -> float:
    """TW-GRPO: `|chosen| / |true|` if all that is chosen is true, else 0."""
    chosen, true = extraction.letters(rollout), extraction.true_letters(rollout)
    return len(chosen) / len(true) if chosen and chosen <= true else 0.0


@simple_reward("numeric")
def numeric(rollout: Rollout) -> float:
    """VITAL: 1 if equal when rounded to one decimal, 0.5 if equal when rounded to none, else 0.

    Within the truth's tolerance it is 1. Halves round up. Only the first number of the answer counts.
    """
    number, true = extraction.number(rollout), rollout.task.truth.number
    if number is None or true is None:
        return 0.0
    if abs(number - true) <= rollout.task.truth.tolerance or _rounded(number, 10) == _rounded(true, 10):
        return 1.0
    return 0.5 if _rounded(number, 1) == _rounded(true, 1) else 0.0


def _rounded(value: float, per_one: int) -> int:
    return math.floor(value * per_one + 0.5)


@simple_reward("regression")
def regression(rollout: Rollout) -> float:
    """Video-R1 and VITAL: one minus the relative error, not below 0; for a true 0, 1 if the answer is 0, else 0."""
    number, true = extraction.number(rollout), rollout.task.truth.number
    if number is None or true is None:
        return 0.0
    return max(0.0, 1 - abs(number - true) / abs(true)) if true else float(number == 0)


def words_reward(metric: Metric = token_f1) -> Reward:
    """Reward how near the words of the answer are to the true ones."""
    return Reward(
        name=getattr(metric, "__name__", "words"),
        score=lambda r: metric(extraction.words(r), r.task.truth.answer or "") if extraction.words(r).strip() else 0.0,
    )


def text_reward(metric: Metric = token_f1) -> Reward:
    """The part of an answer that is no place: by option where there are options, by number where it is one, else words.

    Texts that are to be read (`ocr`) go by one minus the word error rate.
    """
    option, number, words = multi_select(), numeric(), words_reward(metric)
    read = words_reward(word_accuracy)

    def score(rollout: Rollout) -> float:
        task = rollout.task
        if task.kind == "ocr":
            return read(rollout)
        if task.options:
            return option(rollout)
        if task.kind in ("numeric", "count") or as_number(task.truth.answer or "") is not None:
            return number(rollout)
        return words(rollout)

    return Reward(name="text", score=score)


def task_reward(metric: Metric = token_f1, *, shaping: float = 0.0, spans: Score | None = None) -> Reward:
    """Reward what the task asks for, by its kind: a text, a span, a box, a track; for grounded questions half and half.

    Abstaining is right where the videos do not show what is asked, and wrong elsewhere; a model that failed did not
    abstain.

    Args:
        metric: for answers in words.
        shaping: share of near misses in boxes and tracks.
        spans: reward of the spans, tIoU unless told otherwise.
    """
    text, box, track = text_reward(metric), box_reward(shaping), track_reward(shaping)
    span: Score = spans or tiou()
    by_kind: dict[str, Score] = {"temporal": span, "spatial": box, "track": track, "caption": caption_reward()}

    def score(rollout: Rollout) -> float:
        task, answer = rollout.task, rollout.answer
        if task.truth.absent or answer.abstained:
            return float(task.truth.absent and answer.abstained and not answer.failed)
        if task.kind == "grounded_qa":
            return (text(rollout) + span(rollout)) / 2
        return by_kind.get(task.kind, text)(rollout)

    return Reward(name="task", score=score)


RIGHT = {"mcq": 1.0, "numeric": 1.0, "count": 1.0, "ocr": 0.8, "open": 0.6, "caption": 0.5}
"""From which `text_reward` an answer is right; places are right from a tIoU or IoU of 0.5."""
HIT = 0.3
"""tIoU from which the place of a grounded question is right."""


def is_right(rollout: Rollout) -> bool:
    """Return whether the answer passes for right, for gates and for counting.

    Times are right, too, whose ends are off by no more than the truth's tolerance, and sentences that say a short
    answer. A run that failed is never right.
    """
    task = rollout.task
    if rollout.answer.failed:
        return False
    if task.truth.absent or rollout.answer.abstained:
        return task.truth.absent and rollout.answer.abstained
    if task.kind == "temporal" and within(extraction.spans(rollout), task.truth.spans, task.truth.tolerance):
        return True
    if task.kind == "grounded_qa":
        least = 1.0 if task.options or as_number(task.truth.answer or "") is not None else RIGHT["open"]
        text = text_reward()(rollout) >= least or _says(rollout)
        return text and iou(extraction.spans(rollout), task.truth.spans) >= HIT
    return task_reward()(rollout) >= RIGHT.get(task.kind, 0.5) or _says(rollout)


def _says(rollout: Rollout) -> bool:
    """Whether a sentence answers a question that is answered in words, or with a text that is read: see `says`."""
    task, truth = rollout.task, rollout.task.truth.answer or ""
    worded = task.kind in ("open", "grounded_qa", "ocr") and not task.options
    return worded and says(extraction.words(rollout), truth, task.question)


def right() -> Reward:
    """1 if the answer passes for right, else 0."""
    return Reward(name="right", score=lambda rollout: float(is_right(rollout)))


def meets(span: Span, true: tuple[Span, ...]) -> bool:
    """Return whether a place that was looked at or cited is one of the true ones: mostly inside, or tIoU at least 0.3.

    A moment must lie inside. The whole video meets nothing that is a small part of it.
    """
    if span.duration == 0:
        return any(t.start <= span.start <= t.end for t in true)
    return any(span.iou(t) >= HIT or span.overlap(t) / span.duration >= 0.5 for t in true)
