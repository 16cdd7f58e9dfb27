"""Statistics over groups of rollouts, the groups being given by an index and of any size.

Shapes in this folder: R rollouts · T tokens · V vocabulary · G groups · L reward components · S segments · P pairs.
A name such as `reward_R` says the shape of a tensor.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


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
