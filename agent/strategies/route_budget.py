"""Functions that all routes share: keeping to a budget, sampling evenly, and showing the chosen frames at the end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ...memory import Span
from ...tools.sanitize import quote
from ..steps import Call, Steps
from .route import Brief, RouteResult

FRAMES = 64
"""Frames of a route where the run has no limit on frames and its paper names no number."""
AT_ONCE = 128
"""Frames that are put before a model at once at most; the tools show no more either."""


class RouteBudget:
    """The frames and calls that remain to a route. It counts requests, so that a replay comes to the same sums."""

    def __init__(self, brief: Brief, *, frames: int = FRAMES) -> None:
        self.brief = brief
        self.frames = frames if brief.budget.frames is None else brief.budget.frames
        """Frames left; of `frames` where there is no limit."""
        self.calls = math.inf if brief.budget.calls is None else brief.budget.calls

    def call(self, tool: str, frames: int = 0, /, **arguments: Any) -> Call:
        """Return a call on the route's video that takes `frames` frames."""
        self.frames -= frames
        self.calls -= 1
        return self.brief.call(tool, **arguments)

    def show(self, times: Iterable[float], text: str) -> Steps[RouteResult]:
        """Show the policy the frames at `times` (seconds), as many as the budget has left, and end the route.

        Where nothing can be shown, the policy may go on by itself.
        """
        chosen = thin(times, self.frames)
        if not chosen or self.calls < 1:
            reason = "the route's budget is spent."
        else:
            (result,) = yield (self.call("view_frames", len(chosen), times=chosen),)
            if not result.error:
                return RouteResult(text=f"{text} The frames above ({len(chosen)}) are what was chosen.".strip())
            reason = result.text
        return RouteResult(text=f"{text} No frame could be shown: {reason}".strip(), answer_now=False)

    def show_evenly(self, text: str) -> Steps[RouteResult]:
        """Show frames at even steps through the whole video, where a route can do no better."""
        return (yield from self.show(even(self.brief.whole, self.frames), text))


def even(span: Span, count: float) -> list[float]:
    """Return the middles of `count` equal parts of a span, in seconds (to a millisecond, each once)."""
    whole = int(count)
    return sorted({round(span.start + span.duration * (k + 0.5) / whole, 3) for k in range(whole)})


def thin(times: Iterable[float], count: float) -> list[float]:
    """Return at most `count` of the times (seconds), evenly chosen, in order, each once."""
    every = sorted({round(float(time), 3) for time in times})
    if len(every) <= count:
        return every
    return [every[int((k + 0.5) * len(every) / int(count))] for k in range(int(count))]


def shares(lengths: Sequence[float], total: int) -> list[int]:
    """Return whole parts of `total`, in proportion to `lengths` (any unit), at least 1 each (A.I.R.: floor, add one).

    `floor(total * length / sum) + 1`, then one less for the largest parts until they add up to `total`. With more
    lengths than `total`, the longest get 1 and the others 0.
    """
    if total < 1 or not lengths:
        return [0] * len(lengths)
    if len(lengths) > total:
        longest = sorted(range(len(lengths)), key=lambda j: -lengths[j])[:total]
        return [int(j in longest) for j in range(len(lengths))]
    whole = sum(lengths)
    parts = [math.floor(total * length / whole) + 1 if whole > 0 else total for length in lengths]
    while sum(parts) > total:
        parts[parts.index(max(parts))] -= 1
    return parts


def at_least(span: Span, seconds: float, bounds: Span) -> Span:
    """Return the span, widened evenly to `seconds` and moved so that it stays inside `bounds`."""
    missing = max(seconds - span.duration, 0.0) / 2
    start, end = span.start - missing, span.end + missing
    move = max(bounds.start - start, 0.0) or min(bounds.end - end, 0.0)
    return Span(start + move, end + move).within(bounds)


def short(text: str, limit: int = 160) -> str:
    """Return what a model or a video said, quoted and cut, so that it can stand in a prompt as material."""
    line = " ".join(text.split())
    return quote(line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " …")
