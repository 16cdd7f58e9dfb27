"""Measures: figures of what was judged, by their official definitions; pure functions, one kind a file."""

from .measure import Figure, Measure
from .registry import EVERY_SET, MEASURES

__all__ = ["EVERY_SET", "MEASURES", "Figure", "Measure"]
