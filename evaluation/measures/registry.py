"""The measures by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .accuracy import accuracy
from .measure import Measure

MEASURES: Registry[Measure] = Registry("measure", {"accuracy": accuracy})
"""Measures by name, as benchmarks name theirs."""
EVERY_SET = ("accuracy",)
"""Names of those that every set has."""
