"""The split of a budget into attempts, and the tokens that are left: budgets of scalings are as hard as a run's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from ...tools import Budget
from ..state import fraction
from .scaling import Attempt, Prompt, Result

LEAST = {"frames": 1, "calls": 2, "tokens": 2048, "seconds": 2.0}
"""What an attempt needs to be worth making: to find and to look once, one prompt with the tools' descriptions."""
SAID_LEAST = 32
"""Tokens of a reply below which nothing is asked."""


def attempts_afforded(remaining: Budget, requested: int) -> int:
    """Return how many of the requested attempts a budget is good for when it is shared evenly; at least 1.

    A limit of no frames at all is a way to run (search, listen), so it does not count against the number.
    """
    parts = max(requested, 1)
    for limit in ("calls", "tokens", "seconds", *(["frames"] if remaining.frames else [])):
        have = getattr(remaining, limit)
        if have is not None:
            parts = min(parts, int(have // LEAST[limit]))
    return max(parts, 1)


def affords_attempt(remaining: Budget) -> bool:
    """Return whether `remaining` is still good for one attempt."""
    return all(
        have is None or have >= least
        for limit, least in LEAST.items()
        if (have := getattr(remaining, limit)) or limit != "frames"
    )


def remaining_after(results: Iterable[Result]) -> Budget:
    """Return what remains after a step: of each limit the least that any of its results names."""
    lefts = [result.remaining for result in results]

    def least(limit: str) -> float | None:
        values = [value for remaining in lefts if (value := getattr(remaining, limit)) is not None]
        return min(values) if values else None

    return Budget.from_dict({limit: least(limit) for limit in ("frames", "calls", "tokens", "seconds")})


def share(budget: Budget, parts: int) -> Budget:
    """Return an even part of a budget; whole numbers are floored, so that the parts never exceed the whole."""
    return fraction(budget, Fraction(1, parts))


def budget_split(attempts: Iterable[Attempt], remaining: Budget, parts: int) -> tuple[Attempt, ...]:
    """Return the attempts, each with one of `parts` even shares of `remaining`; at most `parts` of them."""
    return tuple(replace(attempt, budget=share(remaining, parts)) for attempt in attempts)


def prompt_step(prompt: str, remaining: Budget, max_tokens: int = 512) -> tuple[Prompt, ...]:
    """Return a step with one plain question, or none where it would cost what an attempt needs after it."""
    if remaining.seconds is not None and remaining.seconds < 2 * LEAST["seconds"]:
        return ()
    if remaining.tokens is not None:
        # Three characters a token is more than English needs and less than most scripts do; the prompt is counted too.
        max_tokens = min(max_tokens, remaining.tokens - int(LEAST["tokens"]) - len(prompt) // 3)
    return (Prompt(prompt=prompt, max_tokens=max_tokens),) if max_tokens >= SAID_LEAST else ()
