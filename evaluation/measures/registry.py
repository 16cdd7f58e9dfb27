"""The measures by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .accuracy import accuracy
from .grounding import grounding, next_gqa, rextime
from .measure import Measure
from .moments import qvhighlights
from .tracking import tracking
from .v_star import v_star

MEASURES: Registry[Measure] = Registry(
    "measure",
    {
        "accuracy": accuracy,
        "grounding": grounding,
        "next_gqa": next_gqa,
        "rextime": rextime,
        "qvhighlights": qvhighlights,
        "tracking": tracking,
        "v_star": v_star,
    },
)
"""Measures by name, as benchmarks name theirs."""
EVERY_SET = ("accuracy",)
"""Names of those that every set has."""
