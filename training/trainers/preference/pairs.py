"""Preferences: two conversations about one task, of which one is better, as ids of the model that learns from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...rollouts.collector import failure
from ...rollouts.recording import recorded_row
from ...rollouts.rollout import Rollout
from ...rollouts.rows import Row, row_of

if TYPE_CHECKING:
    from ....agent.graph import Loop
    from ....agent.models.local_vlm import LocalPolicy
    from ....memory import FrameReader

Verifier = Callable[[Rollout], bool]
"""Says whether a run is good beyond its reward: a rule, or a model that is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A pair to learn from."""

    chosen: Row
    rejected: Row
    margin: float
    """Reward of the chosen one less that of the rejected one."""
    task: str
    """Id of the task."""


def picked(
    groups: Sequence[Sequence[Rollout]],
    rewards: Sequence[Sequence[float]],
    *,
    verifier: Verifier | None = None,
    margin: float = 0.1,
    per_group: int = 1,
) -> list[tuple[Rollout, Rollout, float]]:
    """The better and the worse run of each pair, and by how much, the best pairs of each group.

    Args:
        groups: runs of one task each.
        rewards: one for each run; runs with NaN, and runs that failed, take no part.
        verifier: where there is one, the chosen run must pass it and the rejected one must not.
        margin: least difference of rewards.
        per_group: most pairs of a group.

    Raises:
        ValueError: if there are not as many rewards as runs, or the margin is not above 0.
    """
    import torch

    from ...objectives import pick_pairs

    flat = [run for group in groups for run in group]
    if [len(group) for group in groups] != [len(values) for values in rewards]:
        raise ValueError("Every run of every group needs one reward.")
    if not flat:
        return []
    able = [failure(run) is None for run in flat]
    values = [value for some in rewards for value in some]
    reward_R = torch.tensor([value if can else math.nan for value, can in zip(values, able, strict=True)])
    group_R = torch.tensor([n for n, group in enumerate(groups) for _ in group])
    verified_R = (
        torch.tensor([can and verifier(run) for run, can in zip(flat, able, strict=True)]) if verifier else None
    )
    pairs = pick_pairs(reward_R, group_R, verified_R=verified_R, margin=margin, per_group=per_group)
    return [(flat[pair.chosen], flat[pair.rejected], pair.margin) for pair in pairs]


def recorded_pairs(
    pairs: Iterable[tuple[Rollout, Rollout, float]], policy: LocalPolicy, loop: Loop
) -> list[Preference]:
    """Preferences from pairs of conversations that anybody had, such as files hold, as ids of this policy.

    Args:
        pairs: (chosen, rejected, margin).
        policy: the model that is to learn from them.
        loop: whose tools were offered, and whose memory the pictures are read from.

    Raises:
        TraceError: if the policy would read a conversation otherwise than it was meant, or has no room for it.
    """
    made = []
    for chosen, rejected, margin in pairs:
        good, bad = recorded_row(policy, loop, chosen), recorded_row(policy, loop, rejected)
        if good and bad and good.ids != bad.ids:
            made.append(Preference(chosen=good, rejected=bad, margin=margin, task=chosen.task.id))
    return made


def pairs_of(
    rollouts_by_group: Sequence[Sequence[Rollout]],
    rewards: Sequence[Sequence[float]],
    policy: LocalPolicy,
    pixels: FrameReader | None,
    verifier: Verifier | None = None,
    *,
    margin: float = 0.1,
    per_group: int = 1,
) -> list[Preference]:
    """Preferences from runs of the policy, or from runs that have its records already (`record.recorded`).

    Runs in which the policy wrote nothing take no part, and neither do pairs whose runs wrote the same. The other
    arguments are those of `picked`.
    """
    rows = {id(run): row_of(policy, run.messages, pixels) for group in rollouts_by_group for run in group}
    known = [
        [value if rows[id(run)] else math.nan for run, value in zip(group, values, strict=True)]
        for group, values in zip(rollouts_by_group, rewards, strict=True)
    ]
    found = picked(rollouts_by_group, known, verifier=verifier, margin=margin, per_group=per_group)
    made = []
    for chosen, rejected, difference in found:
        good, bad = rows[id(chosen)], rows[id(rejected)]
        if good and bad and good.ids != bad.ids:
            made.append(Preference(chosen=good, rejected=bad, margin=difference, task=chosen.task.id))
    return made
