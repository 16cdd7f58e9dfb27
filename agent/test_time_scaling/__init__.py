"""Test-time scaling: ways to spend more than one run on an answer, one file each beside its paper, by name.

`scaling` defines them, `budget_split` shares the budget, `attempts` runs them, `agreement` compares answers, and
`calibration` maps stated confidences to measured ones.
"""

from ...memory.registry import Registry
from .budget_split import share
from .confidence import CONFIDENCE
from .critic import CRITIC
from .mcts import MCTS
from .refine import REFINE
from .scaling import Attempt, Prompt, Result, Scaling, ScalingBrief, ScalingSteps
from .verify import VERIFY
from .vote import VOTE

_PUBLISHED = (VOTE, CONFIDENCE, REFINE, VERIFY, MCTS, CRITIC)
SCALINGS: Registry[Scaling] = Registry("scaling", {scaling.name: scaling for scaling in _PUBLISHED})
"""Every scaling by the name that `--scale` takes; `SCALINGS.add` takes in one of your own."""

__all__ = ["SCALINGS", "Attempt", "Result", "Prompt", "ScalingSteps", "Scaling", "ScalingBrief", "share"]
