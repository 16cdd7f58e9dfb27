"""Groups of rollouts and their rewards, as every trainer takes them.

Groups whose runs are all rewarded alike have no advantages. Left in, they only make a step smaller; left out, the
step's size swings; drawn anew (DAPO, arXiv 2503.14476), every step has as many groups that teach, for more runs. What
is drawn and how it is sampled depends on the step's seed alone, so that a run which goes on asks the same, and
processes need not talk to each other about it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..data.task import Task
from ..objectives import Advantages, Objective, RunningDifficulty, Scored
from ..objectives.advantages import statistics
from ..rewards import Mix, task_reward
from ..rewards.presets import reply_tokens
from ..rollouts.collector import Collector, draw, failure, grouped, seed_of
from ..rollouts.rollout import Rollout
from ..rollouts.rows import Row, score

if TYPE_CHECKING:
    from torch import Tensor

    from ...agent.models.local_vlm.engine import Engine

NAN = math.nan
Flat = Literal["count", "drop", "resample"]
"""The fate of groups whose rewards are all equal: their tokens count in the loss's mean, they do not, or other
tasks are drawn in their place (those that are still flat in the end do not count)."""
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
class SampledGroups:
    """The groups of a step."""

    rollouts: list[Rollout]
    """As many groups as were asked for: those that teach, and flat ones in the end where there were not enough."""
    left_out: list[Rollout]
    """The other flat groups."""
    figures: dict[str, float]
    """`flat_share` of all groups that were run, and how many of those were drawn anew (`resampled`)."""

    @property
    def every(self) -> list[Rollout]:
        """All that was run: what figures of the policy have to be made of, since the flat groups are its too."""
        return [*self.rollouts, *self.left_out]


def flat_groups(judged: ScoredBatch, group_size: int) -> list[bool]:
    """Tell for each group if its rewards are all equal, or none of its runs could be scored."""
    import torch

    reward_R = torch.tensor(judged.totals)
    found = statistics(reward_R, torch.arange(len(reward_R)) // group_size)
    return [bool(is_flat) for is_flat in found.flat[::group_size]]


def sample_groups(
    collect: Collector, tasks: Sequence[Task], pool: Sequence[Task], mix: Mix, *, group_size: int, seed: int, tries: int
) -> SampledGroups:
    """Run groups, and others in the place of those that teach nothing.

    Args:
        collect: runs the loop.
        tasks: what is asked first.
        pool: where other tasks are drawn from, none twice in a step while there are enough.
        mix: the reward.
        group_size: runs of a task.
        seed: of the step.
        tries: how often tasks are drawn anew; with 0 the groups of `tasks` are taken as they come.
    """
    if not tries:
        return SampledGroups(rollouts=collect(tasks, group_size, seed=seed), left_out=[], figures={})
    good: list[list[Rollout]] = []
    flat: list[list[Rollout]] = []
    current, used = list(tasks), set[str]()
    for attempt in range(tries + 1):
        rollouts = collect(current, group_size, seed=seed_of("again", seed, attempt) if attempt else seed)
        are_flat = flat_groups(judge(rollouts, mix, group_size), group_size)
        for group, is_flat in zip(grouped(rollouts, group_size), are_flat, strict=True):
            (flat if is_flat else good).append(group)
        used |= {task.id for task in current}
        missing = len(tasks) - len(good)
        if not missing or attempt == tries:
            break
        fresh = [task for task in pool if task.id not in used] or list(pool)
        current = draw(fresh, missing, seed=seed_of("anew", seed), step=attempt)
    ran = len(good) + len(flat)
    missing = len(tasks) - len(good)
    return SampledGroups(
        rollouts=[run for group in [*good, *flat[:missing]] for run in group],
        left_out=[run for group in flat[missing:] for run in group],
        figures={"flat_share": len(flat) / max(ran, 1), "resampled": float(ran - len(tasks))},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStats:
    """Values of one rollout for objectives, as plain numbers and texts that processes can send each other."""

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
