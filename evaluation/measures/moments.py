"""Moment retrieval and highlights of QVHighlights (jayleicn/moment_detr, standalone_eval/eval.py and utils.py).

All figures are shares in [0, 1]; the script prints percent. The script leaves queries without a prediction out of mAP;
here they count 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...memory import Span
from ..judging import JudgedItem
from .grounding import best_iou
from .intervals import mean_of
from .measure import Figure
from .predictions import ranked_spans

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Of tIoU, that mAP is averaged over."""
RANGES = {"short": (0.0, 10.0), "middle": (10.0, 30.0), "long": (30.0, 150.0)}
"""Lengths of true moments in seconds, above the first up to the second."""
MOST = 10
"""Predictions that mAP looks at."""
CLIP = 2.0
"""Seconds of a clip that has a saliency."""
LEVELS = {"Fair": 2, "Good": 3, "VeryGood": 4}
"""From which score, 0 to 4, a clip is a highlight."""
SALIENCY = "saliency"
"""Name in `Task.meta` of the scores: `{"clips": [ids from 0], "scores": [[three people's scores], …]}`."""


def average_precision(ranked: Sequence[Span], true: Sequence[Span], thresholds: Sequence[float]) -> list[float]:
    """The interpolated average precision of ranked spans at each threshold of tIoU (that of PASCAL VOC 2011).

    Each prediction, best first, takes the nearest true span that is not taken, if its tIoU reaches the threshold.
    """
    ious = [[span.iou(one) for one in true] for span in ranked]
    return [_precision(_hits(ious, len(true), threshold), len(true)) for threshold in thresholds]


def _hits(ious: Sequence[Sequence[float]], count: int, threshold: float) -> list[bool]:
    """Which predictions take one of `count` true spans."""
    free = list(range(count))
    hits = []
    for row in ious:
        near = max(free, key=lambda n: (row[n], n), default=None)
        hits.append(near is not None and row[near] >= threshold)
        if near is not None and hits[-1]:
            free.remove(near)
    return hits


def _precision(hits: Sequence[bool], count: int) -> float:
    """Precision at a recall is the best at that recall or a higher one; each hit adds `1 / count` of recall."""
    total, found, best = 0.0, sum(hits), 0.0
    for rank in range(len(hits), 0, -1):
        best = max(best, found / rank)
        if hits[rank - 1]:
            total += best
            found -= 1
    return total / count if count else 0.0


def highlight_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """The average precision of clips ranked by score, as the script has it: the mean over the recalls that are reached.

    Args:
        positive: [clips] bool, which are highlights.
        scores: [clips] float, the higher the better; clips of one score are ranked together.
    """
    if not positive.any():
        return 0.0
    if positive.all():
        return 1.0
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of the clips of one score
    found = np.cumsum(positive[order])[last]
    precision = found / (np.flatnonzero(last) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at that recall or a higher one
    return float(best[np.diff(found, prepend=0) > 0].mean())


def highlight(true: np.ndarray, predicted: np.ndarray, least: float) -> tuple[float, bool]:
    """The average precision, mean over the people, and whether the best clip is a highlight to one of them (HIT@1).

    Args:
        true: [clips, people] scores.
        predicted: [clips] scores; of the highest the first.
        least: the score from which a clip is a highlight.
    """
    positive = true >= least
    precision = float(np.mean([highlight_precision(own, predicted) for own in positive.T]))
    return precision, bool(positive[int(np.argmax(predicted))].any())


def clip_scores(ranked: Sequence[Span], count: int) -> np.ndarray:
    """The saliency that ranked spans give each clip of a video: [count] float.

    The n-th span gives the share of the clip that it covers, over n; so the best span is where the highlight is.
    """
    begin = np.arange(count) * CLIP
    scores = np.zeros(count)
    for rank, span in enumerate(ranked, start=1):
        covered = np.minimum(begin + CLIP, span.end) - np.maximum(begin, span.start)
        scores += np.maximum(covered, 0.0) / CLIP / rank
    return scores


def qvhighlights(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """MR-mAP, R@1 and, of queries whose clips have a saliency, HL-mAP and HIT@1."""
    if not judged:
        return {}
    ranked = [ranked_spans(one)[:MOST] for one in judged]
    true = [one.task.truth.spans for one in judged]
    ious = [best_iou(spans[0] if spans else None, truth) for spans, truth in zip(ranked, true, strict=True)]
    values = _precisions(ranked, true)
    figures = {
        "mAP": mean_of(judged, values.mean(axis=1).tolist()),
        "mAP@0.5": mean_of(judged, values[:, THRESHOLDS.index(0.5)].tolist()),
        "mAP@0.75": mean_of(judged, values[:, THRESHOLDS.index(0.75)].tolist()),
        "R@1 IoU=0.5": mean_of(judged, [float(iou >= 0.5) for iou in ious]),
        "R@1 IoU=0.7": mean_of(judged, [float(iou >= 0.7) for iou in ious]),
    }
    for name, (over, most) in RANGES.items():
        kept = [tuple(span for span in truth if over < span.duration <= most) for truth in true]
        chosen = [n for n, truth in enumerate(kept) if truth]
        if chosen:
            part = _precisions([ranked[n] for n in chosen], [kept[n] for n in chosen]).mean(axis=1)
            figures[f"mAP {name}"] = mean_of([judged[n] for n in chosen], part.tolist(), out_of=len(judged))
    return figures | _highlights([one for one in judged if SALIENCY in one.task.meta], len(judged))


def _precisions(ranked: Sequence[Sequence[Span]], true: Sequence[Sequence[Span]]) -> np.ndarray:
    """[queries, thresholds]."""
    return np.array([average_precision(spans, truth, THRESHOLDS) for spans, truth in zip(ranked, true, strict=True)])


def _highlights(judged: Sequence[JudgedItem], out_of: int) -> dict[str, Figure]:
    if not judged:
        return {}
    figures: dict[str, Figure] = {}
    pairs = [(true := true_saliency(one), clip_scores(ranked_spans(one), len(true))) for one in judged]
    for name, least in LEVELS.items():
        found = [highlight(true, scores, least) if scores.any() else (0.0, False) for true, scores in pairs]
        figures[f"HL-mAP {name}"] = mean_of(judged, [precision for precision, _ in found], out_of=out_of)
        figures[f"HIT@1 {name}"] = mean_of(judged, [float(hit) for _, hit in found], out_of=out_of)
    return figures


def true_saliency(one: JudgedItem) -> np.ndarray:
    """The scores of each clip by each of three people, 0 to 4: [clips, 3]; 0 outside the true moments."""
    found = one.task.meta[SALIENCY]
    scores = np.zeros((int(one.task.meta["duration"] / CLIP), 3))
    scores[np.array(found["clips"], dtype=int)] = np.array(found["scores"])
    return scores
