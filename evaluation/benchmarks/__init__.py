"""Benchmarks: the released annotation files of public sets as tasks, one file a set."""

from .benchmark import Benchmark
from .registry import BENCHMARKS

__all__ = ["BENCHMARKS", "Benchmark"]
