"""The benchmarks by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .activitynet_captions import ACTIVITYNET_CAPTIONS
from .benchmark import Benchmark
from .charades_sta import CHARADES_STA
from .ego_life import EGO_LIFE, EGO_R1
from .ego_schema import EGO_SCHEMA
from .got10k import GOT10K
from .hlv_1k import HLV_1K
from .hour_video import HOUR_VIDEO
from .longvideo_reason import LONGVIDEO_REASON
from .lvbench import LVBENCH
from .next_gqa import NEXT_GQA
from .ovo_bench import OVO_BENCH
from .qvhighlights import QVHIGHLIGHTS
from .rextime import REXTIME
from .svbench import SVBENCH
from .v_star import V_STAR
from .vdc import VDC
from .video_mme import VIDEO_MME, VIDEO_MME_V2

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
            VIDEO_MME,
            VIDEO_MME_V2,
            LVBENCH,
            LONGVIDEO_REASON,
            HOUR_VIDEO,
            HLV_1K,
            EGO_SCHEMA,
            EGO_LIFE,
            EGO_R1,
            OVO_BENCH,
            SVBENCH,
            VDC,
        )
    },
)
"""Benchmarks by name, as `rewatch eval NAME:FILE` takes them."""
