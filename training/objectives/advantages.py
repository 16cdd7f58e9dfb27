"""Advantages relative to the group: GRPO, Dr. GRPO, DAPO and multi-task GRPO; groups are an index, of any size.

Shapes in this folder: R rollouts · T tokens · V vocabulary · G groups · L reward components · S segments · P pairs.
A name such as `reward_R` says the shape of a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

VERL_EPS = 1e-6
"""Added to the standard deviation by verl (and so by VITAL)."""
TRL_EPS = 1e-4
"""Added to the standard deviation by TRL, open-r1, Video-R1, Time-R1 and TW-GRPO."""


class Groups(NamedTuple):
    """Statistics of values within groups, each given back per rollout."""

    mean: Tensor
    """[R] mean of the group."""
    std: Tensor
    """[R] unbiased standard deviation; 0 for a group of one."""
    size: Tensor
    """[R] how many values of the group count."""
    flat: Tensor
    """[R] whether all the values that count are equal (a group of one is flat)."""
    counts: Tensor
    """[R] whether this value counts, that is, is a number."""


def statistics(value_R: Tensor, group_R: Tensor) -> Groups:
    """Mean, standard deviation and flatness of each group; values that are NaN do not count.

    Flatness is told from the extremes and not from the deviation: eight rewards of 0.3 have a standard deviation of
    1e-8 in float32, which a small epsilon would blow up into advantages.

    Args:
        value_R: one number a rollout; NaN where it could not be scored.
        group_R: the group of each rollout: any integers, in any order, groups of any sizes.

    Raises:
        ValueError: if the shapes differ, or a value is infinite.
    """
    if value_R.dim() != 1 or value_R.shape != group_R.shape:
        raise ValueError(f"One value and one group a rollout, got {tuple(value_R.shape)} and {tuple(group_R.shape)}.")
    if torch.isinf(value_R).any():
        raise ValueError("Rewards must be finite, or NaN where a rollout could not be scored.")
    value_R = value_R if value_R.dtype in (torch.float32, torch.float64) else value_R.float()
    counts_R = ~torch.isnan(value_R)
    known_R = torch.where(counts_R, value_R, torch.zeros_like(value_R))
    index_R, groups = number(group_R)

    size_G = add_up(counts_R.to(known_R), index_R, groups)
    mean_R = (add_up(known_R, index_R, groups) / size_G.clamp(min=1))[index_R]
    off_R = torch.where(counts_R, known_R - mean_R, torch.zeros_like(known_R))
    std_G = (add_up(off_R.square(), index_R, groups) / (size_G - 1).clamp(min=1)).sqrt()
    low_G = known_R.new_full((groups,), torch.inf).scatter_reduce(
        0, index_R, torch.where(counts_R, known_R, torch.inf), "amin"
    )
    high_G = known_R.new_full((groups,), -torch.inf).scatter_reduce(
        0, index_R, torch.where(counts_R, known_R, -torch.inf), "amax"
    )
    flat_G = high_G <= low_G
    return Groups(mean_R, std_G[index_R], size_G[index_R], flat_G[index_R], counts_R)


def number(group_R: Tensor) -> tuple[Tensor, int]:
    """The groups numbered from 0 ([R] indices), and how many there are."""
    names_G, index_R = torch.unique(group_R, return_inverse=True)
    return index_R, len(names_G)


def add_up(value_R: Tensor, index_R: Tensor, groups: int) -> Tensor:
    """[G] sums of `value_R` by its index."""
    return value_R.new_zeros(groups).index_add(0, index_R, value_R)


@dataclass(frozen=True, slots=True)
class Advantages:
    """One advantage a rollout, with what it was made from."""

    values: Tensor
    """[R] the advantages, weights included; 0 for rollouts of flat groups and for those that could not be scored."""
    mean: Tensor
    """[R] mean reward of the group."""
    std: Tensor
    """[R] what the deviation was divided by (without epsilon)."""
    flat: Tensor
    """[R] whether all rewards of the group are equal, so that it teaches nothing: to be dropped or sampled anew."""
    weight: Tensor
    """[R] the factor that `values` already hold; 1 where there is none."""

    def weighted(self, weight_R: Tensor) -> Advantages:
        """These advantages times a factor, which acts after the normalization."""
        weight_R = weight_R.to(self.values)
        return replace(self, values=self.values * weight_R, weight=self.weight * weight_R)

    @property
    def flat_share(self) -> float:
        """Share of rollouts whose group teaches nothing."""
        return float(self.flat.float().mean()) if len(self.flat) else 0.0


def group_advantages(
    reward_R: Tensor,
    group_R: Tensor,
    *,
    eps: float = VERL_EPS,
    scale: Literal["group", "batch", "none"] = "group",
    alone: Literal["zero", "reward"] = "zero",
) -> Advantages:
    """GRPO: `(R - mean) / (std + eps)` in the group, `std` unbiased.

    DeepSeekMath (arXiv 2402.03300) section 4.1.2; verl `core_algos.compute_grpo_outcome_advantage`; with `eps=TRL_EPS`
    TRL `GRPOTrainer._generate_and_score_completions` (`scale_rewards` is `scale` there).

    Args:
        reward_R: summed reward of each rollout; NaN where it could not be scored (its advantage is 0).
        group_R: group of each rollout, any integers.
        eps: added to the standard deviation.
        scale: divide by the standard deviation of the group, of all rewards of the batch, or not at all.
        alone: what a group of one gets: nothing, or (as verl, which takes mean 0 and std 1) its own reward.
    """
    groups = statistics(reward_R, group_R)
    reward_R = reward_R.to(groups.mean)
    mean_R, std_R, flat_R = groups.mean, groups.std, groups.flat
    if scale == "batch":
        std_R = statistics(reward_R, torch.zeros_like(group_R)).std
    elif scale == "none":
        std_R = torch.ones_like(std_R)
    if alone == "reward":
        single_R = groups.size == 1
        mean_R, std_R = mean_R.masked_fill(single_R, 0.0), std_R.masked_fill(single_R, 1.0)
        flat_R = flat_R & ~single_R
    divisor_R = std_R if scale == "none" else std_R + eps
    silent_R = flat_R | ~groups.counts
    value_R = torch.where(silent_R, torch.zeros_like(mean_R), (reward_R - mean_R) / divisor_R)
    return Advantages(value_R, mean_R, std_R, flat_R, torch.ones_like(value_R))


def dr_grpo(reward_R: Tensor, group_R: Tensor) -> Advantages:
    """Dr. GRPO: `R - mean`, without the division that favors groups of nearly equal rewards (arXiv 2503.20783).

    It belongs with `Surrogate(aggregate="constant")`, which divides by the longest length allowed.
    """
    return group_advantages(reward_R, group_R, scale="none")


def dapo(reward_R: Tensor, group_R: Tensor) -> Advantages:
    """DAPO: GRPO's advantages; its dynamic sampling leaves out rows that are `flat` (arXiv 2503.14476, section 3.2).

    The paper asks that a group has right and wrong answers; for 0/1 rewards that is the same. It belongs with
    `Surrogate(high=0.28, aggregate="token")`.
    """
    return group_advantages(reward_R, group_R)


def multi_task(
    reward_RL: Tensor,
    group_R: Tensor,
    weight_L: Tensor | None = None,
    *,
    over: Literal["group", "task"] = "group",
    eps: float = TRL_EPS,
    whiten: bool = False,
) -> Advantages:
    """Multi-task GRPO: `sum_l w_l A^(l)`, each task or component normalized by itself (survey, Table 2).

    With `over="group"` and `whiten=True` this is GDPO (TRL `multi_objective_aggregation="normalize_then_sum"`).
    VideoChat-R1, which the survey cites, sums the rewards first and normalizes the sum: that is `group_advantages`.

    Args:
        reward_RL: rewards by task or component; NaN where one does not apply to a rollout (see `by_task`).
        group_R: group of each rollout.
        weight_L: weight of each column; 1 if not given.
        over: divide the deviations by their spread within the group, or by their spread over all rollouts of that
            task, so that tasks with small rewards count as much as those with large ones and a group that hardly
            differs is not blown up.
        eps: added to every standard deviation.
        whiten: bring the sums to mean 0 and deviation 1 over the batch.

    Returns:
        The summed advantages; `mean` and `std` are those of the weighted reward sums.
    """
    weight_L = reward_RL.new_ones(reward_RL.shape[1]) if weight_L is None else weight_L.to(reward_RL)
    value_R = torch.zeros_like(reward_RL[:, 0])
    flat_R = torch.ones_like(group_R, dtype=torch.bool)
    for column, weight in zip(reward_RL.unbind(1), weight_L, strict=True):
        own = group_advantages(column, group_R, eps=eps, scale="group" if over == "group" else "none")
        part_R = own.values
        if over == "task":
            # The spread within groups: groups that are flat have none and do not thin it out.
            moves_R = ~own.flat & ~torch.isnan(column)
            part_R = torch.where(moves_R, part_R / (_spread(part_R, group_R, counts_R=moves_R) + eps), 0.0)
        value_R = value_R + weight * part_R
        flat_R = flat_R & own.flat
    if whiten:
        value_R = (value_R - value_R.mean()) / (value_R.std() + eps) if len(value_R) > 1 else torch.zeros_like(value_R)
    scored_R = ~torch.isnan(reward_RL).all(dim=1)
    total_R = torch.where(scored_R, (reward_RL * weight_L).nansum(dim=1), torch.nan)
    sums = statistics(total_R, group_R)
    return Advantages(value_R, sums.mean, sums.std, flat_R, torch.ones_like(value_R))


def by_task(reward_R: Tensor, task_R: Tensor, tasks: int) -> Tensor:
    """[R, L] columns for `multi_task` where every rollout belongs to one of `tasks` tasks (0 … tasks - 1)."""
    columns_L = torch.arange(tasks, device=task_R.device)
    return torch.where(task_R[:, None] == columns_L, reward_R[:, None], torch.nan)


def _spread(off_R: Tensor, group_R: Tensor, *, counts_R: Tensor) -> Tensor:
    """Unbiased standard deviation (a number) of deviations from group means: each group takes a degree of freedom."""
    index_R, groups = number(group_R)
    taking = (add_up(counts_R.to(off_R), index_R, groups) > 0).sum()
    free = (counts_R.sum() - taking).clamp(min=1)
    return (off_R[counts_R].square().sum() / free).sqrt()
