"""Weights by difficulty: DGRPO as VITAL released it, and the survey's general form with running difficulty.

Shapes: see advantages.py.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .advantages import VERL_EPS, Advantages, group_advantages


def dgrpo_weight(mean_R: Tensor) -> Tensor:
    """[R] weights `(clamp(2 - mean, 0, 1) + 1) / 2` in [0.5, 1] from the group's mean reward.

    VITAL (arXiv 2508.04416), code `verl/trainer/ppo/core_algos.py: compute_dgrpo_outcome_advantage` @7e485867. The
    weight is 1 for every group with a mean of at most 1 and 0.5 from 2 on: rewards must be on VITAL's scale (format 1,
    tools up to 1, task 1), else this is plain GRPO.
    """
    return ((2.0 - mean_R).clamp(0.0, 1.0) + 1.0) / 2.0


def dgrpo(reward_R: Tensor, group_R: Tensor, *, eps: float = VERL_EPS) -> Advantages:
    """DGRPO as released: GRPO's advantages times `dgrpo_weight` of the group's mean reward.

    The weight acts after the normalization. The paper writes it as a factor of the reward; being constant in the
    group it would be cancelled by the division by the standard deviation.
    """
    advantages = group_advantages(reward_R, group_R, eps=eps)
    return advantages.weighted(dgrpo_weight(advantages.mean))


def linear_weight(task: float, sample: float, *, floor: float = 0.5, task_share: float = 0.5) -> float:
    """A monotone `g(d_task, d_sample)`: from `floor` where both are 0 (easy) to 1 where both are 1 (hard)."""
    return floor + (1.0 - floor) * (task_share * task + (1.0 - task_share) * sample)


class RunningDifficulty:
    """The survey's DGRPO (section 3.2): advantages times `g(d_task, d_sample)`, with running estimates of difficulty.

    A difficulty is 1 minus the moving average of the pass rate, per task and per sample; the pass rate of a batch is
    the mean of `reward / top` held to [0, 1]. A key's first batch sets its average, later ones move it by
    `1 - decay`. What was never seen counts as hard (a sample: as hard as its task), so that nothing is held down
    without a reason.

    The estimates change only by `update`, which wants the rewards gathered from all processes, in one call a step:
    then all processes hold the same state. Update before taking the weights, so that a sample seen for the first time
    is weighted by its own group.
    """

    def __init__(
        self,
        *,
        decay: float = 0.9,
        top: float = 1.0,
        weight: Callable[[float, float], float] = linear_weight,
    ) -> None:
        if not 0 <= decay < 1 or not top > 0:
            raise ValueError(f"decay must lie in [0, 1) and top above 0, got {decay} and {top}.")
        self.decay, self.top, self.weight = decay, top, weight
        self.tasks: dict[str, float] = {}
        self.samples: dict[str, float] = {}

    def update(self, tasks: Sequence[str], samples: Sequence[str], reward_R: Tensor) -> None:
        """Take in the rewards of a step; rewards that are NaN do not count. The order of the rollouts does not matter.

        Args:
            tasks: the task of each rollout.
            samples: the sample (prompt) of each rollout.
            reward_R: the reward of each rollout, gathered from all processes.
        """
        rewards = [float(reward) for reward in reward_R.detach().cpu().tolist()]
        for averages, names in ((self.tasks, tasks), (self.samples, samples)):
            rates: dict[str, list[float]] = defaultdict(list)
            for name, reward in zip(names, rewards, strict=True):
                if not math.isnan(reward):
                    rates[name].append(min(max(reward / self.top, 0.0), 1.0))
            for name, own in rates.items():
                now = math.fsum(own) / len(own)
                averages[name] = self.decay * averages[name] + (1 - self.decay) * now if name in averages else now

    def difficulty(self, task: str, sample: str) -> tuple[float, float]:
        """`(d_task, d_sample)`, both in [0, 1]."""
        of_task = 1.0 - self.tasks.get(task, 0.0)
        return of_task, 1.0 - self.samples[sample] if sample in self.samples else of_task

    def weights(self, tasks: Sequence[str], samples: Sequence[str]) -> Tensor:
        """[R] weights of rollouts of these tasks and samples."""
        pairs = zip(tasks, samples, strict=True)
        return torch.tensor([self.weight(*self.difficulty(task, sample)) for task, sample in pairs])

    def state_dict(self) -> dict[str, Any]:
        """The estimates, as JSON can hold them."""
        return {"tasks": dict(self.tasks), "samples": dict(self.samples)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up estimates written by `state_dict`."""
        self.tasks = {str(name): float(rate) for name, rate in state["tasks"].items()}
        self.samples = {str(name): float(rate) for name, rate in state["samples"].items()}


class WeightLog:
    """Remembers whether difficulty weights ever left 1: if not, DGRPO was plain GRPO and the user must hear of it."""

    def __init__(self) -> None:
        self.rollouts = 0
        self.below_one = 0
        self.lowest = 1.0
        self.highest_mean = -math.inf

    def add(self, advantages: Advantages) -> None:
        """Take in the advantages of a step."""
        if not len(advantages.weight):
            return
        self.rollouts += len(advantages.weight)
        self.below_one += int((advantages.weight < 1).sum())
        self.lowest = min(self.lowest, float(advantages.weight.min()))
        self.highest_mean = max(self.highest_mean, float(advantages.mean.max()))

    @property
    def left_one(self) -> bool:
        """True if any weight was below 1."""
        return self.below_one > 0

    def warning(self) -> str | None:
        """One line for the user when all the weights so far were 1; None when they were not, or nothing was seen."""
        if self.left_one or not self.rollouts:
            return None
        return (
            f"All {self.rollouts} difficulty weights were 1, so this run was plain GRPO: the highest mean reward of a "
            f"group was {self.highest_mean:.2f}, and DGRPO's weight falls only above 1. Use rewards on VITAL's scale "
            "(format 1, tools up to 1, task 1) or the objective dgrpo_running."
        )

    def state_dict(self) -> dict[str, Any]:
        """The counts, as JSON can hold them."""
        return {"rollouts": self.rollouts, "below_one": self.below_one, "lowest": self.lowest} | (
            {"highest_mean": self.highest_mean} if self.rollouts else {}
        )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up counts written by `state_dict`."""
        self.rollouts, self.below_one = int(state["rollouts"]), int(state["below_one"])
        self.lowest, self.highest_mean = float(state["lowest"]), float(state.get("highest_mean", -math.inf))
