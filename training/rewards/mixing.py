"""Mixing rewards: weights, gates, and normalisation of each component, with every component kept for the log."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..rollouts.rollout import Rollout
from .reward import GroupReward, Reward

Normalize = Literal["none", "range", "batch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """The result of a mix for some rollouts, in their order."""

    totals: tuple[float, ...]
    parts: Mapping[str, tuple[float, ...]]
    """Each component as it entered the sum, without its weight."""
    raw: Mapping[str, tuple[float, ...]]
    """Each component as its reward gave it, before gate and normalisation."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A weighted sum of rewards.

    A component with a gate counts only for rollouts for which the gate is above 0; its own low end (a penalty) is gated
    like the rest. Gates look at raw values, and may name a component.

    Normalisation: `none` keeps each reward's own scale (so do the presets); `range` maps its range to [0, 1]; `batch`
    maps its lowest and highest value of the batch to 0 and 1 (the survey's), and, where all are the same, falls back on
    its range. A temperature above 1 then lifts middling values of a component, `value ** (1 / temperature)`, which
    brings continuous rewards (IoU) nearer to those that are passed or failed; 0 and 1 stay.

    Raises:
        ValueError: for a gate, temperature or weight that cannot be, or a range that has no end where one is needed.
    """

    components: Mapping[str, tuple[Reward | GroupReward, float]]
    gates: Mapping[str, str | Callable[[Rollout], float]] = field(default_factory=dict)
    normalise: Normalize = "none"
    temperatures: Mapping[str, float] = field(default_factory=dict)
    name: str = "mix"

    def __post_init__(self) -> None:
        for name in [*self.gates, *self.temperatures, *(g for g in self.gates.values() if isinstance(g, str))]:
            if name not in self.components:
                raise ValueError(f"There is no component {name!r} in the mix; it has {', '.join(self.components)}.")
        for name, value in self.temperatures.items():
            if self.normalise == "none" or not (math.isfinite(value) and value > 0):
                raise ValueError(f"The temperature of {name!r} needs a number above 0, and normalise to be set.")
        for name, (reward, weight) in self.components.items():
            if not math.isfinite(weight):
                raise ValueError(f"The weight of {name!r} must be a number, got {weight}.")
            if self.normalise != "none" and not (math.isfinite(reward.low) and math.isfinite(reward.high)):
                raise ValueError(f"{name!r} has no bounded range, so that it cannot be normalised.")

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which numbers every total lies."""
        ends = [
            (0.0, weight) if self.normalise != "none" else (reward.low * weight, reward.high * weight)
            for reward, weight in self.components.values()
        ]
        gated = [(*pair, 0.0) if name in self.gates else pair for name, pair in zip(self.components, ends, strict=True)]
        return sum(min(part) for part in gated), sum(max(part) for part in gated)

    def __call__(self, group: Sequence[Rollout]) -> Mixed:
        """Totals and components for the rollouts of one group (runs of one task)."""
        return self.over([group])[0]

    def over(self, groups: Sequence[Sequence[Rollout]]) -> list[Mixed]:
        """The same for a batch of groups; `batch` normalisation is over all of them."""
        raw = {
            name: [reward(g) if isinstance(reward, GroupReward) else [reward(r) for r in g] for g in groups]
            for name, (reward, _) in self.components.items()
        }
        parts = {name: self._normalized(name, values) for name, values in raw.items()}
        for name, gate in self.gates.items():
            opened = raw[gate] if isinstance(gate, str) else [[gate(r) for r in group] for group in groups]
            parts[name] = [
                [value if key > 0 else 0.0 for value, key in zip(values, keys, strict=True)]
                for values, keys in zip(parts[name], opened, strict=True)
            ]
        weights = {name: weight for name, (_, weight) in self.components.items()}
        return [
            Mixed(
                totals=tuple(
                    sum(weights[name] * values[n][k] for name, values in parts.items()) for k in range(len(group))
                ),
                parts={name: tuple(values[n]) for name, values in parts.items()},
                raw={name: tuple(values[n]) for name, values in raw.items()},
            )
            for n, group in enumerate(groups)
        ]

    def _normalized(self, name: str, values: list[list[float]]) -> list[list[float]]:
        if self.normalise == "none":
            return values
        reward, _ = self.components[name]
        low, high = reward.low, reward.high
        every = [value for group in values for value in group]
        if self.normalise == "batch" and every and max(every) > min(every):
            low, high = min(every), max(every)
        power = 1 / self.temperatures.get(name, 1.0)
        width = high - low
        return [[min(max((v - low) / width, 0.0), 1.0) ** power if width else 0.0 for v in group] for group in values]
