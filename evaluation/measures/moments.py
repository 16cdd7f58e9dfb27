"""Moment retrieval and highlights of QVHighlights (jayleicn/moment_detr, standalone_eval/eval.py and utils.py).

All figures are shares in [0, 1]; the script prints percent. The script leaves queries without a prediction out of mAP;
here they count 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...memory import Span
from ..judging import Judged
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


def average_precision(ranked: Sequence[Span], true: Sequence[Span], threshold: float) -> float:
    """The interpolated average precision of ranked spans at one threshold of tIoU (that of PASCAL VOC 2011).

    Each prediction, best first, takes the nearest true span that is not taken, if its tIoU reaches the threshold.
    """
    free = dict(enumerate(true))
    hits = []
    for span in ranked:
        near = max(free, key=lambda n: (span.iou(free[n]), n), default=None)
        hits.append(near is not None and span.iou(free[near]) >= threshold)
        if near is not None and hits[-1]:
            del free[near]
    precision, found = [0.0] * len(hits), 0
    for rank, hit in enumerate(hits, start=1):
        found += hit
        precision[rank - 1] = found / rank
    # Precision at a recall is the best at that recall or a higher one; each hit adds 1 / len(true) of recall.
    return sum(max(precision[n:]) for n, hit in enumerate(hits) if hit) / len(true) if true else 0.0


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
    scores = np.zeros(count)
    for rank, span in enumerate(ranked, start=1):
        for n in range(max(int(span.start // CLIP), 0), min(int(span.end // CLIP) + 1, count)):
            scores[n] += span.overlap(Span(n * CLIP, (n + 1) * CLIP)) / CLIP / rank
    return scores


def qvhighlights(judged: Sequence[Judged]) -> Mapping[str, Figure]:
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
    return np.array(
        [[average_precision(spans, truth, m) for m in THRESHOLDS] for spans, truth in zip(ranked, true, strict=True)]
    )


def _highlights(judged: Sequence[Judged], out_of: int) -> dict[str, Figure]:
    if not judged:
        return {}
    figures: dict[str, Figure] = {}
    for name, least in LEVELS.items():
        found = [_highlight(one, least) for one in judged]
        figures[f"HL-mAP {name}"] = mean_of(judged, [precision for precision, _ in found], out_of=out_of)
        figures[f"HIT@1 {name}"] = mean_of(judged, [float(hit) for _, hit in found], out_of=out_of)
    return figures


def _highlight(one: Judged, least: float) -> tuple[float, bool]:
    ranked, true = ranked_spans(one), true_saliency(one)
    return highlight(true, clip_scores(ranked, len(true)), least) if ranked else (0.0, False)


def true_saliency(one: Judged) -> np.ndarray:
    """The scores of each clip by each of three people, 0 to 4: [clips, 3]; 0 outside the true moments."""
    found = one.task.meta[SALIENCY]
    scores = np.zeros((int(one.task.meta["duration"] / CLIP), 3))
    scores[np.array(found["clips"], dtype=int)] = np.array(found["scores"])
    return scores
