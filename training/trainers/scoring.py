"""From rollouts to what an objective asks of them, and to the figures of a step, for every trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..objectives import Advantages, Objective, RunningDifficulty, Scored
from ..rewards import Mix, Mixed, is_right, task_reward, tiou
from ..rewards.presets import reply_tokens
from ..rollouts.collector import failure, grouped
from ..rollouts.rollout import Rollout

NAN = math.nan
_accuracy, _iou = task_reward(), tiou()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBatch:
    """The rewards of a step's rollouts, in their order. NaN for runs that failed: those teach nothing."""

    totals: tuple[float, ...]
    parts: Mapping[str, tuple[float, ...]]
    """Each component as it entered the total, without its weight."""
    correct: tuple[float, ...]
    """The task's own reward, whatever the mix."""


def judge(rollouts: Sequence[Rollout], mix: Mix, group_size: int) -> ScoredBatch:
    """Rewards within groups of `group_size` neighbours; what failed is left out of its group."""
    groups = grouped(rollouts, group_size)
    able = [[rollout for rollout in group if failure(rollout) is None] for group in groups]
    mixed = mix.over(able)

    def spread(values: Sequence[Sequence[float]]) -> tuple[float, ...]:
        return tuple(
            value
            for group, some in zip(groups, values, strict=True)
            for value in _with_gaps([failure(rollout) is None for rollout in group], some)
        )

    return ScoredBatch(
        totals=spread([m.totals for m in mixed]),
        parts={name: spread([_part(m, name) for m in mixed]) for name in mix.components},
        correct=tuple(NAN if failure(rollout) else _accuracy(rollout) for rollout in rollouts),
    )


def _part(mixed: Mixed, name: str) -> Sequence[float]:
    return mixed.parts[name]


def _with_gaps(there: Sequence[bool], values: Sequence[float]) -> list[float]:
    given = iter(values)
    return [next(given) if is_there else NAN for is_there in there]


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


def facts(rollouts: Sequence[Rollout], judged: ScoredBatch) -> list[RolloutStats]:
    """The facts of judged rollouts."""
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
    known: Sequence[RolloutStats],
    mix: Mix,
    group_size: int,
    *,
    difficulty: RunningDifficulty | None = None,
    shuffled: Sequence[float] = (),
) -> Scored:
    """All that an objective may ask of a step, of all processes together, on the CPU.

    Args:
        known: facts of the rollouts, those of a group next to each other.
        mix: the reward.
        group_size: rollouts of a group.
        difficulty: running estimates, updated already.
        shuffled: the task's own reward of runs out of order, equally many for each group, in the groups' order.
    """
    import torch

    group_R = torch.arange(len(known)) // group_size
    each = len(shuffled) // max(len(known) // group_size, 1)
    return Scored(
        reward=torch.tensor([fact.reward for fact in known]),
        group=group_R,
        components=torch.tensor([fact.parts for fact in known]),
        component_weights=torch.tensor([weight for _, weight in mix.components.values()]),
        tasks=[fact.kind for fact in known],
        samples=[fact.task for fact in known],
        difficulty=difficulty,
        correct=torch.tensor([fact.correct for fact in known]),
        shuffled=torch.tensor(list(shuffled)) if each else None,
        shuffled_group=torch.arange(len(shuffled)) // each if each else None,
        lengths=torch.tensor([fact.length for fact in known]),
        calls=torch.tensor([fact.calls for fact in known]),
    )


def update_difficulty(difficulty: RunningDifficulty, known: Sequence[RolloutStats]) -> None:
    """Take in the rewards of a step."""
    import torch

    rewards = torch.tensor([fact.reward for fact in known])
    difficulty.update([fact.kind for fact in known], [fact.task for fact in known], rewards)


def figures(rollouts: Sequence[Rollout], judged: ScoredBatch) -> dict[str, float]:
    """What the rollouts of a step were like; a figure that no rollout has (the validity of no calls) is left out.

    A run that failed teaches nothing, so it has no reward, and it answered nothing, so it is not right: `accuracy` is
    over all runs, `failed` says how many of them failed, and everything else is over those that did not.
    """
    kept = [n for n, total in enumerate(judged.totals) if not math.isnan(total)]
    able = [rollouts[n] for n in kept]
    is_true = {id(rollout): is_right(rollout) for rollout in able}
    told: dict[str, list[float]] = {
        "reward": [judged.totals[n] for n in kept],
        **{f"reward/{name}": [values[n] for n in kept] for name, values in judged.parts.items()},
        "task_reward": [judged.correct[n] for n in kept],
        "accuracy": [float(is_true.get(id(r), False)) for r in rollouts],
        "tool_rate": [float(bool(r.calls)) for r in able],
        "valid_call_rate": [float(call.valid) for r in able for call in r.calls],
        "calls": [float(len(r.calls)) for r in able],
        "calls_when_right": [float(len(r.calls)) for r in able if is_true[id(r)]],
        "clip_iou": [_iou(r) for r in able if r.task.truth.spans],
        "turns": [float(len(r.turns)) for r in able],
        "length": [float(reply_tokens(r)) for r in able],
        "truncated": [float(_is_cut(r)) for r in able],
        "failed": [float(failure(r) is not None) for r in rollouts],
    }
    by_kind: dict[str, list[float]] = {}
    for rollout in rollouts:
        by_kind.setdefault(f"accuracy/{rollout.task.kind}", []).append(float(is_true.get(id(rollout), False)))
    told |= by_kind if len(by_kind) > 1 else {}
    return {name: sum(values) / len(values) for name, values in told.items() if values}


def advantage_figures(made: Advantages, objective: Objective) -> dict[str, float]:
    """How much the groups teach, and what the difficulty does to it."""
    told = {"flat_share": made.flat_share, "group_std": float(made.std.nanmean())}
    return told | ({"weight": float(made.weight.mean())} if objective.weigh else {})


def _is_cut(rollout: Rollout) -> bool:
    return any(message.response_metadata.get("finish_reason") == "length" for message in rollout.own)
