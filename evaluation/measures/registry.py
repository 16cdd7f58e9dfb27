"""The measures by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .abstention import abstention, calibration
from .accuracy import accuracy
from .captions import captions
from .costs import costs
from .groundedness import groundedness
from .grounding import grounding, next_gqa, rextime
from .groups import groups, types
from .measure import Measure
from .moments import qvhighlights
from .references import references
from .samples import samples
from .streaming import ovo_bench
from .text import text
from .tracking import tracking
from .v_star import v_star

MEASURES: Registry[Measure] = Registry(
    "measure",
    {
        "accuracy": accuracy,
        "groundedness": groundedness,
        "abstention": abstention,
        "calibration": calibration,
        "costs": costs,
        "samples": samples,
        "text": text,
        "references": references,
        "captions": captions,
        "grounding": grounding,
        "next_gqa": next_gqa,
        "rextime": rextime,
        "qvhighlights": qvhighlights,
        "tracking": tracking,
        "v_star": v_star,
        "groups": groups,
        "types": types,
        "ovo_bench": ovo_bench,
    },
)
"""Measures by name, as benchmarks name theirs."""
EVERY_SET = ("accuracy", "groundedness", "grounding", "abstention", "calibration", "samples", "text", "costs")
"""Names of those that every set has, in the order in which their figures are shown."""
