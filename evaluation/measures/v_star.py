"""V-STaR: what, when and where, asked in two chains (V-STaR-Bench/V-STaR, eval.py; arXiv 2503.11495).

A row is five questions: what; when and then where (chain 1); where and then when (chain 2). The script lets a model
grade the answers to *what*, from 0 to 3, and counts those of 2 and above as correct; here they are right as
`training.rewards.is_right` has it, with no judge. The script leaves out rows without an answer to *what*; here they
count as wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from ..judging import JudgedItem
from .grounding import THRESHOLDS as TIMES
from .grounding import best_iou
from .intervals import mean_of
from .measure import Figure
from .predictions import boxes_at, ranked_spans

PARTS = ("what", "when", "where", "where-2", "when-2")
"""Questions of a row; `Task.meta["v_star"]` is `[row, part]`."""
OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the IoU in a frame, that AP is given at."""
LEAST_TIME, LEAST_PLACE = 0.3, 0.1
"""tIoU and mean IoU from which a time and a place are right, where answers of a chain are taken together."""
_MOST = 1 - 1e-6  # keeps the logarithm of a perfect score finite


class Row(NamedTuple):
    """What one row came to, in one sample."""

    one: JudgedItem
    """One of its questions."""
    what: bool
    when: tuple[float, float]
    """tIoU in chain 1 and 2."""
    where: tuple[tuple[float, ...], tuple[float, ...]]
    """IoU in each annotated frame, in chain 1 and 2."""


def v_star(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Accuracy of *what*; for each chain mIoU, R@1, vIoU, AP and the shares that are right together; AM and LGM.

    AM is the mean of accuracy, mIoU and vIoU; LGM the mean of `-log(1 - x)` of them.
    """
    rows = _rows(judged)
    if not rows:
        return {}
    asked = [row.one for row in rows]

    def mean(values: Iterable[float]) -> Figure:
        return mean_of(asked, list(map(float, values)), out_of=len(judged))

    figures = {"what": mean(row.what for row in rows)}
    means: dict[str, list[float]] = {"AM": [], "LGM": []}
    for chain in (0, 1):
        name = f"chain {chain + 1}"
        when = [row.when[chain] for row in rows]
        frames = [row.where[chain] for row in rows]
        where = list(map(fmean, frames))
        figures |= {f"{name} mIoU": mean(when), f"{name} vIoU": mean(where)}
        figures |= {f"{name} R@1 IoU={m}": mean(value >= m for value in when) for m in TIMES}
        figures |= {f"{name} AP@{m}": mean(fmean(iou >= m for iou in own) for own in frames) for m in OVERLAPS}
        right = {
            "what": [row.what for row in rows],
            "when": [value >= LEAST_TIME for value in when],
            "where": [value >= LEAST_PLACE for value in where],
        }
        for some in (("what", "when"), ("what", "where"), ("when", "where"), ("what", "when", "where")):
            together = zip(*(right[part] for part in some), strict=True)
            figures[f"{name} {'+'.join(some)}"] = mean(map(all, together))
        three = (figures["what"].value, fmean(when), fmean(where))
        means["AM"].append(fmean(three))
        means["LGM"].append(-fmean(math.log(1 - min(value, _MOST)) for value in three))
    for name, (first, second) in means.items():
        figures |= {f"{name} 1": Figure(first), f"{name} 2": Figure(second), f"m{name}": Figure(fmean((first, second)))}
    return figures


def _rows(judged: Sequence[JudgedItem]) -> list[Row]:
    """Those of each sample that were asked whole: a limit, or a group of one kind of question, takes rows apart."""
    found: dict[tuple[str, int], dict[str, JudgedItem]] = {}
    for one in judged:
        if "v_star" in one.task.meta:
            row, part = one.task.meta["v_star"]
            found.setdefault((row, one.item.sample), {})[part] = one
    return [
        Row(
            one=parts["what"],
            what=parts["what"].right,
            when=(_when(parts["when"]), _when(parts["when-2"])),
            where=(_where(parts["where"]), _where(parts["where-2"])),
        )
        for parts in found.values()
        if set(parts) == set(PARTS)
    ]


def _when(one: JudgedItem) -> float:
    return best_iou(next(iter(ranked_spans(one)), None), one.task.truth.spans)


def _where(one: JudgedItem) -> tuple[float, ...]:
    truth = one.task.truth.track
    found = boxes_at(one, [time for time, _ in truth])
    return tuple(0.0 if box is None else box.iou(true) for box, (_, true) in zip(found, truth, strict=True))
