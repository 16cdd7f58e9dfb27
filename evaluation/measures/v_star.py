"""V-STaR: what, when and where, asked in two chains (V-STaR-Bench/V-STaR, eval.py; arXiv 2503.11495).

A row is five questions: what; when and then where (chain 1); where and then when (chain 2). The script lets a model
grade the answers to *what*, from 0 to 3, and counts those of 2 and above as correct; here they are right as
`training.rewards.is_right` has it, with no judge. The script leaves out rows without an answer to *what*; here they
count as wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from ..judging import Judged
from .grounding import THRESHOLDS as TIMES
from .grounding import best_iou
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

    what: float
    when: tuple[float, float]
    """tIoU in chain 1 and 2."""
    where: tuple[tuple[float, ...], tuple[float, ...]]
    """IoU in each annotated frame, in chain 1 and 2."""


def v_star(judged: Sequence[Judged]) -> Mapping[str, Figure]:
    """Accuracy of *what*; for each chain mIoU, R@1, vIoU, AP and the shares that are right together; AM and LGM."""
    rows = list(_rows(judged).values())
    if not rows:
        return {}
    what = fmean(row.what for row in rows)
    figures = {"what": what}
    means: dict[str, list[float]] = {"AM": [], "LGM": []}
    for chain in (0, 1):
        when = [row.when[chain] for row in rows]
        where = [fmean(row.where[chain]) if row.where[chain] else 0.0 for row in rows]
        name = f"chain {chain + 1}"
        figures[f"{name} mIoU"] = fmean(when)
        figures |= {f"{name} R@1 IoU={m}": fmean(value >= m for value in when) for m in TIMES}
        figures[f"{name} vIoU"] = fmean(where)
        for m in OVERLAPS:
            shares = [fmean(iou >= m for iou in row.where[chain]) if row.where[chain] else 0.0 for row in rows]
            figures[f"{name} AP@{m}"] = fmean(shares)
        said = [row.what > 0 for row in rows]
        timed, placed = [value >= LEAST_TIME for value in when], [value >= LEAST_PLACE for value in where]
        figures[f"{name} what+when"] = fmean(map(all, zip(said, timed, strict=True)))
        figures[f"{name} what+where"] = fmean(map(all, zip(said, placed, strict=True)))
        figures[f"{name} when+where"] = fmean(map(all, zip(timed, placed, strict=True)))
        figures[f"{name} all"] = fmean(map(all, zip(said, timed, placed, strict=True)))
        three = (what, fmean(when), fmean(where))
        means["AM"].append(fmean(three))
        means["LGM"].append(-fmean(math.log(1 - min(value, _MOST)) for value in three))
    for name, (first, second) in means.items():
        figures |= {f"{name} 1": first, f"{name} 2": second, f"m{name}": (first + second) / 2}
    return {name: Figure(value, count=len(rows)) for name, value in figures.items()}


def _rows(judged: Sequence[Judged]) -> dict[tuple[str, int], Row]:
    """By row and sample; a question that was not asked is answered wrong."""
    found: dict[tuple[str, int], dict[str, Judged]] = {}
    for one in judged:
        row, part = one.task.meta["v_star"]
        found.setdefault((row, one.item.sample), {})[part] = one
    return {
        key: Row(
            what=float("what" in parts and parts["what"].right),
            when=(_when(parts.get("when")), _when(parts.get("when-2"))),
            where=(_where(parts.get("where")), _where(parts.get("where-2"))),
        )
        for key, parts in found.items()
    }


def _when(one: Judged | None) -> float:
    return 0.0 if one is None else best_iou(next(iter(ranked_spans(one)), None), one.task.truth.spans)


def _where(one: Judged | None) -> tuple[float, ...]:
    if one is None:
        return ()
    truth = one.task.truth.track
    found = boxes_at(one, [time for time, _ in truth])
    return tuple(0.0 if box is None else box.iou(true) for box, (_, true) in zip(found, truth, strict=True))
