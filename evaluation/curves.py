"""Curves: what a strategy makes of a budget, as points of accuracy against what was really spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..memory.sanitize import one_line
from .judging import JudgedItem
from .measures import Figure
from .measures.accuracy import accuracy
from .measures.costs import costs
from .measures.groundedness import groundedness
from .table import SPENT, cell, plain

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table as RichTable

PER_RIGHT = ("frames_per_right", "tokens_per_right", "seconds_per_right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A strategy under a budget."""

    strategy: str
    budget: Mapping[str, float | None]
    items: int
    figures: Mapping[str, Figure]
    """Accuracy, groundedness and costs, as in the table of the evaluation."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        figures = {name: plain(figure) for name, figure in self.figures.items()}
        return {"strategy": self.strategy, "budget": dict(self.budget), "items": self.items, "figures": figures}


def points(runs: Iterable[tuple[str, Mapping[str, float | None], Sequence[JudgedItem]]]) -> list[Point]:
    """A point for each evaluation, by strategy in their order and by what its items spent on average.

    Args:
        runs: strategy, budget, and what was judged; of the same tasks on one memory.
    """
    found = [
        Point(
            strategy=strategy,
            budget=budget,
            items=len(judged),
            figures={**accuracy(judged), **groundedness(judged), **costs(judged)},
        )
        for strategy, budget, judged in runs
        if judged
    ]
    order = list(dict.fromkeys(point.strategy for point in found))
    return sorted(found, key=lambda point: (order.index(point.strategy), point.figures["frames"].value))


def render(found: Sequence[Point]) -> Group:
    """The points for a terminal of 80 columns: what they came to, then what they took, a line each."""
    from rich.console import Group
    from rich.text import Text

    same, names = _limits(found)
    results = [[str(point.items), *_cells(point, ("accuracy", "right_supported"))] for point in found]
    spent = [_cells(point, (*SPENT, *PER_RIGHT)) for point in found]
    heads = [*(f"\n{name}" for name in SPENT), *(name.replace("_per_right", "\nper right") for name in PER_RIGHT)]
    below = [Text(f"\neach with {same}")] if same else []
    return Group(_part(names, ("items", "accuracy", "supported"), results), "", _part(names, heads, spent), *below)


def _limits(found: Sequence[Point]) -> tuple[str, list[tuple[str, str]]]:
    """The limits that all points have, and of each its strategy and the limits that others do not have."""
    budgets = [point.budget for point in found]
    kinds = dict.fromkeys(name for budget in budgets for name in budget)
    alike = {name: len({budget.get(name) for budget in budgets}) == 1 for name in kinds}

    def told(budget: Mapping[str, float | None], *, of_all: bool) -> str:
        limits = {name: budget.get(name) for name in kinds if alike[name] == of_all}
        kept = {name: limit for name, limit in limits.items() if limit is not None or not of_all}
        return ", ".join(f"{name} {'any' if limit is None else f'{limit:g}'}" for name, limit in kept.items())

    names = [(one_line(point.strategy), told(point.budget, of_all=False)) for point in found]
    return told(budgets[0], of_all=True) if budgets else "", names


def _cells(point: Point, names: Sequence[str]) -> list[str]:
    return [cell(point.figures.get(name), interval=name == "accuracy") for name in names]


def _part(names: Sequence[tuple[str, str]], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    part = RichTable(box=None, pad_edge=False)
    told = any(budget for _, budget in names)
    above = "\n" * max(head.count("\n") for head in heads)
    part.add_column(f"{above}strategy", overflow="fold")
    if told:
        part.add_column(f"{above}budget")
    for head in heads:
        part.add_column(head, justify="right", no_wrap=True)
    for (strategy, budget), row in zip(names, rows, strict=True):
        part.add_row(Text(strategy), *([budget] if told else []), *row)
    return part
