"""The interface of a measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..judging import JudgedItem


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, with the interval of 95 % where there is one."""

    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None
    """Over how many items, where that is not all of them."""


Measure = Callable[[Sequence[JudgedItem]], Mapping[str, Figure]]
"""Figures by name of items of one set; an item that failed counts as wrong, or as the worst value that there is."""
