"""T-GRPO: a bonus for answers that depend on the order of the frames (Video-R1). Shapes: see advantages.py."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .advantages import number, statistics

RIGHT = 0.1
"""An accuracy above this counts as right (Video-R1: partial rewards of free-form answers do)."""


def temporal_bonus(
    correct_R: Tensor,
    group_R: Tensor,
    shuffled_S: Tensor,
    shuffled_group_S: Tensor,
    *,
    form: Literal["released", "survey"] = "released",
    bonus: float = 0.3,
    ratio: float = 0.8,
    margin: float = 0.0,
) -> Tensor:
    """[R] what is added to the rewards before they are normalized.

    `released` (arXiv 2503.21776; `src/r1-v/src/open_r1/trainer/grpo_trainer.py`): `bonus` for the right rollouts of
    groups in which `mean(correct) >= ratio * mean(shuffled)`. The paper has p >= mu p~ in words. So a group that is as
    good on shuffled frames earns it too; it is withheld only where shuffling helps by a quarter.

    `survey` (section 3.2): `bonus * max(0, p - p~ - margin)` for the right rollouts, p the shares of right ones.

    Args:
        correct_R: accuracy of the rollouts on ordered frames (only the accuracy, not the whole reward).
        group_R: their groups.
        shuffled_S: accuracy of the rollouts on shuffled frames (Video-R1 samples half as many).
        shuffled_group_S: their groups, numbered like `group_R`.
        form: see above.
        bonus: the largest bonus.
        ratio: how far ordered frames may fall behind (released form).
        margin: by how much they must be better (survey's form).

    Returns:
        The bonus; 0 for groups without shuffled rollouts (Video-R1 has none for images), and for what is not right.
    """
    right_R = torch.nan_to_num(correct_R) > RIGHT
    every = torch.cat([group_R, shuffled_group_S.to(group_R)])
    index, _ = number(every)
    of_R, of_S = index[: len(group_R)], index[len(group_R) :]
    has_R = torch.isin(of_R, of_S)
    if form == "released":
        ordered, shuffled = correct_R, shuffled_S
    else:
        ordered = torch.where(torch.isnan(correct_R), torch.nan, right_R.to(correct_R))
        shuffled = torch.where(torch.isnan(shuffled_S), torch.nan, (shuffled_S > RIGHT).to(shuffled_S))
    # Means per group, looked up for each ordered rollout.
    ordered_R = statistics(ordered, of_R).mean
    table = torch.zeros(int(index.max()) + 1 if len(index) else 0).to(ordered_R)
    table[of_S] = statistics(shuffled, of_S).mean.to(table)
    shuffled_R = table[of_R]
    if form == "released":
        size_R = bonus * (ordered_R >= ratio * shuffled_R).to(ordered_R)
    else:
        size_R = bonus * (ordered_R - shuffled_R - margin).clamp(min=0.0)
    return size_R * (has_R & right_R)
