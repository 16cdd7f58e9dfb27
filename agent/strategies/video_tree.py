"""`video_tree`: group frames by look, rate the groups, and take more frames of the groups that matter (VideoTree).

Paper: VideoTree: Adaptive Tree-based Video Representation for LLM Reasoning on Long Videos (CVPR 2025, arXiv
2405.19209). Breadth: k-means of the frames' features with k = 8; the frame nearest each centre is rated for relevance
1 to 3; with fewer than 4 of relevance 3 and k below 32, k doubles. Depth: a group of relevance 1 gives its one frame,
of relevance 2 five sub-groups, of relevance 3 five times five, by Ward's hierarchy.

Choices: the model that sees rates the frames themselves, where the paper captions them and asks a language model; its
scale of 1 to 5 reads as 1 (1, 2), 2 (3) and 3 (4, 5). Five times five is the same hierarchy cut at 25. The policy is
shown the frames instead of captions, the most relevant first where the budget cannot take all; half of it is for
rating. Features are taken at 1 frame a second, more thinly beyond 1024 frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..steps import Steps
from .route import Brief, Route, RouteResult
from .route_budget import RouteBudget, thin

K, K_MAX, ENOUGH = 8, 32, 4
BRANCHES = 5
FEATURES = 1024
INSIDE = 256
"""Members of a group that are divided further, thinned evenly beyond."""


def relevance(rating: int | None) -> int:
    """VideoTree's 1 to 3 for a rating of 1 to 5; an unreadable one is in the middle."""
    return 2 if rating is None or rating == 3 else 3 if rating > 3 else 1


def next_k(levels: Sequence[int], k: int) -> int | None:
    """Return twice `k` while fewer than `ENOUGH` groups have relevance 3 and `k` is below `K_MAX`; else None."""
    return None if k >= K_MAX or sum(level == 3 for level in levels) >= ENOUGH else min(2 * k, K_MAX)


def fill(tiers: Sequence[Sequence[float]], count: int) -> list[float]:
    """Return at most `count` times (seconds), whole tiers in order; the first that does not fit is thinned evenly."""
    chosen: set[float] = set()
    for tier in tiers:
        chosen |= set(thin(set(tier) - chosen, count - len(chosen)))
    return sorted(chosen)


def run(brief: Brief) -> Steps[RouteResult]:
    """Grow the tree, and show its leaves."""
    budget = RouteBudget(brief)
    may_rate = budget.frames // 2
    if may_rate < 1 or budget.calls < 3:
        return (yield from budget.show_evenly("Too little budget for a tree: even steps."))
    fps = min(1.0, FEATURES / max(brief.whole.duration, 1.0))
    groups: list[dict[str, Any]] = []
    ratings: dict[float, int | None] = {}
    k: int | None = min(K, may_rate)
    while k is not None and budget.calls >= 3:
        (result,) = yield (budget.call("cluster_frames", k=k, fps=fps),)
        found = [] if result.error else result.data.get("clusters", [])
        new = [group["time"] for group in found if group["time"] not in ratings]
        if not found or len(ratings) + len(new) > may_rate:
            break
        groups = found
        if new:
            (result,) = yield (budget.call("rate_frames", len(new), times=new, question=brief.prompt),)
            rows = [] if result.error else result.data.get("ratings", [])
            ratings |= dict.fromkeys(new) | {t: row.get("score") for t, row in zip(new, rows, strict=False)}
            if result.error:
                break
        k = next_k([relevance(ratings[group["time"]]) for group in groups], k)
    if not groups:
        return (yield from budget.show_evenly("No groups could be made: even steps."))
    tiers = yield from _leaves(budget, groups, ratings)
    levels = [relevance(ratings[group["time"]]) for group in groups]
    text = f"{len(groups)} groups of frames; {levels.count(3)} relevant, {levels.count(2)} perhaps."
    return (yield from budget.show(fill(tiers, budget.frames), text))


def _leaves(
    budget: RouteBudget, groups: list[dict[str, Any]], ratings: dict[float, int | None]
) -> Steps[list[list[float]]]:
    """Return the times of the leaves of groups of relevance 3, 2 and 1; the calls bound how many are divided."""
    ordered = sorted(groups, key=lambda group: -relevance(ratings[group["time"]]))
    split = [g for g in ordered if relevance(ratings[g["time"]]) > 1 and len(g["times"]) > 1]
    split = split[: int(min(budget.calls - 1, len(split)))]
    tiers: dict[int, list[float]] = {3: [], 2: [], 1: []}
    for group in groups:
        tiers[relevance(ratings[group["time"]])].append(group["time"])
    if split:
        calls = []
        for group in split:
            cut = BRANCHES ** (relevance(ratings[group["time"]]) - 1)
            calls.append(budget.call("cluster_frames", k=cut, inside=thin(group["times"], INSIDE), method="ward"))
        divided = yield tuple(calls)
        for group, result in zip(split, divided, strict=True):
            if not result.error:
                below = [leaf["time"] for leaf in result.data.get("clusters", [])]
                tiers[relevance(ratings[group["time"]])] += below
    return [tiers[3], tiers[2], tiers[1]]


VIDEO_TREE = Route(
    name="video_tree",
    paper="VideoTree (CVPR 2025, arXiv 2405.19209)",
    about="groups frames by look and goes deeper where it matters; several moments, videos with distinct scenes",
    run=run,
)
