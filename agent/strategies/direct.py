"""`direct`: uniform frames once, then the answer; what every other route is measured against.

Papers: the usual way to ask a Video-LMM (VITAL, Video-MME and others sample uniformly).
Choices: as many frames as the route may use, up to 64, and no more than two a second (Qwen-VL's own rate); each from
the middle of its part of the video.
"""

from __future__ import annotations

import math

from ..steps import Steps
from .route import Brief, Route, RouteResult
from .route_budget import FRAMES, RouteBudget, even

FPS = 2.0


def run(brief: Brief) -> Steps[RouteResult]:
    """Show uniform frames."""
    budget = RouteBudget(brief)
    count = min(budget.frames, FRAMES, max(1, math.ceil(brief.whole.duration * FPS)))
    return (yield from budget.show(even(brief.whole, count), "Frames at even steps through the video."))


DIRECT = Route(
    name="direct",
    paper="uniform sampling, as in most Video-LMM evaluations",
    about="frames at even steps, answered at once; short videos and questions about the whole",
    run=run,
)
