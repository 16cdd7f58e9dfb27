"""How many attempts a budget is good for, and what may still be said: budgets of scalings are as hard as a run's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...tools import Budget
from .scaling import Attempt, Result, Say, share

LEAST = {"frames": 1, "calls": 2, "tokens": 2048, "seconds": 2.0}
"""What an attempt needs to be worth making: to find and to look once, one prompt with the tools' descriptions."""
SAID_LEAST = 32
"""Tokens of a reply below which nothing is asked."""


def affords(left: Budget, wanted: int) -> int:
    """How many of `wanted` attempts `left` is good for when it is shared evenly; at least 1, which gets all there is.

    A limit of no frames at all is a way to run (search, listen), so it does not count against the number.
    """
    parts = max(wanted, 1)
    for limit in ("calls", "tokens", "seconds", *(["frames"] if left.frames else [])):
        have = getattr(left, limit)
        if have is not None:
            parts = min(parts, int(have // LEAST[limit]))
    return max(parts, 1)


def enough(left: Budget) -> bool:
    """Whether `left` is still good for one attempt."""
    return all(
        have is None or have >= least
        for limit, least in LEAST.items()
        if (have := getattr(left, limit)) or limit != "frames"
    )


def after(results: Iterable[Result]) -> Budget:
    """What is left after a step: of each limit the least that any of its results names."""
    lefts = [result.left for result in results]

    def least(limit: str) -> float | None:
        values = [value for left in lefts if (value := getattr(left, limit)) is not None]
        return min(values) if values else None

    return Budget.from_dict({limit: least(limit) for limit in ("frames", "calls", "tokens", "seconds")})


def budget_split(attempts: Iterable[Attempt], left: Budget, parts: int) -> tuple[Attempt, ...]:
    """The attempts, each with one of `parts` even shares of `left`; there must not be more attempts than parts."""
    return tuple(replace(attempt, budget=share(left, parts)) for attempt in attempts)


def ask(prompt: str, left: Budget, max_tokens: int = 512) -> tuple[Say, ...]:
    """A step with one plain question, or none where it would cost what an attempt needs after it."""
    if left.seconds is not None and left.seconds < 2 * LEAST["seconds"]:
        return ()
    if left.tokens is not None:
        # Three characters a token is more than English needs and less than most scripts do; the prompt is counted too.
        max_tokens = min(max_tokens, left.tokens - int(LEAST["tokens"]) - len(prompt) // 3)
    return (Say(prompt=prompt, max_tokens=max_tokens),) if max_tokens >= SAID_LEAST else ()
