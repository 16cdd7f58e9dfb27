"""The benchmarks by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .activitynet_captions import ACTIVITYNET_CAPTIONS
from .benchmark import Benchmark
from .charades_sta import CHARADES_STA
from .got10k import GOT10K
from .next_gqa import NEXT_GQA
from .qvhighlights import QVHIGHLIGHTS
from .rextime import REXTIME
from .v_star import V_STAR

BENCHMARKS: Registry[Benchmark] = Registry(
    "benchmark",
    {
        one.name: one
        for one in (
            NEXT_GQA,
            CHARADES_STA,
            ACTIVITYNET_CAPTIONS,
            QVHIGHLIGHTS,
            REXTIME,
            GOT10K,
            V_STAR,
        )
    },
)
"""Benchmarks by name, as `rewatch eval NAME:FILE` takes them."""
