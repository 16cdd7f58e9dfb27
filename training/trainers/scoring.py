"""Rewards of rollouts, and what an objective asks of them, for every trainer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..objectives import Advantages, Objective, RunningDifficulty, Scored
from ..rewards import Mix, task_reward
from ..rewards.presets import reply_tokens
from ..rollouts.collector import failure, grouped
from ..rollouts.rollout import Rollout
from ..rollouts.rows import Row, score

if TYPE_CHECKING:
    from torch import Tensor

    from ...agent.models.local_vlm.engine import Engine

NAN = math.nan
_accuracy = task_reward()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBatch:
    """The rewards of a step's rollouts, in their order. NaN for runs that failed: those teach nothing."""

    totals: tuple[float, ...]
    parts: Mapping[str, tuple[float, ...]]
    """Each component as it entered the total, without its weight."""
    correct: tuple[float, ...]
    """The task's own reward, whatever the mix."""


def judge(rollouts: Sequence[Rollout], mix: Mix, group_size: int) -> ScoredBatch:
    """Reward rollouts within groups of `group_size` neighbors; what failed is left out of its group."""
    groups = grouped(rollouts, group_size)
    able = [[rollout for rollout in group if failure(rollout) is None] for group in groups]
    mixed = mix.over(able)

    def in_order(values: Iterable[Sequence[float]]) -> tuple[float, ...]:
        scores = itertools.chain.from_iterable(values)
        return tuple(next(scores) if failure(rollout) is None else NAN for rollout in rollouts)

    return ScoredBatch(
        totals=in_order(m.totals for m in mixed),
        parts={name: in_order(m.parts[name] for m in mixed) for name in mix.components},
        correct=tuple(NAN if failure(rollout) else _accuracy(rollout) for rollout in rollouts),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStats:
    """What an objective may ask of one rollout, as plain values that processes can send each other."""

    kind: str
    task: str
    reward: float
    parts: tuple[float, ...]
    """In the order of the mix's components."""
    correct: float
    length: float
    calls: float


def stats(rollouts: Sequence[Rollout], judged: ScoredBatch) -> list[RolloutStats]:
    """The plain values of judged rollouts."""
    columns = list(judged.parts.values())
    return [
        RolloutStats(
            kind=rollout.task.kind,
            task=rollout.task.id,
            reward=judged.totals[n],
            parts=tuple(values[n] for values in columns),
            correct=judged.correct[n],
            length=float(reply_tokens(rollout)),
            calls=float(len(rollout.calls)),
        )
        for n, rollout in enumerate(rollouts)
    ]


def scored(
    stats: Sequence[RolloutStats],
    mix: Mix,
    group_size: int,
    *,
    difficulty: RunningDifficulty | None = None,
    shuffled: Sequence[float] = (),
) -> Scored:
    """All that an objective may ask of a step, of all processes together, on the CPU.

    Args:
        stats: of the rollouts, those of a group next to each other.
        mix: the reward.
        group_size: rollouts of a group.
        difficulty: running estimates, updated already.
        shuffled: the task's own reward of runs out of order, equally many for each group, in the groups' order.
    """
    import torch

    group_R = torch.arange(len(stats)) // group_size
    each = len(shuffled) // max(len(stats) // group_size, 1)
    return Scored(
        reward=torch.tensor([one.reward for one in stats]),
        group=group_R,
        components=torch.tensor([one.parts for one in stats]),
        component_weights=torch.tensor([weight for _, weight in mix.components.values()]),
        tasks=[one.kind for one in stats],
        samples=[one.task for one in stats],
        difficulty=difficulty,
        correct=torch.tensor([one.correct for one in stats]),
        shuffled=torch.tensor(list(shuffled)) if each else None,
        shuffled_group=torch.arange(len(shuffled)) // each if each else None,
        lengths=torch.tensor([one.length for one in stats]),
        calls=torch.tensor([one.calls for one in stats]),
    )


def update_difficulty(difficulty: RunningDifficulty, stats: Sequence[RolloutStats]) -> None:
    """Take in the rewards of a step."""
    import torch

    rewards = torch.tensor([one.reward for one in stats])
    difficulty.update([one.kind for one in stats], [one.task for one in stats], rewards)


def token_advantages(
    engine: Engine,
    objective: Objective,
    rows: Sequence[Row | None],
    places: Sequence[int],
    made: Advantages,
    group_R: Tensor,
    width: int,
) -> Tensor:
    """[R, T] advantages by token from distributions, one group at a time: they are large.

    Args:
        engine: of the policy.
        objective: one that needs `distributions`.
        rows: the rollouts; None where nothing was sampled.
        places: the rows that count.
        made: advantages of all rows.
        group_R: their groups.
        width: positions of the longest completion.
    """
    import torch

    token_RT = torch.zeros((len(rows), width))
    for group in torch.unique(group_R[list(places)]):
        its = [n for n in places if group_R[n] == group]
        with torch.no_grad():
            now = score(engine, [row for n in its if (row := rows[n]) is not None], width=width, full=True)
        assert now.full_RTV is not None
        of_group = replace(made, values=made.values[its].to(now.mask_RT.device))
        token_RT[its] = objective.token_advantages(of_group, now.full_RTV, now.mask_RT, group_R[its]).to(token_RT)
    return token_RT
