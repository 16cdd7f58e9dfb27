"""Temporal rewards: how well the spans of an answer meet the true ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...memory import Span
from ...memory.span import merge_spans
from ..rollouts.rollout import Rollout
from . import extraction
from .reward import Reward, simple_reward


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order of time, those that touch or overlap as one; spans without length are dropped."""
    return merge_spans(span for span in spans if span.duration > 0)


def total(spans: Iterable[Span]) -> float:
    """Seconds that are in any of the spans."""
    return sum(span.duration for span in merged(spans))


def shared(some: Iterable[Span], others: Iterable[Span]) -> float:
    """Seconds that are in some span of both."""
    there = merged(others)
    return sum(a.overlap(b) for a in merged(some) for b in there)


def iou(claims: Sequence[Span], true: Sequence[Span], *, empty: float = 0.0) -> float:
    """Return seconds in both over seconds in either, each second counted once.

    The union is that of the spans (Time-R1 divides by their hull: the same for two that overlap, longer for several).
    `empty` is the result where it has no length (VideoChat-R1 gives 1 there, which rewards saying nothing).
    """
    union = total([*claims, *true])
    return shared(claims, true) / union if union > 0 else empty


def within(claims: Sequence[Span], true: Sequence[Span], tolerance: float) -> bool:
    """Return whether there are as many spans, each with both ends at most `tolerance` seconds off the true ones."""
    ours, theirs = merged(claims), merged(true)
    if tolerance <= 0 or len(ours) != len(theirs):
        return False
    pairs = zip(ours, theirs, strict=True)
    most = tolerance + 1e-9
    return all(abs(a.start - b.start) <= most and abs(a.end - b.end) <= most for a, b in pairs)


def tiou() -> Reward:
    """IoU over time of all spans claimed with all true ones; 0 where nothing, or nothing with a length, is claimed."""
    return Reward(name="tiou", score=lambda r: iou(extraction.spans(r), r.task.truth.spans))


@simple_reward("time_r1")
def time_r1(rollout: Rollout) -> float:
    """Time-R1's timestamp-aware IoU, `IoU * (1 - |s - s'| / T) * (1 - |e - e'| / T)`.

    s, e are the first start and the last end that are claimed, s', e' the true ones, T the video's length (where nobody
    tells it, the last of these times); both factors are at least 0. Time-R1 keeps the last sample's IoU where the union
    is empty; here that is 0.
    """
    claims, true = merged(extraction.spans(rollout)), merged(rollout.task.truth.spans)
    if not claims or not true:
        return 0.0
    length = extraction.duration(rollout) or max(claims[-1].end, true[-1].end)
    off = abs(claims[0].start - true[0].start), abs(claims[-1].end - true[-1].end)
    return iou(claims, true) * max(0.0, 1 - off[0] / length) * max(0.0, 1 - off[1] / length)


def temporal(
    *,
    weight: float = 0.6,
    bonuses: Mapping[float, float] | None = None,
    length: float = 0.2,
    missed: float = 0.0,
) -> Reward:
    """The survey's temporal reward.

    `weight * tIoU + sum of bonuses reached - length * |P| / |V| - missed * (1 - recall)`: P is what is claimed, V the
    video (the longer of the two and the truth, where nobody tells its length). `missed` is the survey's penalty for
    critical events that were not found. To claim nothing is as bad as it gets, `-length - missed`, so that silence is
    never better than a miss.

    Args:
        weight: of the smooth part.
        bonuses: what each threshold of tIoU adds once it is reached; 0.2 each at 0.5 and 0.7 unless told otherwise.
        length: of the penalty on long claims.
        missed: of the penalty on truth that was not claimed.
    """
    steps = {0.5: 0.2, 0.7: 0.2} if bonuses is None else dict(bonuses)

    def score(rollout: Rollout) -> float:
        claims, true = extraction.spans(rollout), rollout.task.truth.spans
        if not claims:
            return -length - missed
        value = iou(claims, true)
        claimed, needed = total(claims), total(true)
        video = max(extraction.duration(rollout) or 0.0, claimed, needed)
        recall = shared(claims, true) / needed if needed else 0.0
        bonus = sum(step for threshold, step in steps.items() if value >= threshold)
        return weight * value + bonus - length * (claimed / video if video else 0.0) - missed * (1 - recall)

    return Reward(name="temporal", score=score, low=-length - missed, high=weight + sum(steps.values()))
