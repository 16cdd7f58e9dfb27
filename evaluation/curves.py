"""Curves: what a strategy makes of a budget, as points of accuracy against what was really spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..memory.sanitize import one_line
from .judging import Judged
from .measures import Figure
from .measures.accuracy import accuracy
from .measures.costs import costs
from .measures.groundedness import groundedness
from .table import plain, short

if TYPE_CHECKING:
    from rich.table import Table as RichTable

COLUMNS = ("accuracy", "right_supported", "frames", "tokens", "seconds")
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


def points(runs: Iterable[tuple[str, Mapping[str, float | None], Sequence[Judged]]]) -> list[Point]:
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


def render(found: Sequence[Point]) -> RichTable:
    """The points for a terminal, a line each."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False)
    shown.add_column("strategy")
    for name in ("budget", "items", *COLUMNS, *PER_RIGHT):
        shown.add_column(name.replace("_", " "), justify="right")
    for point in found:
        limits = ", ".join(f"{name} {limit:g}" for name, limit in point.budget.items() if limit is not None)
        figures = [point.figures.get(name) for name in (*COLUMNS, *PER_RIGHT)]
        cells = ["–" if figure is None else short(figure.value) for figure in figures]
        shown.add_row(Text(one_line(point.strategy)), limits, str(point.items), *cells)
    return shown
