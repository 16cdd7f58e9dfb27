"""The table of an evaluation: its figures overall, by kind of task, and by the categories that a set names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..memory.sanitize import one_line
from .judging import JudgedItem
from .measures import EVERY_SET, MEASURES, Figure

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table as RichTable

OVERALL = "all"
"""Name of the row of all items."""
COLUMNS = {
    "accuracy": "accuracy",
    "chance": "chance",
    "right_supported": "supported",
    "frames": "frames",
    "tokens": "tokens",
    "seconds": "seconds",
}
"""Figures that a terminal shows of each group, with their heads; all others are in the JSON form."""
SPENT = ("frames", "tokens", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of some items."""

    name: str
    """`all`, or what the items have in common, as `kind: mcq`."""
    items: int
    failed: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows, that of all items first."""

    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON form: per row its figures as `{"value": …, "low": …, "high": …, "count": …}` without what is None."""
        return {
            "rows": [
                {
                    "name": row.name,
                    "items": row.items,
                    "failed": row.failed,
                    "figures": {name: plain(figure) for name, figure in row.figures.items()},
                }
                for row in self.rows
            ]
        }


def table(judged: Sequence[JudgedItem], measures: Sequence[str] = ()) -> Table:
    """Measure what was judged.

    Args:
        judged: the items.
        measures: names of `MEASURES` beside those that every set has.

    Raises:
        UnknownNameError: if there is no such measure.
    """
    names = dict.fromkeys([*EVERY_SET, *measures])
    groups: dict[str, list[JudgedItem]] = {OVERALL: list(judged)}
    for key in dict.fromkeys(key for one in judged for key in _groups(one)):
        having = [one for one in judged if key in _groups(one)]
        values = sorted({_groups(one)[key] for one in having})
        if len(values) > 1 or key != "kind":
            groups |= {f"{key}: {value}": [one for one in having if _groups(one)[key] == value] for value in values}
    return Table(rows=tuple(_row(name, members, list(names)) for name, members in groups.items()))


def _groups(one: JudgedItem) -> dict[str, str]:
    """What an item is counted under: its kind, its family in the gym, and the categories of its set."""
    made = one.task.meta.get("gym")
    family = {"family": str(made["family"])} if isinstance(made, Mapping) else {}
    return {"kind": one.task.kind, **family, **{str(k): str(v) for k, v in one.categories.items()}}


def _row(name: str, judged: Sequence[JudgedItem], measures: Sequence[str]) -> Row:
    figures: dict[str, Figure] = {}
    for measure in measures:
        figures |= MEASURES[measure](judged) if judged else {}
    return Row(name=name, items=len(judged), failed=sum(one.failed for one in judged), figures=figures)


def plain(figure: Figure) -> dict[str, float]:
    """JSON form of a figure."""
    values = {"value": figure.value, "low": figure.low, "high": figure.high, "count": figure.count}
    return {name: round(value, 6) for name, value in values.items() if value is not None}


def render(made: Table) -> Group:
    """The table for a terminal: the figures of all items one below the other, then the main ones of each group."""
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    overall, groups = made.rows[0], made.rows[1:]
    whole = RichTable(box=None, pad_edge=False)
    whole.add_column("figure")
    for name in ("value", "95 %", "of"):
        whole.add_column(name, justify="right")
    whole.add_row("items", str(overall.items))
    whole.add_row("failed", str(overall.failed))
    for name, figure in overall.figures.items():
        whole.add_row(name, short(figure.value), _interval(figure), "" if figure.count is None else str(figure.count))
    by: dict[str, list[Row]] = {}
    for row in groups:
        by.setdefault(row.name.partition(": ")[0], []).append(row)
    parts = [part for key, rows in by.items() for part in (Text(""), _part(key, rows))]
    return Group(whole, *parts)


def _part(key: str, rows: Sequence[Row]) -> RichTable:
    """The rows of one way to part the items: narrow enough for a terminal of 80 columns."""
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = [name for name in COLUMNS if any(_tells(name, row.figures.get(name)) for row in rows)]
    failed = any(row.failed for row in rows)
    part = RichTable(box=None, pad_edge=False)
    part.add_column(Text(one_line(key)), no_wrap=True)
    for name in ("items", *(["failed"] if failed else []), *(COLUMNS[name] for name in columns)):
        part.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        head = [str(row.items), *([str(row.failed)] if failed else [])]
        cells = [cell(row.figures.get(name), interval=name == "accuracy") for name in columns]
        part.add_row(Text(one_line(row.name.partition(": ")[2])), *head, *cells)
    return part


def _tells(name: str, figure: Figure | None) -> bool:
    """Whether a column of such figures is worth its place: what was not spent is not, what was not right is."""
    return figure is not None and (name not in SPENT or figure.value != 0)


def cell(figure: Figure | None, *, interval: bool) -> str:
    """A figure for a terminal, with its interval where that is asked for and there is one."""
    if figure is None:
        return "–"
    if not interval or figure.low is None or figure.high is None:
        return short(figure.value)
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def short(value: float) -> str:
    """A number for a terminal."""
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:.{digits}f}"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"[{short(figure.low)}, {short(figure.high)}]"
