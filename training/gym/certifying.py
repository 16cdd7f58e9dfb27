"""Certification: what a policy without tools can get by guessing, measured against chance, family by family."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Accuracy on one family's tasks of those who look at nothing."""

    family: str
    tasks: int
    chance: float
    """Share that the best guess gets right, as the family says."""
    scores: dict[str, float]
    """Share that each blind way got right, learned on other tasks of the family."""
    gated: bool
    """True if tools are needed at all."""

    @property
    def best(self) -> float:
        """Of the blind ways, the best."""
        return max(self.scores.values())

    @property
    def limit(self) -> float:
        """The accuracy that chance alone exceeds once in a thousand times."""
        return self.chance + _SIGMAS * math.sqrt(self.chance * (1 - self.chance) / self.tasks) + 1 / self.tasks

    @property
    def holds(self) -> bool:
        """True if no blind way beats chance; families that need no tool are not asked to."""
        return not self.gated or self.best <= self.limit


def certify(tasks: Sequence[Task]) -> dict[str, Certificate]:
    """One certificate a family.

    Blind ways: the commonest answer; the commonest for the question's words (naive Bayes); the commonest letter where
    there are options; for times, the place in the video where answers lie most.

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
    ways: dict[str, Way] = {"constant": commonest, "words": by_words, "numbers": by_numbers}
    if tasks[0].kind == "temporal":
        ways = {"constant": usual_place}
    scores = {}
    for name, way in ways.items():
        right = 0
        for fold in range(_FOLDS):
            train = [task for k, task in enumerate(tasks) if k % _FOLDS != fold]
            held = [task for k, task in enumerate(tasks) if k % _FOLDS == fold]
            is_right = way(train)
            right += sum(is_right(task) for task in held)
        scores[name] = right / len(tasks)
    chance = sum(float(task.meta["chance"]) for task in tasks) / len(tasks)
    return Certificate(
        family=family, tasks=len(tasks), chance=chance, scores=scores, gated=any(task.meta["needs"] for task in tasks)
    )


Way = Callable[[Sequence[Task]], Callable[[Task], bool]]
"""Learns from tasks; tells whether it gets another one right."""


def commonest(tasks: Sequence[Task]) -> Callable[[Task], bool]:
    """Always the answer that was right most often."""
    best = Counter(task.truth.answer for task in tasks).most_common(1)[0][0]
    return lambda task: task.truth.answer == best


def by_words(tasks: Sequence[Task]) -> Callable[[Task], bool]:
    """Naive Bayes over the words of question and options."""
    return _bayes(tasks, lambda task: set(re.findall(r"[a-z]+", " ".join((task.question, *task.options)).lower())))


def by_numbers(tasks: Sequence[Task]) -> Callable[[Task], bool]:
    """Naive Bayes over the numbers of the question, such as times."""
    return _bayes(tasks, lambda task: set(re.findall(r"\d+", task.question)))


def _bayes(tasks: Sequence[Task], features: Callable[[Task], set[str]]) -> Callable[[Task], bool]:
    answers = Counter(str(task.truth.answer) for task in tasks)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for task in tasks:
        counts[str(task.truth.answer)].update(features(task))

    def right(task: Task) -> bool:
        def likelihood(answer: str) -> float:
            count = answers[answer]
            return math.log(count) + sum(
                math.log((counts[answer][f] + _SMOOTH) / (count + 2 * _SMOOTH)) for f in features(task)
            )

        return max(sorted(answers), key=likelihood) == task.truth.answer

    return right


def usual_place(tasks: Sequence[Task]) -> Callable[[Task], bool]:
    """The clip in which answers lie most often, counted in clips from the start: right from a tIoU of 0.5."""
    best = Counter(_clip(task) for task in tasks).most_common(1)[0][0]

    def right(task: Task) -> bool:
        seconds = float(task.meta["clip_seconds"])
        guess = Span(best * seconds, (best + 1) * seconds)
        return any(guess.iou(span) >= 0.5 for span in task.truth.spans)

    return right


def _clip(task: Task) -> int:
    return int(task.truth.spans[0].middle // float(task.meta["clip_seconds"]))
