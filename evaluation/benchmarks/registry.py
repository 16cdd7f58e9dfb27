"""The benchmarks by name."""

from __future__ import annotations

from ...memory.registry import Registry
from .benchmark import Benchmark

BENCHMARKS: Registry[Benchmark] = Registry("benchmark", {})
"""Benchmarks by name, as `rewatch eval NAME:FILE` takes them."""
