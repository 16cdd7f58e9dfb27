"""Two evaluations of one set, task by task: is the difference more than chance?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import comb
from typing import TYPE_CHECKING, Any

from ..agent.questions.question import letter
from ..memory.sanitize import as_json, one_line
from ..training.data.task import Task
from .items import EvaluationError
from .judging import JudgedItem
from .measures.abstention import answers_something
from .measures.costs import AMOUNTS, amount
from .measures.groundedness import is_supported

if TYPE_CHECKING:
    from rich.console import Group

DRAWS = 10_000
"""Of the bootstrap."""
_AT_ONCE = 500
_ZERO = 1e-12
"""What is left of a sum of fractions that cancel."""
Value = Callable[[JudgedItem], float]
VALUES: Mapping[str, Value] = {
    "accuracy": lambda one: float(one.right),
    "right_supported": lambda one: float(one.right and is_supported(one)),
    "answered": lambda one: float(answers_something(one)),
    **{name: (lambda one, name=name: amount(one, name)) for name in AMOUNTS},  # type: ignore[misc]
}
"""What is compared, of each item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much more the second has of something, as a mean over tasks."""

    name: str
    first: float
    second: float
    difference: float
    low: float | None
    """The interval of 95 % of the difference; None where there is one video alone, or all videos differ alike."""
    high: float | None
    p: float | None
    """Two-sided: how often chance alone would make a difference as large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two evaluations have in common, and by how much they differ."""

    tasks: int
    """That both have."""
    only_first: int
    only_second: int
    videos: int
    differences: tuple[Difference, ...]
    gained: tuple[str, ...]
    """Ids of tasks that more samples of the second have right than of the first."""
    lost: tuple[str, ...]
    mcnemar: float | None
    """The p of McNemar's exact test over tasks, which knows of no videos: a check. None for several samples a task."""
    settings: tuple[tuple[str, Any, Any], ...] = ()
    """What the two were run with differently: name, first, second."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        row = asdict(self)
        row["settings"] = [{"name": name, "first": first, "second": second} for name, first, second in self.settings]
        return row


def compare(
    first: Sequence[JudgedItem], second: Sequence[JudgedItem], settings: Iterable[tuple[str, Any, Any]] = ()
) -> Comparison:
    """Compare the tasks that two evaluations have in common.

    Intervals and p are of a paired bootstrap by video (Miller 2024, arXiv 2411.00640, sections 2.2 and 4.2): videos are
    drawn with all their tasks, since questions about one video are right and wrong together.

    Args:
        first: one evaluation.
        second: the other.
        settings: what they were run with differently (`resume.differences` of their settings), to be told with it.

    Raises:
        EvaluationError: if they have no task in common, or a task of the same id asks something else.
    """
    ours, theirs = _by_task(first), _by_task(second)
    shared = [task for task in ours if task in theirs]
    if not shared:
        raise EvaluationError("The two evaluations have no task in common: compare runs of one set.")
    for task in shared:
        one, other = ours[task][0].task, theirs[task][0].task
        if _asked(one) != _asked(other):
            raise EvaluationError(
                f"Task {task} is not the same in the second evaluation (its question, videos, now or truth): compare "
                "runs of one set."
            )
    clusters = [ours[task][0].cluster for task in shared]
    pairs = {
        name: [(_mean(value, ours[task]), _mean(value, theirs[task])) for task in shared]
        for name, value in VALUES.items()
    }
    if not any(a or b for a, b in pairs["price"]):
        del pairs["price"]
    right, once = pairs["accuracy"], all(len(ours[t]) == len(theirs[t]) == 1 for t in shared)
    found = paired_bootstrap([[b - a for a, b in values] for values in pairs.values()], clusters)
    return Comparison(
        tasks=len(shared),
        only_first=len(ours) - len(shared),
        only_second=len(theirs) - len(shared),
        videos=len(set(clusters)),
        differences=tuple(map(_difference, pairs, pairs.values(), found)),
        gained=tuple(task for task, (a, b) in zip(shared, right, strict=True) if b > a),
        lost=tuple(task for task, (a, b) in zip(shared, right, strict=True) if b < a),
        mcnemar=mcnemar(sum(b > a for a, b in right), sum(b < a for a, b in right)) if once else None,
        settings=tuple(settings),
    )


def _asked(task: Task) -> tuple[Any, ...]:
    """What a task asks about, and its truth: of options the texts, since a control may have changed their order."""
    right = frozenset(option for n, option in enumerate(task.options) if letter(n) in task.truth.letters)
    return task.question, task.videos, task.now, replace(task.truth, answer=None) if right else task.truth, right


def _by_task(judged: Sequence[JudgedItem]) -> dict[str, list[JudgedItem]]:
    by_task: dict[str, list[JudgedItem]] = {}
    for one in judged:
        by_task.setdefault(one.task.id, []).append(one)
    return by_task


def _mean(value: Value, samples: Sequence[JudgedItem]) -> float:
    return sum(value(one) for one in samples) / len(samples)


def _difference(
    name: str, pairs: Sequence[tuple[float, float]], found: tuple[float | None, float | None, float | None]
) -> Difference:
    first, second = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    low, high, p = found
    return Difference(name=name, first=first, second=second, difference=second - first, low=low, high=high, p=p)


def paired_bootstrap(
    columns: Sequence[Sequence[float]], clusters: Sequence[str]
) -> list[tuple[float | None, float | None, float | None]]:
    """For each column the interval of 95 % of its mean, and its two-sided p, drawing clusters with replacement.

    The interval is that of the percentiles; p is twice the smaller share of draws on either side of 0 (0 itself counts
    to both), and at least one draw's. Seeded: the same differences give the same figures. None for one cluster, and
    where all clusters differ alike, so that there is nothing to draw from: that would claim to be sure.

    Args:
        columns: of each figure the differences of the tasks.
        clusters: of the tasks, in their order.
    """
    import numpy as np

    numbers = {cluster: n for n, cluster in enumerate(dict.fromkeys(clusters))}
    if len(numbers) < 2:
        return [(None, None, None)] * len(columns)
    member = np.zeros((len(numbers), len(clusters)))  # [clusters, tasks]
    member[[numbers[cluster] for cluster in clusters], range(len(clusters))] = 1
    sums, sizes = member @ np.array(columns, float).T, member.sum(1)  # [clusters, columns], [clusters]
    generator = np.random.default_rng(0)
    means = []
    for _ in range(DRAWS // _AT_ONCE):
        drawn = generator.multinomial(len(numbers), [1 / len(numbers)] * len(numbers), size=_AT_ONCE)
        means.append(drawn @ sums / (drawn @ sizes)[:, None])
    found = np.concatenate(means)  # [draws, columns]
    found[np.abs(found) < _ZERO] = 0.0
    lows, highs = np.percentile(found, [2.5, 97.5], axis=0)
    sides = np.maximum(2 * np.minimum((found <= 0).mean(0), (found >= 0).mean(0)), 1 / DRAWS)
    varied = np.ptp(sums / sizes[:, None], axis=0) > _ZERO
    rows = zip(varied, lows, highs, sides, strict=True)
    return [
        (float(low), float(high), min(float(p), 1.0)) if some else (None, None, None) for some, low, high, p in rows
    ]


def mcnemar(gained: int, lost: int) -> float:
    """McNemar's exact test: the two-sided binomial p of so many tasks that changed one way and the other."""
    n = gained + lost
    tail = sum(comb(n, k) for k in range(min(gained, lost) + 1))
    return min(float(2 * tail / 2**n), 1.0)


def render(made: Comparison) -> Group:
    """The comparison for a terminal."""
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False)
    shown.add_column("")
    for name in ("first", "second", "difference", "95 %", "p"):
        shown.add_column(name, justify="right")
    for one in made.differences:
        interval = "" if one.low is None or one.high is None else f"[{one.low:+.3f}, {one.high:+.3f}]"
        p = "" if one.p is None else f"{one.p:.4f}"
        shown.add_row(one.name, f"{one.first:.3f}", f"{one.second:.3f}", f"{one.difference:+.3f}", interval, p)
    lines = [
        f"{made.tasks} tasks of {made.videos} videos; only in the first {made.only_first}, in the second "
        f"{made.only_second}; gained {len(made.gained)}, lost {len(made.lost)}"
        + ("" if made.mcnemar is None else f" (McNemar p {made.mcnemar:.4f})"),
        *(f"{name}: {as_json(before)} → {as_json(now)}" for name, before, now in made.settings),
    ]
    return Group(shown, *(Text(one_line(line)) for line in lines))
