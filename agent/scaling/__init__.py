"""Test-time scaling: ways to spend more than one run on an answer, by name."""

from .confidence import CONFIDENCE
from .scaling import Attempt, Result, Say, Scaled, Scaling, ScalingBrief, share
from .vote import VOTE

SCALINGS: dict[str, Scaling] = {scaling.name: scaling for scaling in (VOTE, CONFIDENCE)}

__all__ = ["SCALINGS", "Attempt", "Result", "Say", "Scaled", "Scaling", "ScalingBrief", "share"]
