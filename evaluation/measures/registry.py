"""The measures by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .abstention import abstention, calibration
from .accuracy import accuracy
from .captions import captions
from .costs import costs
from .groundedness import groundedness
from .measure import Measure
from .references import references
from .samples import samples
from .text import text

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
    },
)
"""Measures by name, as benchmarks name theirs."""
EVERY_SET = ("accuracy", "groundedness", "abstention", "calibration", "samples", "text", "costs")
"""Names of those that every set has, in the order in which their figures are shown."""
