"""Blind baselines: what a policy without tools gets by guessing, measured against chance, family by family."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...memory import Span
from ..data.task import Task

_SMOOTH = 0.5
_FOLDS = 4
FEWEST = 2 * _FOLDS
"""Tasks of a family that blind guessing needs, to learn on some and be asked on others."""
_SIGMAS = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Accuracy of the blind baselines on one family's tasks."""

    family: str
    tasks: int
    chance: float
    """Share that the best guess gets right, as the family says."""
    scores: dict[str, float]
    """Share that each baseline got right, learned on other tasks of the family."""
    gated: bool
    """True if tools are needed at all."""

    @property
    def best(self) -> float:
        """The accuracy of the best baseline."""
        return max(self.scores.values())

    @property
    def limit(self) -> float:
        """The accuracy that chance alone exceeds once in a thousand times."""
        return self.chance + _SIGMAS * math.sqrt(self.chance * (1 - self.chance) / self.tasks) + 1 / self.tasks

    @property
    def holds(self) -> bool:
        """True if no baseline beats chance; families that need no tool are not held to it."""
        return not self.gated or self.best <= self.limit


def certify(tasks: Sequence[Task]) -> dict[str, Certificate]:
    """One certificate a family.

    Baselines: the commonest answer (or letter); the likeliest one for the words of the question, and for its numbers
    (naive Bayes); for times, the place in the video where answers lie most.

    Args:
        tasks: of the gym, at least 8 of each family.

    Raises:
        ValueError: if a family has fewer.
    """
    families: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        families[str(task.meta["gym"]["family"])].append(task)
    return {family: _certificate(family, members) for family, members in families.items()}


def _certificate(family: str, tasks: list[Task]) -> Certificate:
    if len(tasks) < FEWEST:
        raise ValueError(f"{family} has {len(tasks)} tasks; certify at least {FEWEST}.")
    chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
    gated = any(task.meta["needs"] for task in tasks)
    scores = {"constant": _usual_place(tasks)} if tasks[0].kind == "temporal" else _naive_bayes(tasks)
    return Certificate(family=family, tasks=len(tasks), chance=chance, scores=scores, gated=gated)


def _naive_bayes(tasks: Sequence[Task]) -> dict[str, float]:
    """Accuracy of the commonest answer, and of the likeliest for the words and for the numbers of a question."""
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.model_selection import PredefinedSplit, cross_val_predict
    from sklearn.naive_bayes import BernoulliNB
    from sklearn.pipeline import make_pipeline

    answers = np.array([str(task.truth.answer) for task in tasks])
    texts = ["0 " + " ".join((task.question, *task.options)) for task in tasks]  # 0: some questions have no number
    models = {"constant": DummyClassifier(strategy="most_frequent")}
    for name, pattern in (("words", "[a-z]+"), ("numbers", r"\d+")):
        models[name] = make_pipeline(CountVectorizer(token_pattern=pattern, binary=True), BernoulliNB(alpha=_SMOOTH))
    folds = PredefinedSplit(np.arange(len(tasks)) % _FOLDS)
    predictions = {name: cross_val_predict(model, texts, answers, cv=folds) for name, model in models.items()}
    return {name: float(np.mean(predicted == answers)) for name, predicted in predictions.items()}


def _usual_place(tasks: Sequence[Task]) -> float:
    """Accuracy of the clip in which answers lie most often, counted from the start: right from a tIoU of 0.5."""
    seconds = [float(task.meta["clip_seconds"]) for task in tasks]
    places = [int(task.truth.spans[0].middle // length) for task, length in zip(tasks, seconds, strict=True)]
    right = 0
    for k, (task, length) in enumerate(zip(tasks, seconds, strict=True)):
        train = Counter(place for n, place in enumerate(places) if n % _FOLDS != k % _FOLDS)
        best = train.most_common(1)[0][0]
        guess = Span(best * length, (best + 1) * length)
        right += any(guess.iou(span) >= 0.5 for span in task.truth.spans)
    return right / len(tasks)
