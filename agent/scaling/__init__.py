"""Test-time scaling: ways to spend more than one run on an answer, by name."""

from .scaling import Attempt, Result, Say, Scaled, Scaling, ScalingBrief, share

SCALINGS: dict[str, Scaling] = {}

__all__ = ["SCALINGS", "Attempt", "Result", "Say", "Scaled", "Scaling", "ScalingBrief", "share"]
