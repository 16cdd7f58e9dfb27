"""Temporal grounding: mIoU, recall at thresholds of tIoU, and grounded answers (NExT-GQA, ReXTime).

All figures are shares in [0, 1]; official scripts print percent. A prediction that is missing has tIoU 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ...memory import Span
from ...training.rewards import exact_option
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure
from .predictions import TIMED, pooled_spans, ranked_spans

THRESHOLDS = (0.3, 0.5, 0.7)
"""Of tIoU, as Charades-STA and ActivityNet-Captions are reported."""
GROUNDED = 0.5
"""IoP (NExT-GQA) and tIoU (ReXTime) from which a right answer is grounded."""
MOST = 5
"""Predictions that R@5 looks at."""
_SPARED = 0.05  # TALL, main.py: what overlaps a better one by more than the threshold less this is left out


def best_iou(predicted: Span | None, true: Sequence[Span]) -> float:
    """The largest tIoU with any true span."""
    return max((predicted.iou(one) for one in true), default=0.0) if predicted else 0.0


def best_iop(predicted: Span | None, true: Sequence[Span]) -> float:
    """The largest share of the prediction that lies in one true span (intersection over prediction).

    NExT-GQA, code/TempGQA/eval_ground.py: of several true spans the best one counts, not their union.
    """
    if predicted is None or predicted.duration <= 0:
        return 0.0
    return max((predicted.overlap(one) / predicted.duration for one in true), default=0.0)


def recalled(ranked: Sequence[Span], true: Sequence[Span], threshold: float, most: int) -> bool:
    """Return whether one of the first `most` predictions has a tIoU of at least `threshold` with a true span.

    TALL (jiyanggao/TALL, main.py): before they are counted, predictions go that overlap a better one by a tIoU of more
    than `threshold - 0.05`.
    """
    kept: list[Span] = []
    for span in ranked:
        if all(span.iou(better) <= threshold - _SPARED for better in kept):
            kept.append(span)
    return any(best_iou(span, true) >= threshold for span in kept[:most])


def grounding(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Mean tIoU (mIoU) and R@1 of the first prediction, of the items that are asked for a time.

    R@n, IoU=m: the share of queries of which one of the first n predictions has a tIoU of at least m
    (jiyanggao/TALL, main.py). R@5 pools the samples of a task, where there are several.
    """
    asked = [one for one in judged if one.task.kind in TIMED and one.task.truth.spans]
    if not asked:
        return {}
    n = len(judged)
    ious = [best_iou(_first(one), one.task.truth.spans) for one in asked]
    figures = {"mIoU": mean_of(asked, ious, out_of=n)}
    figures |= {f"R@1 IoU={m}": mean_of(asked, [float(iou >= m) for iou in ious], out_of=n) for m in THRESHOLDS}
    by_task: dict[str, list[JudgedItem]] = defaultdict(list)
    for one in asked:
        by_task[one.task.id].append(one)
    if len(by_task) < len(asked):
        first = [samples[0] for samples in by_task.values()]
        pooled = [(pooled_spans(samples), samples[0].task.truth.spans) for samples in by_task.values()]
        for m in THRESHOLDS:
            met = [float(recalled(ranked, true, m, MOST)) for ranked, true in pooled]
            figures[f"R@{MOST} IoU={m}"] = mean_of(first, met, out_of=n)
    return figures


def next_gqa(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Acc@QA, Acc@GQA, and IoP and IoU with the best true span (doc-doc/NExT-GQA, code/TempGQA/eval_ground.py).

    Acc@GQA counts right options whose span has an IoP of at least 0.5. The script divides by the questions that have a
    prediction; here every question counts.
    """
    if not judged:
        return {}
    ious = [best_iou(_first(one), one.task.truth.spans) for one in judged]
    iops = [best_iop(_first(one), one.task.truth.spans) for one in judged]
    right = [chose_right(one) for one in judged]
    figures = {
        "Acc@QA": _share(judged, right),
        "Acc@GQA": _share(judged, [answer and iop >= GROUNDED for answer, iop in zip(right, iops, strict=True)]),
    }
    for name, values in (("IoP", iops), ("IoU", ious)):
        figures[f"m{name}"] = mean_of(judged, values)
        figures |= {f"{name}@{m}": _share(judged, [value >= m for value in values]) for m in THRESHOLDS[:2]}
    return figures


def rextime(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """VQA accuracy, mIoU, R@1, and right answers whose span has a tIoU of at least 0.5.

    ReXTime/ReXTime, evaluation/rextime_eval.py: `VQA`, `MR-full-mIoU`, `MR-full-R1@m`, `VQA,mIoU@0.5`.
    """
    if not judged:
        return {}
    ious = [best_iou(_first(one), one.task.truth.spans) for one in judged]
    right = [chose_right(one) for one in judged]
    both = [answer and iou >= GROUNDED for answer, iou in zip(right, ious, strict=True)]
    figures = {"VQA": _share(judged, right), "VQA, IoU=0.5": _share(judged, both), "mIoU": mean_of(judged, ious)}
    return figures | {f"R@1 IoU={m}": _share(judged, [iou >= m for iou in ious]) for m in THRESHOLDS[:2]}


def chose_right(one: JudgedItem) -> bool:
    """Return whether exactly the right options were chosen, whatever was cited for them."""
    return not one.failed and exact_option()(one.rollout) == 1.0


def _first(one: JudgedItem) -> Span | None:
    return next(iter(ranked_spans(one)), None)


def _share(judged: Sequence[JudgedItem], which: Sequence[bool]) -> Figure:
    return mean_of(judged, [float(one) for one in which])
