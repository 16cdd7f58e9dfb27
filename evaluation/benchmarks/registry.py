"""The benchmarks by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .benchmark import Benchmark
from .vdc import VDC

BENCHMARKS: Registry[Benchmark] = Registry("benchmark", {VDC.name: VDC})
"""Benchmarks by name, as `rewatch eval NAME:FILE` takes them."""
