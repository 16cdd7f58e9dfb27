"""Observe and retry (ChartAgent): what a tool returned is looked at, and the call made again at other settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .observation import Observation
from .outcomes import short

MOST = 3
"""Further tries of one call, whatever a tool asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What a tool's author knows of results that do not satisfy: `@tool(retry=Retry(...))`."""

    lacks: Callable[[Observation], str]
    """What is wrong with an observation in a few words ("nothing found"); empty if nothing is."""
    settings: Sequence[Mapping[str, Any]]
    """Arguments to change for a second try, a third, …; they go over the policy's own."""


def with_retries(
    run: Callable[[dict[str, Any]], Observation],
    arguments: dict[str, Any],
    retry: Retry,
    seen: list[Observation],
    *,
    most: int = MOST,
) -> Observation:
    """Run a call, and again at other settings as long as its observation lacks something.

    Args:
        run: makes one try; never raises.
        arguments: of the first try.
        retry: when to try again, and how.
        seen: every try's observation is added here, so that a caller who gives up still has what there was.
        most: further tries at most.

    Returns:
        The first observation that lacks nothing, else the very first; with a note on what was tried.
    """
    first = run(arguments)
    seen.append(first)
    lack = "" if first.error else retry.lacks(first)
    tried: list[str] = []
    made = [arguments]
    for settings in retry.settings:
        changed = {**arguments, **settings}
        if not lack or len(tried) >= min(most, MOST):
            break
        if changed in made:
            continue
        made.append(changed)
        tried.append(", ".join(f"{name}={value}" for name, value in settings.items()))
        again = run(changed)
        seen.append(again)
        if again.error:
            return _noted(first, f"{lack}; tried again with {tried[-1]}: {short(again.text, 160)}")
        if not retry.lacks(again):
            return _noted(again, f"{lack} at first; this is with {tried[-1]}")
    return _noted(first, f"{lack}; the same with {' and with '.join(tried)}") if tried else first


def _noted(observation: Observation, note: str) -> Observation:
    return replace(observation, text=f"{observation.text}\n({note})")
