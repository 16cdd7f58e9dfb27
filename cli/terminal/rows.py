"""Rows of a list in a terminal: a table where it is wide enough, else a few lines for each, with no name broken."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .output import Console


def show_rows(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], *, whole: int) -> None:
    """Print rows under headings.

    Where the terminal is too narrow for a table, the first `whole` cells of a row stand on a line of their own, so that
    they can be copied, and the others below them.
    """
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width:
        console.print(table)
        return
    for row in rows:
        console.print(Text("  ".join(row[:whole]), style="bold"), soft_wrap=True)
        more = [f"{name} {cell}" for name, cell in zip(headings[whole:], row[whole:], strict=True) if cell]
        console.print(Padding(Text(" · ".join(more)), (0, 0, 0, 4)))
