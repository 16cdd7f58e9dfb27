"""The `Reward` class: a pure function of one rollout, or of a group of them, with its range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..rollouts.rollout import Rollout

MOST_ANSWER = 1000
"""Characters from which an answer is no answer (LongVT's guard against text that is written to please a judge)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """A number for one rollout, in `[low, high]`."""

    name: str
    score: Callable[[Rollout], float]
    low: float = 0.0
    high: float = 1.0

    def __call__(self, rollout: Rollout) -> float:
        """The number."""
        return self.score(rollout)


def simple_reward(name: str) -> Callable[[Callable[[Rollout], float]], Callable[[], Reward]]:
    """Make of a function of a rollout the factory of a reward that has no options."""

    def factory_of(score: Callable[[Rollout], float]) -> Callable[[], Reward]:
        def factory() -> Reward:
            return Reward(name=name, score=score)

        factory.__name__, factory.__doc__ = score.__name__, score.__doc__
        return factory

    return factory_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReward:
    """A number for each rollout of one group (runs of the same task), in `[low, high]`."""

    name: str
    score: Callable[[Sequence[Rollout]], list[float]]
    low: float = 0.0
    high: float = 1.0

    def __call__(self, group: Sequence[Rollout]) -> list[float]:
        """The numbers, in the order of the rollouts."""
        return self.score(group)


def scale(value: float, low: float, high: float) -> float:
    """`clamp((value - low) / (high - low), 0, 1)`: VITAL's scaling of a task's reward.

    Raises:
        ValueError: if `low` is not below `high`.
    """
    if not low < high:
        raise ValueError(f"A scale needs low < high, got {low} and {high}.")
    return min(max((value - low) / (high - low), 0.0), 1.0)


def scaled(reward: Reward, low: float, high: float) -> Reward:
    """`reward`, scaled so that `low` and less is 0, `high` and more is 1."""
    scale(0.0, low, high)
    return Reward(name=f"{reward.name}[{low:g}..{high:g}]", score=lambda rollout: scale(reward(rollout), low, high))


def product(name: str, *rewards: Reward) -> Reward:
    """All of `rewards` (each in [0, 1]) multiplied."""

    def score(rollout: Rollout) -> float:
        value = 1.0
        for reward in rewards:
            value *= reward(rollout)
        return value

    return Reward(name=name, score=score)


def too_long(rollout: Rollout) -> bool:
    """Return whether the answer has `MOST_ANSWER` characters or more, as given or as the model wrote it."""
    return max(len(rollout.answer.text), len(rollout.written)) >= MOST_ANSWER
