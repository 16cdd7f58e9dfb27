"""Measures: figures of what was judged, by their official definitions; pure functions, one kind a file."""

from .measure import Figure, Measure
from .registry import MEASURES

__all__ = ["MEASURES", "Figure", "Measure"]
