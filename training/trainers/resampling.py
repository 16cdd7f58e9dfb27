"""Groups that teach: tasks are drawn anew for those whose runs are all rewarded alike (DAPO, arXiv 2503.14476).

A group of equal rewards has no advantages. Left in, it only makes a step smaller; left out, the step's size swings;
drawn anew, every step has as many groups that teach, for more runs. What is drawn and how it is sampled depends on the
step's seed alone, so that a run which goes on asks the same, and processes need not talk to each other about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..data.task import Task
from ..objectives.groups import statistics
from ..rewards import Mix
from ..rollouts.collector import Collector, draw, grouped, seed_of
from ..rollouts.rollout import Rollout
from .scoring import ScoredBatch, judge

Flat = Literal["count", "drop", "resample"]
"""The fate of groups whose rewards are all equal: their tokens count in the loss's mean, they do not, or other
tasks are drawn in their place (those that are still flat in the end do not count)."""


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
