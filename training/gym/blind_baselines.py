"""Blind baselines: what a policy without tools gets by guessing, measured against chance, family by family."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...memory import Span
from ..data.task import Task

_SMOOTH = 0.5
_FOLDS = 4
FEWEST = 2 * _FOLDS
"""Tasks of a family that blind guessing needs, to learn on some and be asked on others."""
_SIGMAS = 3.5

Judge = Callable[[Task], bool]
"""True if a baseline answers a task right."""


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
    baselines: dict[str, Callable[[Sequence[Task]], Judge]]
    if tasks[0].kind == "temporal":
        baselines = {"constant": usual_place}
    else:
        baselines = {"constant": commonest, "words": by_words, "numbers": by_numbers}
    scores = dict.fromkeys(baselines, 0.0)
    for fold in range(_FOLDS):
        train = [task for k, task in enumerate(tasks) if k % _FOLDS != fold]
        for name, fit in baselines.items():
            scores[name] += sum(map(fit(train), tasks[fold::_FOLDS])) / len(tasks)
    chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
    gated = any(task.meta["needs"] for task in tasks)
    return Certificate(family=family, tasks=len(tasks), chance=chance, scores=scores, gated=gated)


def commonest(train: Sequence[Task]) -> Judge:
    """The answer that was right most often."""
    best = Counter(task.truth.answer for task in train).most_common(1)[0][0]
    return lambda task: task.truth.answer == best


def by_words(train: Sequence[Task]) -> Judge:
    """Naive Bayes over the words of question and options."""
    return _bayes(train, lambda task: set(re.findall(r"[a-z]+", " ".join((task.question, *task.options)).lower())))


def by_numbers(train: Sequence[Task]) -> Judge:
    """Naive Bayes over the numbers of the question, such as times."""
    return _bayes(train, lambda task: set(re.findall(r"\d+", task.question)))


def _bayes(train: Sequence[Task], features: Callable[[Task], set[str]]) -> Judge:
    answers = Counter(str(task.truth.answer) for task in train)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for task in train:
        counts[str(task.truth.answer)].update(features(task))

    def is_right(task: Task) -> bool:
        present = features(task)

        def likelihood(answer: str) -> float:
            count, words = answers[answer], counts[answer]
            terms = (math.log((words[word] + _SMOOTH) / (count + 2 * _SMOOTH)) for word in present)
            return math.log(count) + sum(terms)

        return max(sorted(answers), key=likelihood) == task.truth.answer

    return is_right


def usual_place(train: Sequence[Task]) -> Judge:
    """The clip in which answers lie most often, counted in clips from the start: right from a tIoU of 0.5."""
    seconds = [float(task.meta["clip_seconds"]) for task in train]
    places = Counter(int(task.truth.spans[0].middle // s) for task, s in zip(train, seconds, strict=True))
    best = places.most_common(1)[0][0]

    def is_right(task: Task) -> bool:
        length = float(task.meta["clip_seconds"])
        guess = Span(best * length, (best + 1) * length)
        return any(guess.iou(span) >= 0.5 for span in task.truth.spans)

    return is_right
